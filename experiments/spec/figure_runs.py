"""Runs that a figure shows: the first one of each cell that the figure names, with what it shows of the cell."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol, TypeVar

from experiments.spec.catalog import Selection
from experiments.spec.figures import AttentionQuery, Figure
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell

Shown = TypeVar("Shown")
Shown_co = TypeVar("Shown_co", covariant=True)


class OfDataSet(Protocol[Shown_co]):
    """What is shown of the real data set, and of its stand-in."""

    @property
    def real(self) -> Shown_co: ...

    @property
    def stand_in(self) -> Shown_co: ...


def first_runs(
    cells: Iterable[Cell], shown_of: Callable[[str, str], Shown | None]
) -> Iterator[tuple[str, RunConfig, Shown]]:
    """Row, run with the first seed, and what is shown, of each cell that has both.

    Args:
        shown_of: what a figure shows of a row and a column; None for nothing.
    """
    for cell in cells:
        shown = shown_of(cell.row.key, cell.column.key)
        if shown is not None and cell.runs:
            yield cell.row.key, cell.runs[0], shown


class QueriedRun(NamedTuple):
    """Run of a table row, and the attention query of the row."""

    row: str
    run: RunConfig
    query: AttentionQuery


class ShownRun(NamedTuple):
    """Run of a table row, the name of the sequence whose masks are shown, and the number of its shown frames."""

    row: str
    run: RunConfig
    sequence: str
    num_frames: int


# For cells of the table of a figure, with the first seed. Most figures have none.


def queried(figure: Figure | None, cells: Iterable[Cell]) -> Iterator[QueriedRun]:
    """Runs whose attention a figure shows, each with the point of a video whose attention is drawn."""
    if figure is not None:
        for row, run, query in first_runs(cells, figure.query_of):
            yield QueriedRun(row, run, of_its_data(query, run))


def shown_sequences(figure: Figure | None, cells: Iterable[Cell]) -> Iterator[ShownRun]:
    """Runs whose masks a figure shows, each with the sequence whose masks are drawn."""
    if figure is not None:
        for row, run, shown in first_runs(cells, figure.sequence_of):
            yield ShownRun(row, run, of_its_data(shown, run), shown.num_frames)


def answered_runs(figure: Figure | None, cells: Iterable[Cell]) -> Iterator[tuple[str, RunConfig]]:
    """Rows and runs whose answers a figure shows."""
    if figure is not None:
        for row, run, shown in first_runs(cells, figure.shows_answers):
            if shown:
                yield row, run


def of_its_data(shown: OfDataSet[Shown], run: RunConfig) -> Shown:
    return shown.stand_in if run.data.dataset.stand_in is not None else shown.real


def of_tables(
    runs_of: Callable[[Figure | None, Iterable[Cell]], Iterable[Shown]],
    selections: Iterable[Selection],
    scale: Scale,
    overrides: Iterable[str],
    seeds: tuple[int, ...],
) -> list[Shown]:
    """Runs of the figures of selected tables and rows.

    Args:
        runs_of: runs of a figure, which most tables do not have, for cells of its table.
    """
    return [
        run
        for table, rows in selections
        for run in runs_of(table.figure, table.cells(scale, rows=rows, overrides=overrides, seeds=seeds))
    ]
