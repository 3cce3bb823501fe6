"""What a figure draws from its table: panels of lines, as the paper arranges them."""

from dataclasses import dataclass


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
