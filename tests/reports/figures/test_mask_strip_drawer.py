"""Pictures of masks over frames, in the report of the table whose figure they are."""

import numpy as np
import pytest

from experiments.spec.catalog import load
from experiments.spec.scales import TINY
from experiments.spec.shown_sequences import shown_sequences
from reports.collect import collect
from reports.figures import figures
from reports.figures.mask_strip_drawer import COLORS, OPACITY, VOID_COLOR, MaskStripDrawer, overlaid
from reports.pages.render import markdown
from reports.pages.report import Report
from reports.publish import publish
from runner.store.mask_strip_files import MaskStrip, strip_id, write_strip
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

TABLE9 = load("motionformer/table9")
SHOWN = {shown.row: shown for shown in shown_sequences(TABLE9.figure, TABLE9.cells(TINY))}


def make_strip(seed: int = 0) -> MaskStrip:
    rng = np.random.default_rng(seed)
    true, predicted = rng.integers(4, size=(2, 5, 12, 20)).astype(np.uint8)
    record = {
        "train_id": "0123456789ab", "weights": "own", "sequence": "shapes-00", "seed": 0,
        "data": {"name": "davis2017", "stand_in": True}, "commit": "0123456789", "hardware": "2 cores of a CPU",
    }  # fmt: skip
    frames = rng.integers(256, size=(5, 12, 20, 3)).astype(np.uint8)
    return MaskStrip(np.array([0, 5, 9, 14, 23]), frames, true, predicted, record)


@pytest.fixture
def report(store: RunStore) -> Report:
    """Report with results and masks of two rows."""
    for seed, row in enumerate(("ours", "kept")):
        shown = SHOWN[row]
        write_result(store, shown.run, 40.0)
        write_strip(store.run(shown.run.train_id).mask_strip(strip_id(shown)), make_strip(seed))
    return collect(TABLE9, TINY, store)


def test_the_rows_of_the_figure_show_the_stand_in_sequence_at_tiny() -> None:
    assert set(SHOWN) == {"ours", "tokens", "random", "kept"}
    assert {shown.sequence for shown in SHOWN.values()} == {"shapes-00"}


def test_the_truth_is_above_the_masks_of_each_row(report: Report) -> None:
    drawer = figures.drawer(report)
    assert isinstance(drawer, MaskStripDrawer)
    axes = drawer.draw(None).axes
    assert len(axes) == 3 * 5
    strips = [make_strip(0), make_strip(0), make_strip(1)]
    for line, strip in enumerate(strips):
        for t in range(5):
            expected = overlaid(strip.frames[t], strip.true[t] if line == 0 else strip.predicted[t])
            assert np.array_equal(np.asarray(axes[5 * line + t].images[0].get_array()), expected)
    assert axes[1].get_title() == "frame 5" and axes[0].get_ylabel() == "truth"
    assert axes[5].get_ylabel().splitlines()[:2] == ["Supervised", "Ours"]


def test_objects_have_their_colours_over_the_frame() -> None:
    frame = np.array([[(90, 100, 110)] * 4], np.uint8)  # of mean 100
    found = overlaid(frame, np.array([[0, 1, 255, 2]], np.uint8))[0]
    assert (found[0] == 100).all()
    for pixel, color in zip(found[1:], (COLORS[0], VOID_COLOR, COLORS[1]), strict=True):
        assert pixel == pytest.approx(40 + OPACITY * color, abs=0.5)


def test_picture_and_provenance_are_part_of_the_report_and_published(report: Report, store: RunStore) -> None:
    drawer = figures.drawer(report)
    assert drawer is not None
    png = figures.picture(report, drawer)
    assert png == figures.picture(report, drawer) and png.startswith(b"\x89PNG")
    text = markdown(report)
    assert "sequence shapes-00; run 0123456789ab, seed 0; commit 0123456789" in text
    publish(report, store)
    assert store.results is not None
    published = collect(TABLE9, TINY, RunStore(store.root / "none", results=store.results))
    assert set(published.mask_strips) == {"ours", "kept"}


def test_a_report_without_masks_has_no_picture(store: RunStore) -> None:
    assert figures.drawer(collect(TABLE9, TINY, store)) is None
