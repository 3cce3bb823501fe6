"""Kept pictures that the figure of a table shows: found in a store, and published."""

from collections.abc import Iterable

from experiments.spec.figure_runs import shown_runs
from experiments.spec.figures import Figure
from experiments.spec.table import Cell
from runner.store.kept_pictures import KeptPictures, kept_pictures, publish_kept
from runner.store.store import RunStore


def pictures_of(figure: Figure, cells: Iterable[Cell], store: RunStore) -> dict[str, KeptPictures]:
    """Attention maps, masks or clips of each row, if they are kept."""
    found = ((shown.row, kept_pictures(shown, store.shown(shown.run))) for shown in shown_runs(figure, cells))
    return {row: pictures for row, pictures in found if pictures is not None}


def publish_pictures(figure: Figure, cells: Iterable[Cell], store: RunStore) -> None:
    """Copy those made here of generated videos. Frames of real videos are never published."""
    for shown in shown_runs(figure, cells):
        if shown.run.data.dataset.stand_in is not None:
            publish_kept(shown, store)
