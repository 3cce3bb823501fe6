"""Printed tables as frozen literals of columns, rows and printed values; and their cells.

The run of a cell is the base run of its row or, if the row has none, of its column. Edits are applied in this order:
those of the row, the column and the scale, the ablated ones of row and column once more, then the overrides of the
command line.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from experiments.spec.claims import Claim
from experiments.spec.edits import Edits, all_overridden, apply, lacks_part, override, owner_of
from experiments.spec.figures import Figure
from experiments.spec.metrics import OF_ROWS, Derived, Metric, Tested
from experiments.spec.names import nearest
from experiments.spec.number_formats import Decimals, NumberFormat, Shortest
from experiments.spec.paper_folders import members
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, Recipe, Scale

KEY = re.compile(r"[\w-]+")  # other characters separate the keys of a cell, as in table:row.column,column

Label = str | bool | None  # text, tick or cross; None: the factor does not apply
Header = str | tuple[str, ...]  # a tuple for several levels, top level first
Value = float | str | None


class Bold(str):
    """Label that the paper prints in bold."""


class BoldNumber(float):
    """Number that the paper prints in bold."""


class Underlined(float):
    """Number that the paper prints underlined."""


def bold(*numbers: float) -> tuple[BoldNumber, ...]:
    return tuple(map(BoldNumber, numbers))


def printed_style(value: Value) -> Literal["bold", "underlined"] | None:
    """How the paper prints a value, if not plainly."""
    match value:
        case BoldNumber():
            return "bold"
        case Underlined():
            return "underlined"
    return None


def label_text(label: Label) -> str:
    """Label of a row as printed: text, tick, cross or dash."""
    match label:
        case None:
            return "–"
        case bool():
            return "✓" if label else "✗"
    return str(label)  # plain text: TensorBoard refuses subclasses of str


def one_line(header: Header) -> str:
    """Header of one or several levels, in one line."""
    return header if isinstance(header, str) else " / ".join(level for level in header if level)


@dataclass(frozen=True, kw_only=True)
class Column:
    """Column of a table.

    Args:
        metric: metric of the cells; by default, each row has its own.
        base: run that the rows edit; None if every row has its own, or for a derived column.
        digits: number of printed decimals; None for two significant digits.
        best: extreme value that is printed bold, if any.
        edits: edits applied after those of the row.
        scaled_headers: headers at other scales, by name, where the printed one does not hold.
    """

    key: str
    header: Header
    metric: Metric = OF_ROWS
    base: RunConfig | None = None
    digits: int | None = 1
    best: Literal["max", "min"] | None = None
    edits: Edits = ()
    scaled_headers: Mapping[str, Header] = field(default_factory=dict)

    @property
    def form(self) -> Decimals:
        return Decimals(self.digits)


@dataclass(frozen=True, kw_only=True)
class Row:
    """Row of a table. A row quoted from another paper has no run, only printed values.

    `metric`: metric of the cells of the row, in place of those of the columns, e.g. a setting of the run of each column;
        `ByColumn` for one in each column.
    `form`: format of its numbers; by default that of the columns or, with a metric, the shortest.
    """

    key: str
    labels: tuple[Label, ...]
    edits: Edits = ()
    base: RunConfig | None = None
    paper: tuple[Value, ...] = ()
    quoted: bool = False
    metric: Metric | None = None
    form: NumberFormat | None = None

    def metric_of(self, column: Column) -> Metric:
        own = None if self.metric is None else self.metric.in_column(column.key)
        return own or column.metric


def row(
    key: str,
    labels: tuple[Label, ...],
    *edits: Edits,
    paper: tuple[Value, ...],
    base: RunConfig | None = None,
    metric: Metric | None = None,
    form: NumberFormat | None = None,
) -> Row:
    """Row with runs: its edits and, last, its printed values."""
    flat = tuple(edit for group in edits for edit in group)
    return Row(key=key, labels=labels, edits=flat, base=base, paper=paper, metric=metric, form=form)


def quoted(key: str, labels: tuple[Label, ...], paper: tuple[Value, ...] = ()) -> Row:
    return Row(key=key, labels=labels, paper=paper, quoted=True)


@dataclass(frozen=True)
class Cell:
    """Cell of a row and a column: its run at the paper's size and at the requested scale, and its printed value."""

    row: Row
    column: Column
    printed: Value
    paper_run: RunConfig | None = None
    run: RunConfig | None = None
    seeds: tuple[int, ...] = (0,)
    left_out: str = ""  # why there is no run at the requested scale, although there is one at the paper's size
    modified: bool = False  # whether overrides change the run

    @property
    def metric(self) -> Metric:
        return self.row.metric_of(self.column)

    @property
    def form(self) -> NumberFormat:
        return self.row.form or (self.column.form if self.row.metric is None else Shortest())

    @property
    def tested(self) -> bool:
        return self.metric.needs_test and self.run is not None

    @property
    def runs(self) -> tuple[RunConfig, ...]:
        """Run of each seed, or the only one if nothing depends on it."""
        return () if self.run is None else tuple(dict.fromkeys(map(self.run.with_seed, self.seeds)))


