"""What a figure draws from its table: panels of lines, margins of classes, or what points of a video attend to."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from experiments.attention_maps import AttentionQuery
from experiments.run import RunConfig
from experiments.scales import Scale

if TYPE_CHECKING:
    from experiments.catalog import Selection
    from experiments.table import Cell


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
class RowQuery:
    """The point whose attention is drawn for a row: in a video of the real data set, and in one of its stand-in."""

    row: str
    real: AttentionQuery
    stand_in: AttentionQuery


class QueriedRun(NamedTuple):
    """The run of a table's row, and the query that is drawn for it."""

    row: str
    run: RunConfig
    query: AttentionQuery


@dataclass(frozen=True, kw_only=True)
class AttentionStrips:
    """Frames of a video a row, with what one of its points attends to in each, by the model of a column."""

    column: str
    queries: tuple[RowQuery, ...]

    def queried(self, cells: Iterable["Cell"]) -> Iterator[QueriedRun]:
        """What is drawn of some cells of the table; of several seeds the first."""
        queries = {query.row: query for query in self.queries}
        for cell in cells:
            if cell.column.key == self.column and cell.row.key in queries and cell.runs:
                run, query = cell.runs[0], queries[cell.row.key]
                generated = run.data.dataset.stand_in is not None
                yield QueriedRun(cell.row.key, run, query.stand_in if generated else query.real)


def queried_runs(
    selections: "Iterable[Selection]", scale: Scale, overrides: Iterable[str], seeds: tuple[int, ...]
) -> list[QueriedRun]:
    """The runs whose attention some tables draw, and at what they are to look."""
    return [
        queried
        for table, rows in selections
        if isinstance(table.drawing, AttentionStrips)
        for queried in table.drawing.queried(table.cells(scale, rows=rows, overrides=overrides, seeds=seeds))
    ]
