"""A printed table as a frozen literal: columns, rows, printed values; and its cells.

A cell's run is its column's base run (or its row's, where the row names one), with the row's edits, then the column's
edits, then the scale's edits, then the command line's overrides applied.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from experiments.spec.edits import Edits, apply, override
from experiments.spec.figures import Figure
from experiments.spec.metrics import Derived, Metric
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, Scale

Label = str | bool | None  # text, tick or cross, or the dash of a factor that does not apply
Value = float | str | None


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
        metric: what is shown.
        base: the run that the rows edit; None where every row names its own, or the column is derived from others.
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
    column: Column
    printed: Value
    paper_run: RunConfig | None = None
    run: RunConfig | None = None
    seeds: tuple[int, ...] = (0,)

    @property
    def tested(self) -> bool:
        """Whether the value comes from a finished test."""
        return self.column.metric.needs_test and self.run is not None

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
        tiny: what the scale `tiny` changes in the paper's recipes; the paper's `tiny.py`.
        notes: what a reader must know to compare, shown under the report.
        figure: the picture that is drawn of the table, if any.
    """

    name: str
    caption: str
    source: str
    labels: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    tiny: Edits
    notes: tuple[str, ...] = ()
    figure: Figure | None = None

    def __post_init__(self) -> None:
        """Refuse what no report could show.

        Raises:
            ValueError: for keys that stand twice, labels or printed values that do not fill the row, and columns
                derived from columns that do not exist or are derived themselves.
        """
        plain = {column.key for column in self.columns if not isinstance(column.metric, Derived)}
        for kind, keys in (("column", [c.key for c in self.columns]), ("row", [r.key for r in self.rows])):
            if twice := {key for key in keys if keys.count(key) > 1}:
                raise ValueError(f"table '{self.name}': {kind} {', '.join(sorted(twice))} stands twice")
        for row in self.rows:
            if len(row.labels) != len(self.labels) or len(row.paper) not in (0, len(self.columns)):
                raise ValueError(f"table '{self.name}', row '{row.key}': labels or printed values do not fill the row")
        for column in self.columns:
            if isinstance(column.metric, Derived) and (unknown := set(column.metric.columns) - plain):
                raise ValueError(
                    f"table '{self.name}', column '{column.key}': derived from {', '.join(sorted(unknown))}; name "
                    f"columns of the table that are not derived themselves"
                )

    @property
    def paper(self) -> str:
        """The paper's key."""
        return self.name.partition("/")[0]

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
        """The run of a cell named `row.column`, or a parent of it: `row.column.start`, or the part that it fills.

        Raises:
            ValueError: when the table has no such cell, or it needs no run.
        """
        key, _, rest = cell.partition(".")
        column, *lineage = rest.split(".")
        cells = self.cells(scale, rows=[key], overrides=overrides, seeds=(seed,))
        run = next((c.runs[0] for c in cells if c.column.key == column and c.runs), None)
        for name in lineage:
            parents = run.parents if run is not None else ()
            run = next((parent.run for parent in parents if parent.name == name), None)
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

    def _cell(self, row: Row, column: Column, scale: Scale, overrides: tuple[str, ...], seeds: tuple[int, ...]) -> Cell:
        printed = row.paper[self.columns.index(column)] if row.paper else None
        base = row.base or column.base
        if row.quoted or base is None or isinstance(column.metric, Derived):
            return Cell(row, column, printed, seeds=seeds)
        paper_run = apply(base, (*row.edits, *column.edits))
        run = scale.of(paper_run, self.tiny)
        for text in overrides:
            run = apply(run, [override(text, run)])
        if overrides:
            run.model.check(run.data.size)
        return Cell(row, column, printed, paper_run, run, seeds)
