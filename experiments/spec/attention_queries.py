"""Attention queries of the figures of tables: runs, each with the point of a video whose attention is drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiments.spec.catalog import Selection
from experiments.spec.figures import AttentionQuery, AttentionStrips
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell


class QueriedRun(NamedTuple):
    """Run of a table row, and the attention query of the row."""

    row: str
    run: RunConfig
    query: AttentionQuery


def queried(figure: object, cells: Iterable[Cell]) -> Iterator[QueriedRun]:
    """Attention queries of a figure for cells of its table, with the first seed. Other types of figure have none."""
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
    """Attention queries of the figures of selected tables and rows."""
    return [
        queried_run
        for table, rows in selections
        for queried_run in queried(table.figure, table.cells(scale, rows=rows, overrides=overrides, seeds=seeds))
    ]
