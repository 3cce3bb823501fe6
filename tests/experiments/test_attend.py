"""Attention maps of a run: made once, kept whole, read back without a model; what cannot be made is one line."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from data import clips
from data.errors import DataError
from data.transforms import normalized
from experiments.attend import attention_maps, keep_maps
from experiments.attention_maps import AttentionMaps, AttentionQuery, held_maps, maps_id
from experiments.resources import Resources
from experiments.run import RunConfig, apply, model
from experiments.store import RunStore, StoreError
from experiments.train import trained_weights
from models.attention_maps import Patch, spatial_map
from models.mixers.joint import JointAttention
from models.mixers.orthoformer import Orthoformer
from models.mixers.trajectory import TrajectoryAttention
from models.trunk import VideoViT

KeepWeights = Callable[..., None]
QUERY = AttentionQuery(video=3, frame=1, x=0.6, y=0.3)


@pytest.fixture
def weighted(small_run: RunConfig, keep_weights: KeepWeights) -> RunConfig:
    keep_weights(small_run)
    return small_run


def looked(run: RunConfig, store: RunStore, **changes: object) -> AttentionMaps:
    return attention_maps(run, store, Resources(), replace(QUERY, **changes))  # type: ignore[arg-type]


def test_maps_are_the_models_of_the_middle_view_s_centre_crop(weighted: RunConfig, store: RunStore) -> None:
    made = looked(weighted, store)
    data = weighted.data
    videos = data.dataset.build(Resources().root(data), "test")
    views = clips.TestViews(videos, data, weighted.evaluation)
    clip = views[3 * weighted.evaluation.views + 1].clips[1]  # the second of two views, the second of three crops
    network = weighted.build().model.eval()
    assert isinstance(network, VideoViT)
    network.load_state_dict(trained_weights(store.run(weighted.train_id).weights))
    wanted = spatial_map(network, normalized(clip, data.mean, data.std), Patch(1, 1, 2)).mean(0)
    assert made.maps.shape == (4, 4, 4)
    torch.testing.assert_close(torch.from_numpy(made.maps).flatten(1), wanted)
    assert np.array_equal(made.frames, clip.permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(made.maps.sum((1, 2)), 1, rtol=1e-5)


def test_frames_of_a_run_with_reversed_channels_are_shown_in_rgb(
    weighted: RunConfig, store: RunStore, keep_weights: KeepWeights
) -> None:
    reversed_run = replace(weighted, data=replace(weighted.data, reversed_channels=True))
    keep_weights(reversed_run)
    assert np.array_equal(looked(weighted, store).frames, looked(reversed_run, store).frames)
    assert not np.allclose(looked(weighted, store).maps, looked(reversed_run, store).maps)


def test_the_record_says_how_maps_came_about(weighted: RunConfig, store: RunStore) -> None:
    record = looked(weighted, store).record
    assert record["train_id"] == weighted.train_id
    assert (record["block"], record["num_blocks"], record["head"], record["num_heads"]) == (1, 3, None, 4)
    assert record["patch"] == [1, 1, 2]
    assert record["weights"] == "trained" and "released_weights" not in record
    assert record["query"] == {
        "type": "AttentionQuery", "video": 3, "frame": 1, "x": 0.6, "y": 0.3, "block": None, "head": None
    }  # fmt: skip
    assert record["video"].startswith("val/") and record["class"] == record["video"].split("/")[1]
    assert {"commit", "hardware", "versions", "seed"} <= record.keys()


def test_a_head_is_one_of_those_that_the_mean_is_made_of(weighted: RunConfig, store: RunStore) -> None:
    heads = [looked(weighted, store, head=head).maps for head in range(4)]
    assert not np.allclose(heads[0], heads[1])
    np.testing.assert_allclose(np.mean(heads, axis=0), looked(weighted, store).maps, rtol=1e-5)


def test_blocks_differ_and_the_default_is_the_one_before_the_last(weighted: RunConfig, store: RunStore) -> None:
    assert np.array_equal(looked(weighted, store, block=1).maps, looked(weighted, store).maps)
    assert not np.allclose(looked(weighted, store, block=0).maps, looked(weighted, store).maps)


def test_a_video_is_named_by_its_id_or_its_place(weighted: RunConfig, store: RunStore) -> None:
    by_place = looked(weighted, store)
    for name in (by_place.record["video"], "@3"):
        assert np.array_equal(looked(weighted, store, video=name).frames, by_place.frames)


def test_released_weights_are_looked_with_where_there_are_no_others(
    small_run: RunConfig, store: RunStore, keep_weights: KeepWeights
) -> None:
    keep_weights(small_run, released=True)
    assert keep_maps(small_run, store, Resources(), QUERY)
    held = held_maps(small_run, store, QUERY)
    assert held is not None
    assert held.record["weights"] == "k400.pyth" and held.record["released_weights"]["sha256"] == "0123"
    keep_weights(small_run)
    assert keep_maps(small_run, store, Resources(), QUERY)
    held = held_maps(small_run, store, QUERY)
    assert held is not None and held.record["weights"] == "trained"


def test_maps_are_made_once_and_read_back_as_they_were(weighted: RunConfig, store: RunStore) -> None:
    assert held_maps(weighted, store, QUERY) is None
    assert keep_maps(weighted, store, Resources(), QUERY)
    path = store.run(weighted.train_id).attention_maps(maps_id(weighted, QUERY))
    before = path.read_bytes(), path.stat().st_mtime_ns
    assert not keep_maps(weighted, store, Resources(), QUERY)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    made, held = looked(weighted, store), held_maps(weighted, store, QUERY)
    assert held is not None
    assert np.array_equal(held.maps, made.maps) and np.array_equal(held.frames, made.frames)
    assert held.record == made.record
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_other_queries_and_other_protocols_are_other_maps(weighted: RunConfig) -> None:
    other = replace(weighted, evaluation=replace(weighted.evaluation, views=1))
    assert other.train_id == weighted.train_id
    ids = [maps_id(weighted, QUERY), maps_id(other, QUERY), maps_id(weighted, replace(QUERY, head=0))]
    assert len(set(ids)) == 3


def test_published_maps_are_read_where_none_were_made_here(weighted: RunConfig, store: RunStore) -> None:
    keep_maps(weighted, store, Resources(), QUERY)
    store.publish_attention_maps(weighted.train_id, maps_id(weighted, QUERY))
    shutil.rmtree(store.root)
    held = held_maps(weighted, store, QUERY)
    assert held is not None and held.record["train_id"] == weighted.train_id


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": "nothing"}, "video 'nothing': kinetics400 has no such test video; ids are like 'val/"),
        ({"video": 10}, "video @10: kinetics400 has 10 test videos, @0 to @9"),
        ({"video": "@99"}, "video @99: kinetics400 has 10 test videos"),
        ({"video": "3"}, "video '3': kinetics400 has no such test video"),
        ({"frame": 4}, "frame 4: the clip has the token frames 0 to 3"),
        ({"x": 1.5}, "point 1.5,0.3: x and y are shares"),
        ({"block": 2}, "block 2: choose one from 0 to 1; the model has 3 blocks"),
        ({"head": 4}, "head 4: choose one from 0 to 3"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_named(
    weighted: RunConfig, store: RunStore, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        looked(weighted, store, **changes)


def test_a_video_with_a_slip_is_answered_with_the_nearest(weighted: RunConfig, store: RunStore) -> None:
    name = looked(weighted, store).record["video"]
    with pytest.raises(ValueError, match=f"did you mean '{name}'"):
        looked(weighted, store, video=name.replace("mp4", "mp3"))


def test_a_run_without_weights_says_how_to_get_some(small_run: RunConfig, store: RunStore) -> None:
    with pytest.raises(ValueError, match="has no weights to look with: train it with `reproduce run`, or take in"):
        keep_maps(small_run, store, Resources(), QUERY)


@pytest.mark.parametrize(
    "attention",
    [JointAttention.Config(), TrajectoryAttention.Config(approximation=Orthoformer.Config(num_prototypes=2))],
    ids=["joint", "approximation"],
)
def test_attention_without_such_maps_is_refused(
    small_run: RunConfig, store: RunStore, keep_weights: KeepWeights, attention: object
) -> None:
    run = apply(small_run, model(attention=attention))
    keep_weights(run)
    with pytest.raises(ValueError, match=r"choose a row with (exact )?trajectory attention"):
        keep_maps(run, store, Resources(), QUERY)
    assert not list(store.root.rglob("*.npz"))


def test_a_video_that_cannot_be_read_is_named(
    weighted: RunConfig, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Resources().root(weighted.data)
    copy = shutil.copytree(root, tmp_path / "videos")
    broken = next((copy / "val").rglob("*.mp4"))
    broken.write_bytes(b"no video")
    monkeypatch.setattr(Resources, "root", lambda self, data: copy)
    with pytest.raises(DataError, match=f"video 'val/.*{broken.name}' cannot be read"):
        looked(weighted, store, video=broken.relative_to(copy).as_posix())


def test_damaged_maps_and_pickles_are_named_and_never_loaded(weighted: RunConfig, store: RunStore) -> None:
    keep_maps(weighted, store, Resources(), QUERY)
    path = store.run(weighted.train_id).attention_maps(maps_id(weighted, QUERY))
    whole = path.read_bytes()
    with np.load(path) as arrays:
        parts = dict(arrays)
    directory = whole.rindex(b"PK\x01\x02")
    unknown_compression = whole[: directory + 10] + b"\x63" + whole[directory + 11 :]
    for content in (b"", b"junk", whole[: len(whole) // 2], unknown_compression):
        path.write_bytes(content)
        with pytest.raises(StoreError, match=r"npz holds no attention maps \(.*\); remove it to have it made again"):
            held_maps(weighted, store, QUERY)
    for name, wrong in {
        "frames": np.array([{"a": "pickle"}], dtype=object),
        "maps": parts["maps"] * np.nan,
        "record": np.array(str(parts["record"]).replace('"view"', '"look"')),
    }.items():
        np.savez(path, **{**parts, name: wrong}, allow_pickle=True)
        with pytest.raises(StoreError, match="holds no attention maps"):
            held_maps(weighted, store, QUERY)
