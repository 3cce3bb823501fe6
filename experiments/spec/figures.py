"""Figures as literals: panels of lines, accuracy differences by class, attention of a point in a video."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Lines over some columns of a table, one line a row.

    Args:
        title: stands above it.
        x_label, y_label: what the axes are.
        columns: keys of the table's columns, from left to right.
        ticks: what stands under each of them.
        relative_to: key of the row that the others are compared with; None shows the values as they are.
    """

    title: str
    x_label: str
    y_label: str
    columns: tuple[str, ...]
    ticks: tuple[str, ...]
    relative_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Panels:
    """Panels in rows; panels below each other share their columns."""

    grid: tuple[tuple[Panel, ...], ...]


class PrintedMargin(NamedTuple):
    """A class that the paper names, and how many points more it has right."""

    name: str
    points: float


@dataclass(frozen=True, kw_only=True)
class ClassMargins:
    """The classes in which two rows of a table differ most, in the tests of a column.

    Args:
        row, relative_to: keys of the rows.
        column: key of the column.
        printed: the classes that the paper names, best first.
    """

    row: str
    relative_to: str
    column: str
    printed: tuple[PrintedMargin, ...]


@dataclass(frozen=True, kw_only=True)
class AttentionQuery:
    """A point of a test video, and whose attention is shown. Everything is counted from 0.

    Args:
        video: its id in the annotation file, or its place there.
        frame: token frame that holds the point.
        x, y: the point, as shares of width and height of the picture that the model sees.
        block: None for the last in which what patches find is read: the one before the model's last.
        head: None for the mean over all heads.
    """

    video: int | str = 0
    frame: int = 0
    x: float = 0.5
    y: float = 0.5
    block: int | None = None
    head: int | None = None


@dataclass(frozen=True, kw_only=True)
class RowQuery:
    """The point whose attention is drawn for a row: in a video of the real data set, and in one of its stand-in."""

    row: str
    real: AttentionQuery
    stand_in: AttentionQuery


@dataclass(frozen=True, kw_only=True)
class AttentionStrips:
    """Frames of a video a row, with what one of its points attends to in each, by the model of a column."""

    column: str
    queries: tuple[RowQuery, ...]


Figure = Panels | ClassMargins | AttentionStrips
