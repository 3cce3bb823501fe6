"""Runs of the figures of tables that show masks, each with the sequence whose masks are drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiments.spec.catalog import Selection
from experiments.spec.figure_runs import first_runs, of_its_data, of_tables
from experiments.spec.figures import Figure
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Cell


class ShownRun(NamedTuple):
    """Run of a table row, the name of the sequence whose masks are shown, and the number of its shown frames."""

    row: str
    run: RunConfig
    sequence: str
    num_frames: int


def shown_sequences(figure: Figure | None, cells: Iterable[Cell]) -> Iterator[ShownRun]:
    """Sequences of a figure for cells of its table, with the first seed. Most figures have none."""
    if figure is not None:
        for row, run, shown in first_runs(cells, figure.sequence_of):
            yield ShownRun(row, run, of_its_data(shown, run), shown.num_frames)


def shown_runs(
    selections: Iterable[Selection], scale: Scale, overrides: Iterable[str], seeds: tuple[int, ...]
) -> list[ShownRun]:
    return of_tables(shown_sequences, selections, scale, overrides, seeds)
