"""Runs that a figure shows: the first one of each cell that the figure names, with what it shows of the cell."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from experiments.spec.figures import Figure, Shown
from experiments.spec.run import RunConfig

if TYPE_CHECKING:
    from experiments.spec.catalog import Selection
    from experiments.spec.scales import Scale
    from experiments.spec.table import Cell


class ShownRun(NamedTuple):
    """Run of a table row with the first seed, and what a figure shows of it."""

    row: str
    run: RunConfig
    shown: Shown


def shown_runs(figure: Figure | None, cells: "Iterable[Cell]") -> Iterator[ShownRun]:
    """Runs of a figure for cells of its table."""
    for cell in cells:
        if figure is not None and cell.runs:
            run = cell.runs[0]
            stand_in = run.data.dataset.stand_in is not None
            if (shown := figure.shown_of(cell.row.key, cell.column.key, stand_in=stand_in)) is not None:
                yield ShownRun(cell.row.key, run, shown)


def selected_runs(
    selections: "Iterable[Selection]", scale: "Scale", overrides: Iterable[str], seeds: tuple[int, ...]
) -> list[ShownRun]:
    """Runs of the figures of selected tables and rows."""
    return [
        run
        for table, rows in selections
        for run in shown_runs(table.figure, table.cells(scale, rows=rows, overrides=overrides, seeds=seeds))
    ]
