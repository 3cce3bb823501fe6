"""Runs of the figures of tables that show masks, each with the sequence whose masks are drawn."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from experiments.spec.catalog import Selection
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
    for cell in cells:
        shown = figure.sequence_of(cell.row.key, cell.column.key) if figure is not None else None
        if shown is not None and cell.runs:
            run = cell.runs[0]
            generated = run.data.dataset.stand_in is not None
            yield ShownRun(cell.row.key, run, shown.stand_in if generated else shown.real, shown.num_frames)


def shown_runs(
    selections: Iterable[Selection], scale: Scale, overrides: Iterable[str], seeds: tuple[int, ...]
) -> list[ShownRun]:
    """Sequences of the figures of selected tables and rows."""
    return [
        shown
        for table, rows in selections
        for shown in shown_sequences(table.figure, table.cells(scale, rows=rows, overrides=overrides, seeds=seeds))
    ]
