"""Figures as literals: lines, bars, differences by class, attention maps of a point in a video, and masks of a video.

Reports have a drawer for each type of figure.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import NamedTuple


class Figure(ABC):
    """Figure that is drawn from a table."""

    @property
    @abstractmethod
    def rows(self) -> tuple[str, ...]:
        """Keys of the rows that the figure names; empty if it shows all rows."""

    @property
    @abstractmethod
    def columns(self) -> tuple[str, ...]:
        """Keys of the columns that it shows."""

    @property
    def prints_numbers(self) -> bool:
        return False

    def shown_of(self, row: str, column: str, *, stand_in: bool) -> "Shown | None":
        """What the figure shows of the runs of a cell, besides its values. Most figures show nothing else."""
        return None


@dataclass(frozen=True, kw_only=True)
class CellPanel:
    """Plot of some columns of a table."""

    title: str
    y_label: str
    rows: tuple[str, ...] = ()
    """Keys of the rows; empty for all."""
    columns: tuple[str, ...]
    """Keys of the columns, from left to right."""
    ticks: tuple[str, ...]
    """Tick label of each column."""
    relative_to: str | None = None
    """Key of the row whose values are subtracted from those of every row; None for no subtraction."""

    def __post_init__(self) -> None:
        if len(self.columns) != len(self.ticks):
            numbers = f"{len(self.ticks)} ticks for {len(self.columns)} columns"
            raise ValueError(f"panel '{self.title}': {numbers}; give one for each")


@dataclass(frozen=True, kw_only=True)
class Panel(CellPanel):
    """Panel with one line per row."""

    x_label: str
    least_span: float = 0.0
    """Least length of the vertical axis, so that small differences look small."""


@dataclass(frozen=True, kw_only=True)
class Panels(Figure):
    """Grid of panels, row by row. Panels below each other show the same columns."""

    grid: tuple[tuple[Panel, ...], ...]

    @property
    def rows(self) -> tuple[str, ...]:
        panels = (panel for line in self.grid for panel in line)
        return tuple(panel.relative_to for panel in panels if panel.relative_to is not None)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column for line in self.grid for panel in line for column in panel.columns)


@dataclass(frozen=True, kw_only=True)
class BarPanel(CellPanel):
    """Groups of bars: a group for each column, and in it the values of each row, ours beside the printed ones."""


@dataclass(frozen=True, kw_only=True)
class Bars(Figure):
    """Panels of bars, side by side."""

    panels: tuple[BarPanel, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(row for panel in self.panels for row in panel.rows)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(column for panel in self.panels for column in panel.columns)


@dataclass(frozen=True, kw_only=True)
class ClassPanel:
    """Differences of the scores of two rows for each class, largest first."""

    title: str
    row: str
    relative_to: str
    """Keys of the rows; a difference is the score of `row` minus that of `relative_to`."""
    column: str
    """Key of the column whose tests are compared."""
    kind: str | None = None
    """Kind of label whose F1 scores are compared, e.g. "verb"; None for the accuracies of the classes."""
    by_category: bool = False
    """Whether there is one bar for each category of classes that is saved with the test: the mean, weighted by their
    numbers of test items."""
    ends: int | None = None
    """Number of classes with the largest gains, and of those with the largest losses; None for all classes."""
    printed_mean: float | None = None
    """Printed mean difference over all classes, in points; None if the paper does not print it."""
    printed: tuple[tuple[str, float], ...] = ()
    """Classes that the paper names with their differences in points, in descending order."""

    @property
    def score(self) -> str:
        return "top-1 accuracies" if self.kind is None else "F1"


@dataclass(frozen=True, kw_only=True)
class ClassDifferences(Figure):
    """Panels of differences by class, side by side."""

    panels: tuple[ClassPanel, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(row for panel in self.panels for row in (panel.row, panel.relative_to))

    @property
    def prints_numbers(self) -> bool:
        return any(panel.printed_mean is not None for panel in self.panels)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(panel.column for panel in self.panels)


@dataclass(frozen=True, kw_only=True)
class ColumnFigure(Figure):
    """Figure of the runs of one column."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)


@dataclass(frozen=True, kw_only=True)
class AttentionQuery:
    """Query point in a test video, and the block and head whose attention is shown. Indices start at 0.

    Args:
        video: id of the video in the annotation file, or its index there.
        frame: index of the point's token frame.
        x, y: coordinates of the point, as fractions of the width and height of the model's input frames.
        block: index of the block; None for the default of the model, the last block that has such maps.
        head: index of the head; None for the mean over all heads.
        attention: name of the attention, in a model with several; None for the default of the model.
        of_moving: whether `video` is the first test video that the run answers correctly, and the point that of its
            first frame that stands out and moves most.
    """

    video: int | str = 0
    frame: int = 0
    x: float = 0.5
    y: float = 0.5
    block: int | None = None
    head: int | None = None
    attention: str | None = field(default=None, metadata={"omit_if": None})
    of_moving: bool = field(default=False, metadata={"omit_if": False})


@dataclass(frozen=True, kw_only=True)
class RowQuery:
    """Attention queries of a row: one for the real data set, and one for its stand-in."""

    row: str
    real: AttentionQuery
    stand_in: AttentionQuery


@dataclass(frozen=True, kw_only=True)
class AttentionStrips(ColumnFigure):
    """Attention maps of one query point per row, frame by frame."""

    queries: tuple[RowQuery, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(query.row for query in self.queries)

    def shown_of(self, row: str, column: str, *, stand_in: bool) -> AttentionQuery | None:
        found = (query for query in self.queries if query.row == row and column == self.column)
        return next((query.stand_in if stand_in else query.real for query in found), None)


class ShownMasks(NamedTuple):
    """Masks of some frames, at even intervals, of a test sequence."""

    sequence: str
    num_frames: int


@dataclass(frozen=True, kw_only=True)
class MaskStrips(ColumnFigure):
    """Masks of a test sequence in some frames: the true ones, then those of some rows.

    `sequence`, `stand_in_sequence`: its names in the real data set and in its stand-in.
    `num_frames`: number of frames at even intervals, the first one and the last one included.
    """

    shown: tuple[str, ...]
    sequence: str
    stand_in_sequence: str
    num_frames: int = 6

    @property
    def rows(self) -> tuple[str, ...]:
        return self.shown

    def shown_of(self, row: str, column: str, *, stand_in: bool) -> ShownMasks | None:
        if row not in self.shown or column != self.column:
            return None
        return ShownMasks(self.stand_in_sequence if stand_in else self.sequence, self.num_frames)


class ShownAnswers(NamedTuple):
    """Answers to the clips that a test keeps."""


@dataclass(frozen=True, kw_only=True)
class AnsweredClips(ColumnFigure):
    """Frames of some test videos, with the answers of each row.

    `first`, `number`: of the clips that a test keeps, which are evenly spaced in it, those that are shown.
    """

    shown: tuple[str, ...]
    first: int
    number: int

    @property
    def rows(self) -> tuple[str, ...]:
        return self.shown

    def shown_of(self, row: str, column: str, *, stand_in: bool) -> ShownAnswers | None:
        return ShownAnswers() if row in self.shown and column == self.column else None


Shown = AttentionQuery | ShownMasks | ShownAnswers
