"""Kept pictures that the figure of a table shows: found in a store, and published."""

from collections.abc import Iterable, Iterator

from experiments.spec.figure_runs import answered_runs, queried, shown_sequences
from experiments.spec.figures import Figure
from experiments.spec.table import Cell
from reports.pages.report import Pictures
from runner.inference.answers import held_clips, publish_clips
from runner.store.kept_pictures import AttentionMaps, MaskStrip, maps_id, strip_id
from runner.store.store import RunStore


def pictures_of(figure: Figure, cells: Iterable[Cell], store: RunStore) -> dict[str, Pictures]:
    """Attention maps, masks or clips of each row, if they are kept."""
    return {row: found for row, found in _pictures(figure, list(cells), store) if found}


def _pictures(figure: Figure, cells: list[Cell], store: RunStore) -> Iterator[tuple[str, Pictures | None]]:
    for row, run, query in queried(figure, cells):
        yield row, store.pictures(AttentionMaps, maps_id(run, query), store.shown(run))
    for shown in shown_sequences(figure, cells):
        yield shown.row, store.pictures(MaskStrip, strip_id(shown), store.shown(shown.run))
    for row, run in answered_runs(figure, cells):
        yield row, list(held_clips(run, store.shown(run)))


def publish_pictures(figure: Figure, cells: Iterable[Cell], store: RunStore) -> None:
    """Copy those made here of generated videos. Frames of real videos are never published."""
    generated = [cell for cell in cells if cell.run is not None and cell.run.data.dataset.stand_in is not None]
    for _, run, query in queried(figure, generated):
        store.publish_pictures(run, AttentionMaps.folder, maps_id(run, query))
    for shown in shown_sequences(figure, generated):
        store.publish_pictures(shown.run, MaskStrip.folder, strip_id(shown))
    for _, run in answered_runs(figure, generated):
        publish_clips(run, store)
