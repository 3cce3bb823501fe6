"""The runs whose attention the figures of tables draw, each with the point of a video that is drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiments.spec.catalog import Selection
from experiments.spec.figures import AttentionQuery, AttentionStrips
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell


class QueriedRun(NamedTuple):
    """The run of a table's row, and the query that is drawn for it."""

    row: str
    run: RunConfig
    query: AttentionQuery


def queried(figure: object, cells: Iterable[Cell]) -> Iterator[QueriedRun]:
    """The attention that a figure draws of some cells of its table; of several seeds the first. Other figures: none."""
    if not isinstance(figure, AttentionStrips):
        return
    queries = {query.row: query for query in figure.queries}
    for cell in cells:
        if cell.column.key == figure.column and cell.row.key in queries and cell.runs:
            run, query = cell.runs[0], queries[cell.row.key]
            generated = run.data.dataset.stand_in is not None
            yield QueriedRun(cell.row.key, run, query.stand_in if generated else query.real)


def queried_runs(
    selections: Iterable[Selection], scale: Scale, overrides: Iterable[str], seeds: tuple[int, ...]
) -> list[QueriedRun]:
    """The attention that the figures of some tables draw."""
    return [
        one
        for table, rows in selections
        for one in queried(table.figure, table.cells(scale, rows=rows, overrides=overrides, seeds=seeds))
    ]
