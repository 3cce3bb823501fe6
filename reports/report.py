"""The contents of a report: rows and cells with measured values and states, and the facts of its footer."""

from dataclasses import dataclass, field, replace
from typing import Literal

from experiments.runner.attention_files import AttentionMaps
from experiments.spec.scales import Scale
from experiments.spec.table import Column, Row, Table, Value
from reports.footer import Facts

State = Literal[
    "done", "modified", "running", "interrupted", "failed", "not run", "measured", "derived", "quoted"
]  # fmt: skip

# The states of unfinished seeds; a cell of several shows the first of these that one of them has.
UNFINISHED: tuple[State, ...] = ("running", "failed", "interrupted", "not run")


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """One seed of a trained cell: its run, and the value where the test has finished."""

    seed: int
    train_id: str
    eval_id: str
    state: State
    value: float | None = None
    progress: float | None = None
    metrics: dict | None = None

    @property
    def released(self) -> bool:
        """Whether released weights were tested."""
        return self.metrics is not None and "released_weights" in self.metrics


@dataclass(frozen=True, kw_only=True)
class ReportCell:
    """One row under one column.

    Args:
        value: measured here; the mean over the seeds that have finished.
        std: sample standard deviation (n - 1) over the seeds; None below two.
        num_seeds: seeds that `value` is made of; 0 where it needs no training.
        num_asked: seeds asked for; 0 where it needs no training.
        printed: the paper's value.
        modified: whether the command line's overrides changed the run.
        released: whether it was tested with released weights instead of trained here.
        best: whether it is the best measured value of its column, to the digits shown.
    """

    column: str
    state: State
    printed: Value
    value: float | str | None = None
    std: float | None = None
    num_seeds: int = 0
    num_asked: int = 0
    seeds: tuple[SeedResult, ...] = ()
    modified: bool = False
    released: bool = False
    best: bool = False
    progress: float | None = None


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """A row of the table with its cells, in column order."""

    row: Row
    cells: tuple[ReportCell, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """A table at a scale, with everything that its renderings show.

    Args:
        attention_maps: those of the table's figure, by the row's key.
    """

    table: Table
    scale: Scale
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    facts: Facts
    attention_maps: dict[str, AttentionMaps] = field(default_factory=dict, compare=False)

    @property
    def whole(self) -> bool:
        """Whether it shows every row without overrides: only then is it kept as the table's report."""
        return not self.overrides and len(self.rows) == len(self.table.rows)

    @property
    def measured_headers(self) -> tuple[str | tuple[str, ...], ...]:
        """Headers of the columns that are computed or measured at the paper's size on every scale."""
        return tuple(
            column.header
            for index, column in enumerate(self.table.columns)
            if any(row.cells[index].state == "measured" for row in self.rows)
        )


def settled(report: Report) -> Report:
    """The report with unfinished runs shown as not run, as it is kept in files."""

    def settle(cell: ReportCell) -> ReportCell:
        return replace(cell, state="not run", progress=None) if cell.state in UNFINISHED else cell

    return replace(report, rows=tuple(replace(r, cells=tuple(map(settle, r.cells))) for r in report.rows))


def rounded(column: Column, value: float) -> float:
    """The value to the digits that its column shows."""
    return float(f"{value:.{column.digits}f}")
