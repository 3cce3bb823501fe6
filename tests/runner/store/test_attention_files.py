"""Files of attention maps: names by query, unchanged contents, and errors for damaged files."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from experiments.motionformer.base import K400
from experiments.spec.attention_queries import queried_runs
from experiments.spec.catalog import find
from experiments.spec.figures import AttentionQuery
from experiments.spec.scales import TINY
from runner.machine.files import StoreError
from runner.store.attention_files import RECORD_FIELDS, AttentionMaps, held_maps, maps_id, read_maps, write_maps
from runner.store.store import RunStore

QUERY = AttentionQuery(video=3, frame=1, x=0.6, y=0.3)
RESULTS = Path(__file__).parents[3] / "reports" / "results"


@pytest.fixture
def maps() -> AttentionMaps:
    """Two frames of 8 x 8 pixels for each of four token frames of 2 x 2 patches."""
    rng = np.random.default_rng(0)
    frames = rng.integers(256, size=(8, 8, 8, 3)).astype(np.uint8)
    record = {name: None for name in RECORD_FIELDS} | {"video": "val/a.mp4"}
    return AttentionMaps(frames, rng.uniform(size=(4, 2, 2)).astype(np.float32), record)


@pytest.fixture
def path(store: RunStore, maps: AttentionMaps) -> Path:
    """File of the maps."""
    path = store.run(K400.train_id).attention_maps(maps_id(K400, QUERY))
    write_maps(path, maps)
    return path


def test_maps_are_read_back_unchanged(path: Path, maps: AttentionMaps) -> None:
    read = read_maps(path)
    assert np.array_equal(read.maps, maps.maps) and np.array_equal(read.frames, maps.frames)
    assert read.record == maps.record
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_places_are_read_back_unchanged(path: Path, maps: AttentionMaps) -> None:
    assert read_maps(path).places is None
    places = np.random.default_rng(0).uniform(size=(5, 4)).astype(np.float32)
    write_maps(path, maps._replace(places=places))
    read = read_maps(path).places
    assert read is not None and np.array_equal(read, places)


def test_the_picture_of_a_token_frame_is_its_first_frame(maps: AttentionMaps) -> None:
    assert np.array_equal(maps.pictures, maps.frames[[0, 2, 4, 6]])


def test_only_maps_of_the_same_query_and_protocol_are_found(path: Path, store: RunStore) -> None:
    assert held_maps(K400, store, QUERY) is not None
    assert held_maps(K400, store, replace(QUERY, head=0)) is None
    other = replace(K400, evaluation=replace(K400.evaluation, views=1))  # its clips have other frames
    assert other.train_id == K400.train_id and held_maps(other, store, QUERY) is None


def cut_directory(whole: bytes) -> bytes:
    """Set an unknown compression method in the archive."""
    position = whole.rindex(b"PK\x01\x02")
    return whole[: position + 10] + b"\x63" + whole[position + 11 :]


@pytest.mark.parametrize(
    "damage",
    [lambda whole: b"", lambda whole: b"junk", lambda whole: whole[: len(whole) // 2], cut_directory],
    ids=["empty", "junk", "cut short", "unknown compression"],
)
def test_the_error_for_a_damaged_file_contains_its_name(
    path: Path, store: RunStore, damage: Callable[[bytes], bytes]
) -> None:
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(StoreError, match=r"npz holds no attention maps \(.*\); remove it to have it made again"):
        held_maps(K400, store, QUERY)


@pytest.mark.parametrize(
    ("name", "wrong", "reason"),
    [
        ("frames", np.array([{"a": "pickle"}], dtype=object), "allow_pickle=False"),
        ("frames", np.zeros((8, 8, 8, 3)), "frames are float64"),
        ("frames", np.zeros((7, 8, 8, 3), np.uint8), "for 7 frames"),
        ("frames", np.zeros((0, 8, 8, 3), np.uint8), "for 0 frames"),
        ("maps", np.full((4, 2, 2), np.nan, np.float32), "maps are not all finite"),
        ("maps", np.zeros((4, 2, 2)), "maps are float64"),
        ("maps", np.zeros((0, 2, 2), np.float32), "maps are float32"),
        ("places", np.zeros((5, 4)), "places are float64"),
        ("places", np.zeros((5, 3), np.float32), r"places are float32 \(5, 3\)"),
        ("places", np.full((5, 4), np.inf, np.float32), "places are not all finite"),
        ("record", np.array("[1, 2]"), "its record is incomplete"),
        ("record", np.array(json.dumps({name: None for name in RECORD_FIELDS - {"view"}})), "its record is incomplete"),
        ("record", np.array("{half"), "Expecting"),
    ],
)
def test_wrong_contents_and_pickles_are_refused(
    path: Path, store: RunStore, name: str, wrong: np.ndarray, reason: str
) -> None:
    with np.load(path) as arrays:
        parts = dict(arrays)
    np.savez(path, **{**parts, name: wrong}, allow_pickle=True)
    with pytest.raises(StoreError, match=f"npz holds no attention maps .*{reason}"):
        held_maps(K400, store, QUERY)


def test_published_maps_have_the_ids_of_their_queries() -> None:
    published = {(file.parents[1].name, file.stem) for file in RESULTS.glob("*/attention_maps/*.npz")}
    queried = queried_runs(find(["motionformer/figure4"]), TINY, (), (0,))
    assert {(run.train_id, maps_id(run, query)) for _, run, query in queried} <= published
