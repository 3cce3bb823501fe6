"""Strips of attention maps and of masks: contents, and their part of the report."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from PIL import Image

from experiments.spec.catalog import load
from experiments.spec.figure_runs import shown_runs
from experiments.spec.figures import ShownMasks
from experiments.spec.scales import PAPER, TINY
from reports.collect import collect
from reports.figures.drawer import png
from reports.figures.strips import (
    COLORS,
    LARGEST_DOT,
    MAX_FRAMES,
    OPACITY,
    PEAK,
    QUERY,
    VOID_COLOR,
    caption,
    draw,
    overlaid,
    peaks,
    provenance_text,
    query_point,
    shown_frames,
    stretched,
)
from reports.pages.report import Report
from reports.publication import publish
from runner.store.kept_pictures import file_of
from runner.store.picture_files import AttentionMaps, MaskStrip, write_pictures
from runner.store.store import RunStore
from tests.reports.conftest import Trial
from tests.reports.saved_reports import drawn, markdown, write
from tests.runner.stored_metrics import write_result

MakeMaps = Callable[..., AttentionMaps]
KeepMaps = Callable[..., Path]


def panels(figure: Figure) -> list[list[Axes]]:
    """Axes of the first strip: three rows with one column per frame."""
    axes = figure.subfigs[0].axes
    return [axes[row * len(axes) // 3 : (row + 1) * len(axes) // 3] for row in range(3)]


def picture(report: Report) -> bytes:
    """Figure of a report as PNG."""
    return png(drawn(report).picture())


@pytest.fixture
def figure4(trial: Trial) -> Trial:
    return trial.of(load("motionformer/figure4"), TINY)


def colors(axis: Axes) -> list[str]:
    return [to_hex(line.get_color()).upper() for line in axis.lines]


def test_each_frame_is_drawn_with_its_attention_and_their_overlay(make_maps: MakeMaps) -> None:
    maps = make_maps()
    frames, attention, overlaid = panels(draw([("K-400", maps)]))
    assert len(frames) == len(attention) == len(overlaid) == 4
    for t in range(4):
        assert np.array_equal(np.asarray(frames[t].images[0].get_array()), maps.frames[2 * t])
        assert np.array_equal(np.asarray(attention[t].images[0].get_array()), stretched(maps.maps[t]))
        assert len(overlaid[t].images) == 2
    assert frames[1].get_title() == "frames 2–3"


def test_the_query_is_red_in_its_own_frame_and_a_yellow_path_joins_it_with_the_peaks(make_maps: MakeMaps) -> None:
    attention = np.full((4, 4, 4), 0.01, np.float32)
    for frame, (row, column) in enumerate([(0, 0), (1, 0), (2, 1), (3, 3)]):
        attention[frame, row, column] = 0.9
    maps = make_maps(frame=1)._replace(maps=attention)
    first, _, *others = peaks(maps)
    assert [first, *others] == [(0.125, 0.125), (0.375, 0.625), (0.875, 0.875)] and query_point(maps) == (0.6, 0.3)
    frames, _, _ = panels(draw([("K-400", maps)]))
    assert [QUERY in colors(axis) for axis in frames] == [False, True, False, False]
    assert [PEAK in colors(axis) for axis in frames] == [False, True, True, True]
    (dot,) = [line for line in frames[1].lines if to_hex(line.get_color()).upper() == QUERY]
    assert dot.get_xydata() == pytest.approx(np.array([[0.6, 0.3]]))
    assert np.asarray(frames[3].lines[0].get_xydata()) == pytest.approx(np.array([first, (0.6, 0.3), *others]))


def dots_of(collection: Collection) -> list[tuple[float, ...]]:
    """x, y and area of each dot."""
    assert isinstance(collection, PathCollection)
    return [
        tuple(round(float(number), 3) for number in (*np.asarray(place), size))
        for place, size in zip(np.asarray(collection.get_offsets()), collection.get_sizes(), strict=True)
    ]


def test_places_are_dots_in_the_nearest_frame_with_areas_by_weight(make_maps: MakeMaps) -> None:
    maps = make_maps()
    maps.record["one_scale"] = True
    places = np.array(
        [[0.4, 0.1, 0.2, 0.5], [0.6, 0.3, 0.4, 0.25], [-0.8, 0.5, 0.6, 0.125], [3.9, 1, 1, 0]], np.float32
    )
    frames, _, _ = panels(draw([("K-400", maps._replace(places=places))]))
    found = [[dot for dots in axis.collections for dot in dots_of(dots)] for axis in frames]
    assert found == [
        [(0.1, 0.2, LARGEST_DOT), (0.5, 0.6, LARGEST_DOT / 4)],
        [(0.3, 0.4, LARGEST_DOT / 2)],
        [],
        [(1, 1, 0)],
    ]


def test_contrast_is_stretched_but_that_of_constant_maps_and_aspect_ratio_is_kept() -> None:
    attention = np.array([[0.1, 0.2, 0.1, 0.1], [0.1, 0.1, 0.15, 0.1]], np.float32)
    picture = stretched(attention)
    assert picture.shape == (128, 256)
    assert picture.min() == 0 and picture.max() == 1
    assert picture[32, 96] > 0.99 and picture[96, 32] < 0.1
    assert stretched(np.full((4, 4), 1 / 16, np.float32)).max() == 0


@pytest.mark.parametrize("query", [0, 3, 15])
def test_shown_frames_of_long_clips_include_the_frame_of_the_query(make_maps: MakeMaps, query: int) -> None:
    shown = shown_frames(make_maps(tokens=16, frame=query))
    assert len(set(shown)) == MAX_FRAMES and sorted(shown) == shown
    assert query in shown
    assert shown_frames(make_maps(tokens=8)) == list(range(8))


def test_short_strips_are_drawn_side_by_side_and_long_ones_below_each_other(make_maps: MakeMaps) -> None:
    short, long = (draw([("a", make_maps(tokens=n)), ("b", make_maps())]).get_size_inches().tolist() for n in (4, 8))
    assert short[0] > short[1] and long == pytest.approx([8 * 1.45 + 0.3, 2 * 4.9 + 0.2])


def named(make_maps: MakeMaps, attention: str, weights: np.ndarray) -> AttentionMaps:
    """Maps of an attention with a name, whose weights (4, 4, 4) have one sum over all frames."""
    maps = make_maps(frame=1)
    record = {**maps.record, "attention": attention, "one_scale": True}
    return maps._replace(maps=weights.astype(np.float32), record=record)


def test_weights_of_one_sum_have_one_scale_and_a_share_per_frame_and_no_path(make_maps: MakeMaps) -> None:
    weights = np.zeros((4, 4, 4))
    weights[:, 1, 2] = 0.1, 0.2, 0.3, 0.4
    frames, attention, _ = panels(draw([("K-400", named(make_maps, "t2s", weights))]))
    peaks_drawn = [np.asarray(axis.images[0].get_array()).max() for axis in attention]
    assert peaks_drawn == pytest.approx([0.25, 0.5, 0.75, 1], rel=0.02)
    assert [axis.get_title() for axis in frames] == [
        "frames 0–1: 10%", "frames 2–3: 20%", "frames 4–5: 30%", "frames 6–7: 40%"
    ]  # fmt: skip
    assert [colors(axis) for axis in frames] == [[], [QUERY], [], []]


def test_captions_and_provenance_have_attention_block_head_and_weights(make_maps: MakeMaps) -> None:
    maps = make_maps()
    one_block = maps._replace(record={**maps.record, "block": 0, "num_blocks": 1})
    of_name = named(make_maps, "t2s", np.full((4, 4, 4), 1 / 64))
    for shown, text in (
        (maps, "block 1 (of 0 to 2), mean of 4 heads"),
        (one_block, "the only block, mean of 4 heads"),
        (make_maps(head=3, weights="k400.pyth"), "block 1 (of 0 to 2), head 3 (of 0 to 3), k400.pyth"),
        (of_name, "attention t2s, block 1 (of 0 to 2), mean of 4 heads"),
    ):
        assert caption(shown) == f"abc.mp4 (rolling hoops)\n{text}"
    assert "of token frame 1; attention t2s, block 1 (of 0 to 2)" in provenance_text(of_name)
    assert "attention" not in provenance_text(maps)


def test_the_report_contains_the_picture_and_the_provenance_of_each_row(
    figure4: Trial, keep_maps: KeepMaps, tmp_path: Path
) -> None:
    keep_maps("k400", TINY)
    keep_maps("ssv2", TINY, weights="ssv2.pyth", head=2)
    path = write(figure4.report(), tmp_path)
    with Image.open(path.with_suffix(".png")) as image:
        assert min(image.size) > 500
    assert not path.with_suffix(".csv").exists()
    text = path.read_text()
    explanation = "Red point: the query. Lighter: more attention from it. Each frame has its own scale."
    assert f"![Trajectory attention maps](figure4.tiny.png)\n\n{explanation} Yellow arrow:" in text
    assert "<summary>Origin of the picture</summary>\n\n- K-400: video val/rolling hoops/abc.mp4" in text
    assert "block 1 (of 0 to 2), mean of 4 heads; weights of run 0123456789ab, seed 0; commit 0123456789" in text
    assert "- SSv2: video" in text and "head 2 (of 0 to 3); released weights ssv2.pyth of run" in text


def test_only_rows_with_maps_are_drawn(figure4: Trial, keep_maps: KeepMaps) -> None:
    keep_maps("ssv2", TINY)
    assert "- SSv2: video" in figure4.page() and "- K-400: video" not in figure4.page()
    pictures = drawn(figure4.report()).row_pictures()
    assert list(pictures) == ["SSv2"] and png(pictures["SSv2"]) == picture(figure4.report())


def test_maps_of_generated_videos_are_published_and_those_of_real_ones_drawn_alone(
    figure4: Trial, keep_maps: KeepMaps
) -> None:
    store, real = figure4.store, figure4.of(figure4.table, PAPER)
    assert store.results is not None
    keep_maps("k400", PAPER)
    assert picture(real.report())
    publish(real.report(), store)
    assert list(store.results.rglob("metrics/*.json")) and not list(store.results.rglob("*.npz"))
    file = keep_maps("k400", TINY)
    report = figure4.report()
    publish(report, store)
    assert (store.results / file.relative_to(store.root)).read_bytes() == file.read_bytes()
    shutil.rmtree(store.root)
    assert picture(figure4.report()) != picture(report)  # the notice names published results
    shutil.copytree(store.results, store.root)
    assert picture(figure4.report()) == picture(report)


TABLE9 = load("motionformer/table9")
SHOWN = {shown.row: shown for shown in shown_runs(TABLE9.figure, TABLE9.cells(TINY))}


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
def masked(store: RunStore) -> Report:
    """Report with results and masks of two rows."""
    for seed, row in enumerate(("ours", "kept")):
        shown = SHOWN[row]
        write_result(store, shown.run, 40.0)
        write_pictures(file_of(shown, store.run(shown.run.train_id)), make_strip(seed))
    return collect(TABLE9, TINY, store)


def test_the_rows_of_the_figure_show_the_stand_in_sequence_at_tiny() -> None:
    assert set(SHOWN) == {"ours", "tokens", "random", "kept"}
    assert {shown.shown for shown in SHOWN.values()} == {ShownMasks("shapes-00", 6)}


def test_the_truth_is_above_the_masks_of_each_row(masked: Report) -> None:
    axes = drawn(masked).draw(None).axes
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


def test_picture_and_provenance_are_part_of_the_report_and_published(masked: Report, store: RunStore) -> None:
    assert picture(masked).startswith(b"\x89PNG")
    text = markdown(masked)
    assert "sequence shapes-00; run 0123456789ab, seed 0; commit 0123456789" in text
    publish(masked, store)
    assert store.results is not None
    published = collect(TABLE9, TINY, RunStore(store.root / "none", results=store.results))
    assert set(published.pictures) == {"ours", "kept"}
