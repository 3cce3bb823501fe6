"""Kept pictures: files that are read as written, and damaged ones that are named; ids of queries."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.motionformer.base import K400
from experiments.spec.catalog import find
from experiments.spec.figure_runs import ShownRun, selected_runs
from experiments.spec.figures import AttentionQuery
from experiments.spec.scales import TINY
from runner.machine.files import StoreError
from runner.store.kept_pictures import file_of, kept_pictures
from runner.store.picture_files import (
    AnsweredClips,
    AttentionMaps,
    MaskStrip,
    ShownClips,
    read_pictures,
    write_pictures,
)
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore

QUERY = AttentionQuery(video=3, frame=1, x=0.6, y=0.3)
RESULTS = Path(__file__).parents[3] / "reports" / "results"
RECORD = dict.fromkeys(("train_id", "weights", "video", "query", "patch", "sequence", "commit", "hardware"), "é")
RNG = np.random.default_rng(0)


def pixels(*shape: int) -> np.ndarray:
    return RNG.integers(256, size=shape).astype(np.uint8)


MAPS = AttentionMaps(pixels(8, 8, 8, 3), RNG.uniform(size=(4, 2, 2)).astype(np.float32), RECORD)
STRIP = MaskStrip(np.arange(2), pixels(2, 4, 6, 3), pixels(2, 4, 6), pixels(2, 4, 6), RECORD)
KINDS = [
    MAPS,
    MAPS._replace(places=RNG.uniform(size=(5, 4)).astype(np.float32)),
    STRIP,
    ShownClips(np.array([3, 5]), pixels(2, 4, 6, 6, 3)),
    AnsweredClips(pixels(2, 4, 6, 6, 3), [["a", []], ["b", [["verb", "open", [["open", 0.6]], True]]]]),
]
BY_KIND = pytest.mark.parametrize("pictures", KINDS, ids=lambda pictures: type(pictures).__name__)


@BY_KIND
def test_files_are_read_as_written(tmp_path: Path, pictures: AttentionMaps) -> None:
    write_pictures(tmp_path / "kept.npz", pictures)
    found = read_pictures(tmp_path / "kept.npz", type(pictures))
    for one, other in zip(found, pictures, strict=True):
        if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
            assert np.array_equal(one, other)
        else:
            assert one == other
    assert [file.name for file in tmp_path.iterdir()] == ["kept.npz"]


@BY_KIND
def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path, pictures: AttentionMaps) -> None:
    path = tmp_path / "kept.npz"
    write_pictures(path, pictures)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match=r"kept\.npz holds no [a-z ]+ \(.+\); remove it to have it made again"):
        read_pictures(path, type(pictures))


def test_pickles_are_never_read(tmp_path: Path) -> None:
    arrays = {**MAPS._asdict(), "frames": np.array([{"a": "pickle"}], dtype=object), "record": "{}", "places": 0}
    np.savez(tmp_path / "kept.npz", **arrays, allow_pickle=True)
    with pytest.raises(StoreError, match="allow_pickle=False"):
        read_pictures(tmp_path / "kept.npz", AttentionMaps)


def test_the_picture_of_a_token_frame_is_its_first_frame() -> None:
    assert np.array_equal(MAPS.pictures, MAPS.frames[[0, 2, 4, 6]])


def test_only_maps_of_the_same_query_and_protocol_are_found(store: RunStore) -> None:
    shown = ShownRun("row", K400, QUERY)
    write_pictures(file_of(shown, store.run(K400.train_id)), MAPS)
    other = replace(K400, evaluation=replace(K400.evaluation, views=1))  # its clips have other frames
    looked_for = shown, shown._replace(shown=replace(QUERY, head=0)), shown._replace(run=other)
    found = [kept_pictures(one, store.directories(K400.train_id)) is not None for one in looked_for]
    assert found == [True, False, False] and other.train_id == K400.train_id


def test_published_maps_have_the_ids_of_their_queries() -> None:
    runs = selected_runs(find(["motionformer/figure4"]), TINY, (), (0,))
    assert len(runs) == 2 and all(file_of(one, RunDirectory(RESULTS / one.run.train_id)).exists() for one in runs)
