"""Attention maps of runs: equal to those of the model for the test view. Pictures for figures, made once."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from data.datasets.videos import VideoList, VideoRecord
from data.errors import DataError
from data.transforms.pixels import normalized
from data.video_data import VideoData
from experiments.spec.figure_runs import ShownRun
from experiments.spec.figures import AttentionQuery, ShownMasks
from experiments.spec.run import RunConfig
from interface.targets import ClassTarget, VerbNounTarget
from models.attention_query import PointQuery
from models.cast.model import CAST
from models.trunk import VideoViT
from runner.inference import pictures
from runner.inference.pictures import attention_maps, class_name, first_right, keep_all, moving_point
from runner.machine.resources import Resources
from runner.store.kept_pictures import file_of, kept_pictures, publish_kept
from runner.store.picture_files import AttentionMaps, KeptPictures, MaskStrip
from runner.store.store import RunStore
from runner.weights.weights import read_weights
from tests.runner.mask_runs import KEPT_MASK
from tests.runner.points import carry_out
from tests.runner.stored_metrics import write_result

KeepWeights = Callable[..., None]
QUERY = AttentionQuery(video=3, frame=1, x=0.6, y=0.3)


def computed_maps(run: RunConfig, store: RunStore, **changes: object) -> AttentionMaps:
    return attention_maps(run, store, Resources(), replace(QUERY, **changes))  # type: ignore[arg-type]


def test_maps_equal_the_models_maps_of_the_centre_crop_of_the_middle_view(weighted: RunConfig, store: RunStore) -> None:
    made = computed_maps(weighted, store)
    data = weighted.data
    assert isinstance(data, VideoData)
    views = data.test_items(data.dataset.build(Resources().root(data), "test"), weighted.evaluation)
    clip = views[3 * weighted.evaluation.views + 1].inputs[0][1]  # the second of two views, the second of three crops
    network = weighted.build().model.eval()
    assert isinstance(network, VideoViT)
    network.load_state_dict(read_weights(store.run(weighted.train_id).weights)[0])
    query = PointQuery(frame=1, x=0.6, y=0.3)  # in the patch (1, 1, 2)
    wanted = network.attention_maps().of_point((normalized(clip, data.mean, data.std),), query).maps.flatten(1)
    assert made.maps.shape == (4, 4, 4)
    torch.testing.assert_close(torch.from_numpy(made.maps).flatten(1), wanted)
    assert np.array_equal(made.frames, clip.permute(0, 2, 3, 1).numpy())
    np.testing.assert_allclose(made.maps.sum((1, 2)), 1, rtol=1e-5)


def test_the_record_contains_the_provenance(weighted: RunConfig, store: RunStore) -> None:
    record = computed_maps(weighted, store).record
    assert record["train_id"] == weighted.train_id
    assert (record["block"], record["num_blocks"], record["head"], record["num_heads"]) == (1, 3, None, 4)
    assert record["patch"] == [1, 1, 2]
    assert record["weights"] == "trained" and "released_weights" not in record
    assert record["query"] == {
        "type": "AttentionQuery", "video": 3, "frame": 1, "x": 0.6, "y": 0.3, "block": None, "head": None
    }  # fmt: skip
    assert record["video"].startswith("val/") and record["class"] == record["video"].split("/")[1]
    assert {"commit", "hardware", "versions", "seed"} <= record.keys()


def test_a_moving_query_is_recorded_with_its_video_and_its_point(
    weighted: RunConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = computed_maps(weighted, store).record["video"]
    monkeypatch.setattr(pictures, "first_right", lambda *_, **__: name)
    made = computed_maps(weighted, store, video=0, of_moving=True)
    x, y = moving_point(torch.from_numpy(made.frames).permute(0, 3, 1, 2))
    found = made.record["query"]
    assert (found["video"], found["x"], found["y"]) == (made.record["video"], x, y) == (name, x, y)


def test_the_moving_point_is_in_the_thing_that_moves() -> None:
    frames = torch.full((8, 3, 32, 32), 90, dtype=torch.uint8)
    frames[:, 0, 2:8, 2:8] = 250  # stands out, does not move
    for time, frame in enumerate(frames):
        frame[2, 20:26, 4 * time : 4 * time + 6] = 240
    x, y = moving_point(frames)
    assert 0 < 32 * x < 6 and 20 < 32 * y < 26


def test_the_first_right_video_is_told_from_saved_scores(
    weighted: RunConfig, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ValueError, match="has no saved scores of a test"):
        first_right(weighted, store.run(weighted.train_id))
    right = {"a": (False,), "b": (True, False), "c": (True, True), "d": (True, True)}
    answers = SimpleNamespace(
        of_item=lambda place: [SimpleNamespace(is_correct=one) for one in list(right.values())[place]]
    )
    saved = SimpleNamespace(ids=tuple(right), scores=SimpleNamespace(predictions=lambda: answers))
    monkeypatch.setattr(pictures, "read_scores", lambda *_: saved)
    assert first_right(weighted, store.run(weighted.train_id)) == "c"


def test_a_video_is_selected_by_id_or_index(weighted: RunConfig, store: RunStore) -> None:
    by_index = computed_maps(weighted, store)
    for name in (by_index.record["video"], "@3"):
        assert np.array_equal(computed_maps(weighted, store, video=name).frames, by_index.frames)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"video": "nothing"}, "video 'nothing': kinetics400 has no such test video; ids are like 'val/"),
        ({"video": 10}, "video @10: kinetics400 has 10 test videos, @0 to @9"),
        ({"video": "3"}, "video '3': kinetics400 has no such test video"),
        ({"frame": 4}, "frame 4: the clip has the token frames 0 to 3"),
    ],
)  # fmt: skip
def test_an_invalid_query_is_refused(
    weighted: RunConfig, store: RunStore, changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        computed_maps(weighted, store, **changes)


def test_the_error_for_an_unreadable_video_contains_its_id(
    weighted: RunConfig, store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Resources().root(weighted.data)
    copy = shutil.copytree(root, tmp_path / "videos")
    broken = next((copy / "val").rglob("*.mp4"))
    broken.write_bytes(b"no video")
    monkeypatch.setattr(Resources, "root", lambda self, data: copy)
    with pytest.raises(DataError, match=f"video 'val/.*{broken.name}' cannot be read"):
        computed_maps(weighted, store, video=broken.relative_to(copy).as_posix())


def test_the_class_of_several_labels_has_all_names_and_none_if_one_is_unnamed() -> None:
    videos = VideoList(tuple(VideoRecord("", label, "") for label in (1, 2)), ("up", "down"))
    assert [class_name(videos, index, ClassTarget(3)) for index in range(2)] == ["down", None]
    videos = VideoList(tuple(VideoRecord("", label, "") for label in ((0, 1), (1, 2))), ("take", "put", "tap", "pan"))
    assert [class_name(videos, index, VerbNounTarget(2, 3)) for index in range(2)] == ["take pan", None]


# Videos of a list


def test_a_video_of_a_list_has_the_maps_of_the_test_video(weighted: RunConfig, store: RunStore, listed: Path) -> None:
    tested = computed_maps(weighted, store)
    path = listed.read_text().splitlines()[3].rpartition(" ")[0]
    for video in ("@3", path):
        made = attention_maps(weighted, store, Resources(), replace(QUERY, video=video), listed)
        assert np.array_equal(made.maps, tested.maps) and np.array_equal(made.frames, tested.frames)
        assert made.record["video"] == path and made.record["train_id"] == weighted.train_id
        assert made.record["data"]["name"] == "list" and not made.record["data"]["stand_in"]


def test_missing_lists_and_videos_of_a_list_are_refused(weighted: RunConfig, store: RunStore, listed: Path) -> None:
    def refused(query: AttentionQuery, file: Path) -> str:
        with pytest.raises(ValueError) as raised:
            attention_maps(weighted, store, Resources(), query, file)
        return str(raised.value)

    missing = listed.parent / "none.csv"
    assert refused(QUERY, missing) == f"--list {missing}: there is no such file; it needs one 'path label' per line"
    assert f"video @10: {listed} has 10 test videos, @0 to @9" in refused(replace(QUERY, video="@10"), listed)
    listed.write_text(f"{listed.parent}/gone.mp4 1\n")
    assert "gone.mp4" in refused(AttentionQuery(), listed)


# Models with several attentions


@pytest.fixture
def two_streams(small_run: RunConfig, keep_weights: KeepWeights) -> RunConfig:
    """Run of a small model with two attentions, with saved weights: four blocks, four heads."""
    run = replace(small_run, model=CAST.Config().tiny())
    keep_weights(run)
    return run


def test_a_query_names_one_of_several_attentions(two_streams: RunConfig, store: RunStore) -> None:
    s2t = computed_maps(two_streams, store, attention="s2t")
    t2s = computed_maps(two_streams, store, attention="t2s")
    assert np.flatnonzero(s2t.maps.sum((1, 2))).tolist() == [1]  # in the frame of the query
    assert np.argwhere(t2s.maps.sum(0)).tolist() == [[1, 2]]  # at the place of the query
    assert np.array_equal(computed_maps(two_streams, store).maps, s2t.maps)
    for name, block, made in (("s2t", 3, s2t), ("t2s", 2, t2s)):
        assert (made.record["attention"], made.record["block"], made.record["num_blocks"]) == (name, block, 4)
        assert made.record["one_scale"] is True and made.record["query"]["attention"] == name
        np.testing.assert_allclose(made.maps.sum(), 1, rtol=1e-5)


# Pictures for figures

RESOURCES = Resources(devices=1)
MASKS = ShownRun("kept", KEPT_MASK, ShownMasks("shapes-01", 3))


def kept(shown: ShownRun, store: RunStore) -> KeptPictures | None:
    return kept_pictures(shown, store.directories(shown.run.train_id))


def made_maps(run: RunConfig, store: RunStore, query: AttentionQuery = QUERY) -> AttentionMaps:
    """Maps of a tested run, which are made now."""
    shown = ShownRun("row", run, query)
    assert keep_all([shown], store, RESOURCES) == []
    found = kept(shown, store)
    assert isinstance(found, AttentionMaps)
    return found


def test_maps_are_made_once_kept_unchanged_and_published(
    weighted: RunConfig, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = ShownRun("row", weighted, QUERY)
    assert keep_all([shown], store, RESOURCES) == [] and kept(shown, store) is None  # without a test
    write_result(store, weighted)
    made, stored = attention_maps(weighted, store, RESOURCES, QUERY), made_maps(weighted, store)
    assert capsys.readouterr().err == "row: attention maps made\n"
    assert np.array_equal(stored.maps, made.maps) and np.array_equal(stored.frames, made.frames)
    assert stored.record == made.record
    file = file_of(shown, store.run(weighted.train_id))
    before = file.read_bytes(), file.stat().st_mtime_ns
    assert keep_all([shown], store, RESOURCES) == [] and capsys.readouterr().err == ""
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    publish_kept(shown, store)
    shutil.rmtree(store.root)
    assert isinstance(kept(shown, store), AttentionMaps)


def test_maps_use_released_weights_only_if_the_run_has_no_other_weights(
    small_run: RunConfig, store: RunStore, keep_weights: KeepWeights
) -> None:
    keep_weights(small_run, released=True)
    write_result(store, small_run, released=True)
    record = made_maps(small_run, store).record
    assert record["weights"] == "k400.pyth" and record["released_weights"]["sha256"] == "0123"
    keep_weights(small_run)
    write_result(store, small_run)
    assert made_maps(small_run, store).record["weights"] == "trained"


def test_an_error_in_one_run_does_not_stop_the_others(
    weighted: RunConfig, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = replace(weighted, seed=2)
    for run in (weighted, lost):
        write_result(store, run)
    shown = [ShownRun("lost", lost, QUERY), ShownRun("done", weighted, QUERY)]
    (error,) = keep_all(shown, store, RESOURCES)
    assert isinstance(error, ValueError)
    messages = [f"reproduce: lost: no attention maps: {error}", "done: attention maps made"]
    assert capsys.readouterr().err.splitlines() == messages
    assert len(list(store.root.rglob("attention_maps/*.npz"))) == 1


@pytest.fixture
def tested(store: RunStore, stand_ins: None) -> RunStore:
    """Store with a finished test that has written masks."""
    carry_out(KEPT_MASK, store, RESOURCES)
    return store


def test_strips_are_those_of_the_result_files_and_are_made_once(
    tested: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kept(MASKS, tested) is None
    assert keep_all([MASKS], tested, RESOURCES) == []
    assert "kept: mask strips made" in capsys.readouterr().err
    strip = kept(MASKS, tested)
    assert isinstance(strip, MaskStrip)
    assert strip.numbers.tolist() == [0, 2, 5] and strip.frames.shape == (3, 32, 48, 3)
    assert (strip.predicted == strip.true[:1]).all() and (strip.true[2] != strip.true[0]).any()
    assert strip.record["data"] == {"name": "davis2017", "stand_in": True} and strip.record["weights"] == "own"
    assert keep_all([MASKS], tested, RESOURCES) == [] and capsys.readouterr().err == ""
    publish_kept(MASKS, tested)
    assert kept(MASKS, RunStore(tested.results or Path())) is not None


def test_unknown_sequences_are_named(tested: RunStore) -> None:
    (error,) = keep_all([MASKS._replace(shown=ShownMasks("cows", 3))], tested, RESOURCES)
    assert "davis2017 has no test sequence 'cows'; it has shapes-00" in str(error)