@dataclass(frozen=True, kw_only=True)
class Table:
    """Table of a paper.

    Args:
        name: `paper/table`.
        source: place in the paper.
        labels: printed headers of the label columns.
        pretraining: header of the label column that names the pretraining of the models, if any.
        recipes: what its runs get at other scales, by name, in place of `TINY` in the paper's `tiny.py` and so on.
        notes: remarks for the comparison with the paper, shown below the report.
        scaled_figures: the figure at other scales, by name, where the labels of `figure` do not hold.
        claims: what the paper concludes from the table.
    """

    name: str
    caption: str
    source: str
    labels: tuple[Header, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    recipes: Mapping[str, Recipe] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    figure: Figure | None = None
    scaled_figures: Mapping[str, Figure] = field(default_factory=dict)
    pretraining: str | None = None
    claims: tuple[Claim, ...] = ()

    def __post_init__(self) -> None:
        """Refuse tables that cannot be shown."""
        if (fault := next(self._faults(), None)) is not None:
            raise ValueError(f"table '{self.name}'{fault}")

    def _faults(self) -> Iterator[str]:
        columns, rows = [c.key for c in self.columns], [r.key for r in self.rows]
        for kind, keys in (("column", columns), ("row", rows), ("claim", [claim.key for claim in self.claims])):
            for key in keys:
                if not KEY.fullmatch(key):
                    yield f": {kind} '{key}'; keys are letters, digits, - and _"
                if keys.count(key) > 1:
                    yield f": duplicate {kind} {key}"
        for row in self.rows:
            if len(row.labels) != len(self.labels) or len(row.paper) not in (0, len(columns)):
                yield f", row '{row.key}': wrong number of labels or printed values"
            for column in self.columns:
                if row.metric is not None and isinstance(row.metric.in_column(column.key), Derived):
                    yield f", row '{row.key}': derived metrics are those of columns, not of rows"
                if row.metric_of(column) is OF_ROWS and not row.quoted:
                    yield f", row '{row.key}': no metric in column '{column.key}'; give one to the row or to the column"
        if self.figure is not None:
            for kind, keys, shown in (("row", rows, self.figure.rows), ("column", columns, self.figure.columns)):
                for key in (key for key in shown if key not in keys):
                    yield f": its figure shows {kind} '{key}', which the table does not have"
        for claim in self.claims:
            if unknown := [str(cell) for cell in claim.cells if cell.row not in rows or cell.column not in columns]:
                yield f", claim '{claim.key}': no cell {', '.join(unknown)}"
        plain = {column.key for column in self.columns if not isinstance(column.metric, Derived)}
        metrics = [(f"column '{column.key}'", column.metric) for column in self.columns]
        metrics += [(f"claim '{claim.key}'", cell.counted) for claim in self.claims for cell in claim.cells]
        for place, metric in metrics:
            if isinstance(metric, Derived) and (others := sorted(set(metric.columns) - plain)):
                named = "name columns of the table that are not derived themselves"
                yield f", {place}: derived from {', '.join(others)}; {named}"

    @property
    def label_names(self) -> tuple[str, ...]:
        return tuple(header if isinstance(header, str) else header[-1] for header in self.labels)

    @property
    def paper(self) -> str:
        return self.name.partition("/")[0]

    def recipe(self, scale: Scale) -> Recipe | None:
        """What its runs get at a scale; None if they cannot be run at it."""
        if scale is PAPER or scale.name in self.recipes:
            return self.recipes.get(scale.name, scale.recipe)
        return members(self.paper, scale.name).get(scale.name.upper(), scale.recipe)

    def find_row(self, key: str) -> Row:
        by_key = {row.key: row for row in self.rows}
        if key not in by_key:
            hint = nearest(key, by_key, f"its rows are {', '.join(by_key)}", prefix=f"{self.name}:")
            raise ValueError(f"table '{self.name}' has no row '{key}'; {hint}")
        return by_key[key]

    def rests_on_test(self, metric: Metric) -> bool:
        """Whether a value comes from a finished test, or is derived from columns with such values."""
        if isinstance(metric, Derived):
            return any(column.metric.needs_test for column in self.columns if column.key in metric.columns)
        return metric.needs_test

    def run_of(self, cell: str, scale: Scale, overrides: Iterable[str], seed: int) -> RunConfig:
        """Run of a cell `row.column`.

        Raises:
            ValueError: if the cell does not exist, or has no run.
        """
        row, _, column = cell.partition(".")
        cells = self.cells(scale, rows=[row], overrides=overrides, seeds=(seed,))
        if (run := next((c.runs[0] for c in cells if c.column.key == column and c.runs), None)) is None:
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
        """Cells of the table, or of the given rows only, row by row.

        An override of a part of the config changes only the runs that have this part, and must change one.
        """
        chosen = self.rows if rows is None else tuple(self.find_row(key) for key in rows)
        texts, recipe = tuple(overrides), self.recipe(scale)
        cells = tuple(self._cell(r, c, scale, recipe, texts, seeds) for r in chosen for c in self.columns)
        runs = [cell.run for cell in cells if cell.run is not None]
        for text in texts:
            if runs and all(lacks_part(text, run) for run in runs):
                override(text, next((run for run in runs if owner_of(text, run) is not None), runs[0]))  # raises
        return cells

    def _cell(
        self,
        row: Row,
        column: Column,
        scale: Scale,
        recipe: Recipe | None,
        overrides: tuple[str, ...],
        seeds: tuple[int, ...],
    ) -> Cell:
        printed = row.paper[self.columns.index(column)] if row.paper else None
        base = row.base or column.base
        if row.quoted or base is None or isinstance(row.metric_of(column), Derived):
            return Cell(row, column, printed, seeds=seeds)
        edits = (*row.edits, *column.edits)
        paper_run = apply(base, edits)
        metric, objective = row.metric_of(column), paper_run.objective
        if isinstance(metric, Tested) and not metric.is_optional and metric.name not in objective.metrics:
            raise ValueError(
                f"table '{self.name}', column '{column.key}': {type(objective).__qualname__} has no metric "
                f"'{metric.name}'; it has {', '.join(objective.metrics)}"
            )
        if recipe is None:
            raise ValueError(f"{self.name}: {self.paper} has no runs at the scale '{scale.name}' yet; choose another")
        if reason := recipe.left_out(paper_run):
            return Cell(row, column, printed, paper_run, seeds=seeds, left_out=reason)
        run = apply(scale.of(paper_run, recipe), (edit for edit in edits if edit.ablated))
        overridden = all_overridden(run, overrides)
        if overrides:
            overridden.check_model_and_recipe()
        return Cell(row, column, printed, paper_run, overridden, seeds, modified=overridden != run)
