"""Attention queries of the figures of tables: runs, each with the point of a video whose attention is drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiments.spec.catalog import Selection
from experiments.spec.figures import AttentionQuery, Figure
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell


class QueriedRun(NamedTuple):
    """Run of a table row, and the attention query of the row."""

    row: str
    run: RunConfig
    query: AttentionQuery


def queried(figure: Figure | None, cells: Iterable[Cell]) -> Iterator[QueriedRun]:
    """Attention queries of a figure for cells of its table, with the first seed. Most figures have none."""
    for cell in cells:
        query = figure.query_of(cell.row.key, cell.column.key) if figure is not None else None
        if query is not None and cell.runs:
            run = cell.runs[0]
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
