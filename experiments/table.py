"""A printed table as a frozen literal: columns, rows, printed values; and the cells they make.

A cell's run is its column's base run (or its row's, where the row names one), with the row's edits, then the column's
edits, then the scale's edits, then the command line's overrides applied.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from experiments.drawing import AttentionStrips, ClassMargins, Panels
from experiments.limits import check_limits
from experiments.run import Edits, RunConfig, apply, override
from experiments.scales import PAPER, Scale

Label = str | bool | None  # text, tick or cross, or the dash of a factor that does not apply
Value = float | str | None

START = "start"  # names the run that a cell's run starts from

# Metrics that a trained run writes, and the one that `reproduce measure` writes on a GPU (experiments/memory.py); the
# others are measured from the config alone (experiments/cost.py).
TRAINED = ("top1", "top5", "action", "verb", "noun", "device_hours")
Metric = Literal[
    "top1", "top5", "action", "verb", "noun", "device_hours", "gflops", "gflops_views", "parameters", "base_model",
    "attention",
    "attention_kind", "positions", "tokenization", "memory",
]  # fmt: skip


def label_text(label: Label) -> str:
    """A row's label as printed: text, tick, cross or dash."""
    match label:
        case None:
            return "–"
        case bool():
            return "✓" if label else "✗"
    return label


def one_line(header: str | tuple[str, ...]) -> str:
    """A header of several levels in one line."""
    return header if isinstance(header, str) else " / ".join(level for level in header if level)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One quantity of a table.

    Args:
        key: name in files and JSON.
        header: as printed; a tuple for several levels.
        metric: what is measured.
        base: the run that the rows edit; None where every row names its own.
        digits: decimals as printed.
        best: which end is printed bold, if any.
        edits: made after the row's.
    """

    key: str
    header: str | tuple[str, ...]
    metric: Metric
    base: RunConfig | None = None
    digits: int = 1
    best: Literal["max", "min"] | None = None
    edits: Edits = ()


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A column derived from two others of the same row: `left - right`."""

    key: str
    header: str | tuple[str, ...]
    left: str
    right: str
    digits: int = 1
    best: Literal["max", "min"] | None = None

    def value(self, cells: dict[str, float]) -> float | None:
        """The difference, where both columns have a value."""
        if self.left in cells and self.right in cells:
            return cells[self.left] - cells[self.right]
        return None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of a table. A row quoted from another paper has no run: only its printed values are shown."""

    key: str
    labels: tuple[Label, ...]
    edits: Edits = ()
    base: RunConfig | None = None
    paper: tuple[Value, ...] = ()
    bold: bool = False
    quoted: bool = False


def row(key: str, labels: tuple[Label, ...], *edits: Edits, paper: tuple[Value, ...], bold: bool = False,
        base: RunConfig | None = None) -> Row:  # fmt: skip
    """A row that is run: what it changes and, last, what the paper prints for it."""
    flat = tuple(edit for group in edits for edit in group)
    return Row(key=key, labels=labels, edits=flat, base=base, paper=paper, bold=bold)


def quoted(key: str, labels: tuple[Label, ...], paper: tuple[Value, ...] = ()) -> Row:
    """A row that the paper quotes from another one."""
    return Row(key=key, labels=labels, paper=paper, quoted=True)


@dataclass(frozen=True)
class Cell:
    """A row under a column: its run at the paper's size and at the scale asked for, and the printed value."""

    row: Row
    column: Column | Difference
    printed: Value
    paper_run: RunConfig | None = None
    run: RunConfig | None = None
    seeds: tuple[int, ...] = (0,)

    @property
    def trained(self) -> bool:
        """Whether the value comes from a trained run."""
        return isinstance(self.column, Column) and self.column.metric in TRAINED and self.run is not None

    def measures(self, *metrics: str) -> bool:
        """Whether the cell has a run and shows one of these metrics."""
        return self.paper_run is not None and isinstance(self.column, Column) and self.column.metric in metrics

    @property
    def runs(self) -> tuple[RunConfig, ...]:
        """The run once per seed."""
        return () if self.run is None else tuple(replace(self.run, seed=seed) for seed in self.seeds)


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a paper.

    Args:
        name: `paper/table`.
        caption, source: as printed, and where.
        labels: headers of the label columns.
        columns, rows: the rest of the table, in printed order.
        notes: what a reader must know to compare, shown under the report.
        drawing: what is drawn of the table, if anything.
    """

    name: str
    caption: str
    source: str
    labels: tuple[str, ...]
    columns: tuple[Column | Difference, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()
    drawing: Panels | ClassMargins | AttentionStrips | None = None

    def find_row(self, key: str) -> Row:
        """The row of that key.

        Raises:
            ValueError: naming the nearest rows.
        """
        for candidate in self.rows:
            if candidate.key == key:
                return candidate
        keys = [r.key for r in self.rows]
        near = difflib.get_close_matches(key, keys, n=1)
        hint = f"did you mean '{self.name}:{near[0]}'?" if near else f"its rows are {', '.join(keys)}"
        raise ValueError(f"table '{self.name}' has no row '{key}'; {hint}")

    def run_of(self, cell: str, scale: Scale, overrides: Iterable[str], seed: int) -> RunConfig:
        """The run of a cell named `row.column`, or the run that it starts from: `row.column.start`.

        Raises:
            ValueError: when the table has no such cell, or it needs no run.
        """
        key, _, rest = cell.partition(".")
        column, *starts = rest.split(".")
        cells = self.cells(scale, rows=[key], overrides=overrides, seeds=(seed,))
        run = next((c.runs[0] for c in cells if c.column.key == column and c.runs), None)
        for start in starts:
            run = run.start_from if run is not None and start == START else None
        if run is None:
            raise ValueError(f"table '{self.name}' has no run '{cell}'; name one as row.column")
        return run

    def cells(
        self,
        scale: Scale = PAPER,
        *,
        rows: Iterable[str] | None = None,
        overrides: Iterable[str] = (),
        seeds: tuple[int, ...] = (0,),
    ) -> tuple[Cell, ...]:
        """Every cell of the table, row by row, or of the named rows only.

        Raises:
            ValueError: for an unknown row, or an override that does not fit every run.
        """
        chosen = self.rows if rows is None else tuple(self.find_row(key) for key in rows)
        texts = tuple(overrides)
        return tuple(self._cell(r, c, scale, texts, seeds) for r in chosen for c in self.columns)

    def _cell(
        self, row: Row, column: Column | Difference, scale: Scale, overrides: tuple[str, ...], seeds: tuple[int, ...]
    ) -> Cell:
        printed = row.paper[self.columns.index(column)] if row.paper else None
        base = None if isinstance(column, Difference) else (row.base or column.base)
        if row.quoted or base is None or isinstance(column, Difference):
            return Cell(row, column, printed, seeds=seeds)
        paper_run = apply(base, (*row.edits, *column.edits))
        run = scale.of(paper_run)
        for text in overrides:
            run = apply(run, [override(text, run)])
        if overrides:
            check_limits(run)
        return Cell(row, column, printed, paper_run, run, seeds)
