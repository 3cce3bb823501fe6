"""Figures as literals: lines, bars, differences by class, attention maps of a point in a video, and masks of a video.

Reports have a drawer for each type of figure.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
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

    def query_of(self, row: str, column: str) -> "RowQuery | None":
        """Attention queries for the runs of a cell; None if the figure shows no attention of them."""
        return None

    def sequence_of(self, row: str, column: str) -> "ShownSequence | None":
        """Sequence whose masks the figure shows for the runs of a cell; None if it shows none of them."""
        return None

    def shows_answers(self, row: str, column: str) -> bool:
        return False


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Plot of some columns of a table, with one line per row.

    Args:
        title: title above the plot.
        x_label, y_label: axis labels.
        columns: keys of the table's columns, from left to right.
        ticks: tick label of each column.
        relative_to: key of the row whose values are subtracted from those of every row; None for no subtraction.
        least_span: least length of the vertical axis, so that small differences look small.
    """

    title: str
    x_label: str
    y_label: str
    columns: tuple[str, ...]
    ticks: tuple[str, ...]
    relative_to: str | None = None
    least_span: float = 0.0

    def __post_init__(self) -> None:
        check_ticks(self.title, self.columns, self.ticks)


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
class BarPanel:
    """Groups of bars: a group for each column, and in it the values of each row, ours beside the printed ones.

    Args:
        title: title above the bars.
        y_label: label of the axis.
        rows: keys of the rows, from left to right.
        columns: keys of the columns, from left to right.
        ticks: text below each group.
    """

    title: str
    y_label: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    ticks: tuple[str, ...]

    def __post_init__(self) -> None:
        check_ticks(self.title, self.columns, self.ticks)


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
class F1Panel:
    """Differences of the F1 scores of two rows for each class of a kind of label, largest first.

    Args:
        title: title above the bars.
        row, relative_to: keys of the rows; a difference is the F1 of `row` minus that of `relative_to`.
        column: key of the column whose tests are compared.
        kind: kind of label, e.g. "verb".
        by_category: whether there is one bar for each category of classes: the mean over its classes, weighted by their
            numbers of test items.
        category_of: category of a class, given its name; None for the categories that are saved with the test.
        printed_mean: printed mean difference over all classes, in points; None if the paper does not print it.
    """

    title: str
    row: str
    relative_to: str
    column: str
    kind: str
    by_category: bool = False
    category_of: Callable[[str], str | None] | None = None
    printed_mean: float | None = None


@dataclass(frozen=True, kw_only=True)
class F1Differences(Figure):
    """Panels of F1 differences, side by side."""

    panels: tuple[F1Panel, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(row for panel in self.panels for row in (panel.row, panel.relative_to))

    @property
    def prints_numbers(self) -> bool:
        return any(panel.printed_mean is not None for panel in self.panels)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(panel.column for panel in self.panels)


class PrintedMargin(NamedTuple):
    """Class that the paper names, and its printed accuracy difference in points."""

    name: str
    points: float


@dataclass(frozen=True, kw_only=True)
class ClassMargins(Figure):
    """Classes with the largest accuracy differences between two rows of a table.

    Args:
        row, relative_to: keys of the rows; a difference is the accuracy of `row` minus that of `relative_to`.
        column: key of the column whose tests are compared.
        printed: classes that the paper names, in descending order of their differences.
    """

    row: str
    relative_to: str
    column: str
    printed: tuple[PrintedMargin, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return (self.row, self.relative_to)

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
class AttentionStrips(Figure):
    """Attention maps of one query point per row, frame by frame, from the models of a column."""

    column: str
    queries: tuple[RowQuery, ...]

    @property
    def rows(self) -> tuple[str, ...]:
        return tuple(query.row for query in self.queries)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def query_of(self, row: str, column: str) -> RowQuery | None:
        return next((query for query in self.queries if query.row == row and column == self.column), None)


@dataclass(frozen=True, kw_only=True)
class ShownSequence:
    """Test sequence whose masks are shown: its names in the real data set and in its stand-in, and its shown frames.

    `num_frames`: number of frames at even intervals, the first one and the last one included.
    """

    real: str
    stand_in: str
    num_frames: int = 6


@dataclass(frozen=True, kw_only=True)
class MaskStrips(Figure):
    """Masks of a sequence in some frames: the true ones, then those of some rows, from the runs of a column."""

    column: str
    shown: tuple[str, ...]
    sequence: ShownSequence

    @property
    def rows(self) -> tuple[str, ...]:
        return self.shown

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def sequence_of(self, row: str, column: str) -> ShownSequence | None:
        return self.sequence if row in self.shown and column == self.column else None


@dataclass(frozen=True, kw_only=True)
class AnsweredClips(Figure):
    """Frames of some test videos, with the answers of each row, from the runs of a column.

    `first`, `number`: of the clips that a test keeps, which are evenly spaced in it, those that are shown.
    """

    column: str
    shown: tuple[str, ...]
    first: int
    number: int

    @property
    def rows(self) -> tuple[str, ...]:
        return self.shown

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def shows_answers(self, row: str, column: str) -> bool:
        return row in self.shown and column == self.column


def check_ticks(title: str, columns: tuple[str, ...], ticks: tuple[str, ...]) -> None:
    """Refuse a panel without a tick for each of its columns.

    Raises:
        ValueError: with both numbers.
    """
    if len(columns) != len(ticks):
        raise ValueError(f"panel '{title}': {len(ticks)} ticks for {len(columns)} columns; give one for each")
