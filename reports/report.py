"""Contents of a report: rows and cells with measured values and states, and the facts in its footer."""

from dataclasses import dataclass, field, replace
from typing import Literal

from experiments.runner.attention_files import AttentionMaps
from experiments.spec.scales import Scale
from experiments.spec.table import Column, Row, Table, Value
from reports.footer import Facts
from reports.judgement import JudgedClaim

State = Literal[
    "done", "modified", "running", "interrupted", "failed", "not run", "measured", "derived", "quoted"
]  # fmt: skip

# States of unfinished seeds. A cell with several seeds shows the first of these states that any seed has.
UNFINISHED: tuple[State, ...] = ("running", "failed", "interrupted", "not run")


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """Result of one seed of a trained cell: its run, and its value if the test has finished."""

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
    """Cell of a report: one row in one column.

    Args:
        value: value measured here; the mean over the finished seeds.
        std: sample standard deviation (n - 1) over the finished seeds; None for fewer than two.
        num_seeds: number of seeds in `value`; 0 for a value without training.
        num_requested: number of requested seeds; 0 for a value without training.
        printed: value in the paper.
        modified: whether overrides of the command line change the run.
        released: whether released weights were tested instead of weights trained here.
        best: whether the value is the best measured value of its column, after rounding.
        conditions: device, batch size and precision of a measurement.
    """

    column: str
    state: State
    printed: Value
    value: float | str | None = None
    std: float | None = None
    num_seeds: int = 0
    num_requested: int = 0
    seeds: tuple[SeedResult, ...] = ()
    modified: bool = False
    released: bool = False
    best: bool = False
    progress: float | None = None
    conditions: str | None = None


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """Row of the table with its cells, in the order of the columns."""

    row: Row
    cells: tuple[ReportCell, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """Table at a scale, with everything that its renderings show.

    Args:
        attention_maps: attention maps of the table's figure, by the row's key.
        claims: verdicts on the claims of the table; empty without all its rows.
    """

    table: Table
    scale: Scale
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    facts: Facts
    attention_maps: dict[str, AttentionMaps] = field(default_factory=dict, compare=False)
    claims: tuple[JudgedClaim, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether the report has every row and no overrides. Other reports are not saved."""
        return not self.overrides and len(self.rows) == len(self.table.rows)

    @property
    def measured_headers(self) -> tuple[str | tuple[str, ...], ...]:
        """Headers of the columns with values computed or measured at the paper's size, at every scale."""
        return tuple(
            column.header
            for index, column in enumerate(self.table.columns)
            if any(row.cells[index].state == "measured" for row in self.rows)
        )


def settled(report: Report) -> Report:
    """Report with unfinished runs shown as not run, as in saved files."""

    def settle(cell: ReportCell) -> ReportCell:
        return replace(cell, state="not run", progress=None) if cell.state in UNFINISHED else cell

    return replace(report, rows=tuple(replace(r, cells=tuple(map(settle, r.cells))) for r in report.rows))


def rounded(column: Column, value: float) -> float:
    """Value rounded to the digits of its column."""
    return float(f"{value:.{column.digits}f}")
