"""Attention queries of the figures of tables: runs, each with the point of a video whose attention is drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiments.spec.catalog import Selection
from experiments.spec.figure_runs import first_runs, of_its_data, of_tables
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
    if figure is not None:
        for row, run, query in first_runs(cells, figure.query_of):
            yield QueriedRun(row, run, of_its_data(query, run))


def queried_runs(
    selections: Iterable[Selection], scale: Scale, overrides: Iterable[str], seeds: tuple[int, ...]
) -> list[QueriedRun]:
    return of_tables(queried, selections, scale, overrides, seeds)
