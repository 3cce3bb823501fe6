"""Contents of a report: rows and cells with measured values and states, and the facts in its footer."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from experiments.spec.number_formats import NumberFormat
from experiments.spec.scales import Scale
from experiments.spec.table import Row, Table, Value
from reports.pages.facts import Facts
from reports.pages.names import row_names
from reports.pages.sources import Source
from runner.inference.answers import AnsweredClip
from runner.store.kept_pictures import AttentionMaps, MaskStrip
from runner.store.records import TestRecord

State = Literal[
    "done", "modified", "running", "interrupted", "failed", "trained", "not run", "not applicable", "measured",
    "derived", "quoted",
]  # fmt: skip

# States of seeds without a value. A cell with several seeds shows the first of these states that any seed has.
UNFINISHED: tuple[State, ...] = ("running", "failed", "interrupted", "trained", "not run", "not applicable")


@dataclass(frozen=True, kw_only=True)
class SeedResult:
    """Result of one seed of a trained cell: its run, and its value if the test has finished."""

    seed: int
    train_id: str
    eval_id: str
    state: State
    value: float | None = None
    progress: float | None = None
    record: TestRecord | None = None
    source: Source | None = None

    @property
    def released(self) -> bool:
        return self.record is not None and self.record.released_weights is not None


@dataclass(frozen=True, kw_only=True)
class ReportCell:
    """Cell of a report: one row in one column.

    Args:
        value: value measured here, the mean over the finished seeds; in a quoted row, the derived value of the printed
            cells of a derived column.
        std: sample standard deviation (n - 1) over the finished seeds; None for fewer than two.
        num_seeds: number of seeds in `value`; 0 for a value without training.
        num_requested: number of requested seeds; 0 for a value without training.
        printed: value in the paper.
        form: format of the numbers of its row; None for that of its column.
        modified: whether overrides of the command line change the run.
        released: whether released weights were tested instead of weights trained here.
        published: whether the value comes from published results instead of the run store.
        other_data: whether it was measured on other data than the rest of the table, or under other conditions than
            the rest of its column.
        best: whether the value is the best of its column, after rounding; quoted values are included.
        source, measurement: origin and record of a value of `reproduce measure`. The seeds have their own.
        conditions: conditions of a measurement. Values under other conditions are not compared.
        device: hardware of a measurement.
        repeats: values of the repeats of a measurement; empty for a value that counts as exact.
    """

    column: str
    state: State
    printed: Value
    form: NumberFormat | None = None
    value: float | str | None = None
    std: float | None = None
    num_seeds: int = 0
    num_requested: int = 0
    seeds: tuple[SeedResult, ...] = ()
    modified: bool = False
    released: bool = False
    published: bool = False
    other_data: bool = False
    best: bool = False
    progress: float | None = None
    source: Source | None = None
    measurement: dict | None = None
    conditions: str | None = None
    device: str | None = None
    repeats: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """Row of the table with its cells, in the order of the columns.

    `pretrained`: whether its runs start from pretrained weights; None for a row without runs.
    """

    row: Row
    cells: tuple[ReportCell, ...]
    pretrained: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Report:
    """Table at a scale, with everything that its renderings show.

    Args:
        attention_maps: attention maps of the table's figure, by the row's key.
        mask_strips: masks of the table's figure, by the row's key.
        answered_clips: clips with answers of the table's figure, by the row's key.
    """

    table: Table
    scale: Scale
    seeds: tuple[int, ...]
    overrides: tuple[str, ...]
    rows: tuple[ReportRow, ...]
    facts: Facts
    attention_maps: dict[str, AttentionMaps] = field(default_factory=dict, compare=False)
    mask_strips: dict[str, MaskStrip] = field(default_factory=dict, compare=False)
    answered_clips: dict[str, tuple[AnsweredClip, ...]] = field(default_factory=dict, compare=False)

    @property
    def whole(self) -> bool:
        """Whether the report has every row and no overrides. Other reports are printed, not saved."""
        return not self.overrides and len(self.rows) == len(self.table.rows)

    @property
    def measured_headers(self) -> tuple[str | tuple[str, ...], ...]:
        """Headers of the columns with values computed or measured at the paper's size, at every scale.

        Rows with a metric of their own are named themselves, unless they are tested in other columns.
        """
        of_columns = [row for row in self.rows if row.row.metric is None]
        headers = [
            column.header
            for index, column in enumerate(self.table.columns)
            if any(row.cells[index].state == "measured" for row in of_columns)
        ]
        names = row_names(self.table)
        of_rows = [
            row
            for row in self.rows
            if row.row.metric
            and any(cell.state == "measured" for cell in row.cells)
            and not any(cell.num_requested for cell in row.cells)
        ]
        return (*headers, *(names[row.row.key] for row in of_rows))


def quoted_number(cell: ReportCell) -> float | None:
    """Number of a cell of a quoted row: the printed one or else, in a derived column, that of the printed cells."""
    found = cell.value if cell.printed is None else cell.printed
    return found if isinstance(found, int | float) else None


def quoted_values(rows: Iterable[ReportRow], index: int) -> list[float]:
    """Numbers of quoted rows in the column with this index."""
    found = (quoted_number(row.cells[index]) for row in rows if row.row.quoted)
    return [number for number in found if number is not None]


def joint_state(states: Iterable[State]) -> State:
    """First of UNFINISHED that occurs in the states, or done if none does."""
    found = set(states)
    for state in UNFINISHED:
        if state in found:
            return state
    return "done"
