"""Figures as literals: line plots, accuracy differences by class, and attention maps of a point in a video."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class Panel:
    """Plot of some columns of a table, with one line per row.

    Args:
        title: title above the plot.
        x_label, y_label: axis labels.
        columns: keys of the table's columns, from left to right.
        ticks: tick label of each column.
        relative_to: key of the row whose values are subtracted from those of every row; None for no subtraction.
    """

    title: str
    x_label: str
    y_label: str
    columns: tuple[str, ...]
    ticks: tuple[str, ...]
    relative_to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Panels:
    """Grid of panels, row by row. Panels below each other show the same columns."""

    grid: tuple[tuple[Panel, ...], ...]


class PrintedMargin(NamedTuple):
    """Class that the paper names, and its printed accuracy difference in points."""

    name: str
    points: float


@dataclass(frozen=True, kw_only=True)
class ClassMargins:
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


@dataclass(frozen=True, kw_only=True)
class AttentionQuery:
    """Query point in a test video, and the block and head whose attention is shown. Indices start at 0.

    Args:
        video: id of the video in the annotation file, or its index there.
        frame: index of the point's token frame.
        x, y: coordinates of the point, as fractions of the width and height of the model's input frames.
        block: index of the block; None for the last block that computes all tokens, which is the last but one.
        head: index of the head; None for the mean over all heads.
    """

    video: int | str = 0
    frame: int = 0
    x: float = 0.5
    y: float = 0.5
    block: int | None = None
    head: int | None = None


@dataclass(frozen=True, kw_only=True)
class RowQuery:
    """Attention queries of a row: one for the real data set, and one for its stand-in."""

    row: str
    real: AttentionQuery
    stand_in: AttentionQuery


@dataclass(frozen=True, kw_only=True)
class AttentionStrips:
    """Attention maps of one query point per row, frame by frame, from the models of a column."""

    column: str
    queries: tuple[RowQuery, ...]


Figure = Panels | ClassMargins | AttentionStrips
