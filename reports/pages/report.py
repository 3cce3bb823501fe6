"""Contents of a report: rows of cells, each with its records, and the facts about their runs."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeGuard

from experiments.spec.metrics import Measured, Metric
from experiments.spec.number_formats import NumberFormat
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell, Column, Row, Table, Value
from reports.pages.facts import Facts
from runner.store.store import StoredMeasurement, StoredTest

if TYPE_CHECKING:
    from runner.store.picture_files import KeptPictures

State = Literal[
    "done", "modified", "running", "interrupted", "failed", "trained", "not run", "not applicable", "measured",
    "too large", "derived", "quoted",
]  # fmt: skip

FINISHED: set[State] = {"done", "running", "not applicable"}  # states of seeds for which nothing is to be started
# States of seeds without a value. A cell with several seeds shows the first of these states that any seed has.
UNFINISHED: tuple[State, ...] = (
    "running", "failed", "interrupted", "trained", "too large", "not run", "not applicable",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """Result of one seed of a tested cell: its run, and its value if the test has finished."""

    run: RunConfig
    state: State
    value: float | None = None
    progress: float | None = None
    test: StoredTest | None = None
    others: Mapping[str, StoredTest] = field(default_factory=dict)
    """Published tests of the same run that others made, by their names."""

    @property
    def released(self) -> bool:
        return self.test is not None and self.test.record.released_weights is not None

    @property
    def published(self) -> bool:
        return self.test is not None and self.test.directory.is_published


@dataclass(frozen=True, kw_only=True)
class ReportCell:
    """Cell of a table with what the store has of it."""

    cell: Cell
    state: State
    value: float | str | None = None
    """Value measured here, the mean over the finished seeds; in a quoted row, what its printed cells give for a derived
    column."""
    std: float | None = None
    """Sample standard deviation (n - 1) over the finished seeds; None for fewer than two."""
    num_seeds: int = 0
    num_requested: int = 0
    """Numbers of seeds in the value, and of requested ones; at most 1 if nothing depends on the seed."""
    seeds: tuple[SeedResult, ...] = ()
    measurement: StoredMeasurement | None = None
    other_measurements: Mapping[str, StoredMeasurement] = field(default_factory=dict)
    """Published measurements of the same run that others made, by their names."""
    modified: bool = False
    """Whether overrides of the command line change the run."""
    released: bool = False
    """Whether released weights were tested instead of weights trained here."""
    published: bool = False
    """Whether the value comes from published results instead of the run store."""
    other_data: bool = False
    """Whether it was measured on other data than the rest of the table, or under other conditions than the rest of its
    column."""
    best: bool = False
    """Whether the value is the best of its column, after rounding; quoted values are included."""

    @property
    def row(self) -> Row:
        return self.cell.row

    @property
    def column(self) -> Column:
        return self.cell.column

    @property
    def metric(self) -> Metric:
        return self.cell.metric

    @property
    def form(self) -> NumberFormat:
        return self.cell.form

    @property
    def printed(self) -> Value:
        """Value in the paper; None without one that can be compared."""
        return self.cell.printed

    @property
    def by_seed(self) -> dict[int, SeedResult]:
        """Results by seed; one on which no seed has an effect is that of all."""
        if len(self.seeds) == 1:
            return dict.fromkeys(self.cell.seeds, self.seeds[0])
        return {result.run.seed: result for result in self.seeds}

    @property
    def progress(self) -> float | None:
        """Mean finished fraction over the seeds; None if no seed is running."""
        if all(seed.progress is None for seed in self.seeds):
            return None
        return statistics.fmean(1.0 if seed.state == "done" else seed.progress or 0.0 for seed in self.seeds)

    @property
    def conditions(self) -> str | None:
        """Conditions of a measurement. Values under other conditions are not compared."""
        metric, found = self.metric, self.measurement
        return metric.conditions_of(found.record) if found is not None and isinstance(metric, Measured) else None

    @property
    def repeats(self) -> tuple[float, ...]:
        """Values of the repeats of a measurement; empty for a value that counts as exact."""
        metric, found, run = self.metric, self.measurement, self.cell.paper_run
        if not isinstance(metric, Measured) or found is None or run is None:
            return ()
        return metric.repeats(found.record, run)

    @property
    def quoted_number(self) -> float | None:
        """Number of a cell of a quoted row: the printed one or else, in a derived column, that of the printed cells."""
        found = self.value if self.printed is None else self.printed
        return found if isinstance(found, int | float) else None


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    row: Row
    cells: tuple[ReportCell, ...]

    @property
    def pretrained(self) -> bool | None:
        """Whether its runs start from pretrained weights; None for a row without runs."""
        runs = [cell.cell.run for cell in self.cells if cell.cell.run is not None]
        return any(run.pretrained for run in runs) or any(cell.released for cell in self.cells) if runs else None


@dataclass(frozen=True, kw_only=True)
class Report:
    table: Table
    scale: Scale
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    facts: Facts
    columns: tuple[str, ...] = ()
    """Keys of the columns that were asked for; empty for all."""
    pictures: "Mapping[str, KeptPictures]" = field(default_factory=dict, compare=False)
    """What the table's figure shows, by the row's key: attention maps, masks, or clips with answers."""

    @property
    def cells(self) -> list[ReportCell]:
        return [cell for row in self.rows for cell in row.cells]

    @property
    def whole(self) -> bool:
        """Whether the report has every row and column and no overrides. Other reports are printed, not saved."""
        return not (self.overrides or self.columns) and len(self.rows) == len(self.table.rows)

    def column(self, key: str) -> list[ReportCell]:
        return [cell for cell in self.cells if cell.column.key == key]


def joint_state(states: Iterable[State]) -> State:
    """First of UNFINISHED that occurs in the states, or done if none does."""
    found: set[State] = {"done", *states}
    return next(state for state in (*UNFINISHED, "done") if state in found)


def is_number(value: object) -> TypeGuard[float]:
    """Whether a value is a number, not a text or a tick."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def quoted_numbers(cells: Iterable[ReportCell]) -> list[float]:
    return [number for cell in cells if cell.row.quoted and (number := cell.quoted_number) is not None]
