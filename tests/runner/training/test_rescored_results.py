"""Re-scoring of tests from saved scores, without a model."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from experiments.spec.edits import Edit, apply, data, evaluation
from experiments.spec.run import RunConfig
from runner.machine.resources import Resources
from runner.store.records import sealed
from runner.store.store import RunStore
from runner.training.results import rescore
from tests.runner.points import carry_out

KeepWeights = Callable[..., None]
ONE = Resources(devices=1)


def protocol(run: RunConfig, **changes: object) -> RunConfig:
    return apply(run, evaluation(**changes))


def fields(path: Path) -> dict:
    return json.loads(path.read_text())


@pytest.fixture
def two_views(small_run: RunConfig, store: RunStore, keep_weights: KeepWeights) -> RunConfig:
    """Run that was tested with two views per video: the first at its start, the second in its middle."""
    keep_weights(small_run)
    carry_out(small_run, store, ONE, eval_only=True)
    return small_run


def rescored(run: RunConfig, store: RunStore) -> bool:
    return rescore(run, store.run(run.train_id))


SCORED = ("top1", "top5", "videos", "classes", "class_counts", "views", "crops", "seed", "data", "train_id", "eval_id")


def test_a_test_of_one_view_is_rescored_from_the_scores_of_two(
    two_views: RunConfig, store: RunStore, tmp_path: Path
) -> None:
    one_view = protocol(two_views, views=1)
    assert rescored(one_view, store)
    directory = store.run(one_view.train_id)
    made = fields(directory.metrics(one_view.eval_id))
    shutil.copytree(directory.weights.parent, RunStore(tmp_path / "real").run(one_view.train_id).weights.parent)
    real = carry_out(one_view, RunStore(tmp_path / "real"), ONE, eval_only=True)
    assert {name: made[name] for name in SCORED} == {name: real[name] for name in SCORED}
    assert made["rescored_from"] == two_views.eval_id and "rescored_from" not in real
    # A single view is in the middle of a video, like the second of two.
    with (
        np.load(directory.scores(two_views.eval_id)) as two,
        np.load(RunStore(tmp_path / "real").run(one_view.train_id).scores(one_view.eval_id)) as one,
    ):
        np.testing.assert_allclose(two["scores"][:, 1:], one["scores"], rtol=1e-4)
        assert not np.allclose(two["scores"][:, :1], one["scores"], rtol=1e-2)


def test_a_rescored_test_has_the_provenance_of_the_saved_scores(two_views: RunConfig, store: RunStore) -> None:
    directory = store.run(two_views.train_id)
    path = directory.metrics(two_views.eval_id)
    record = {"seconds": 12.5, "commit": "0123", "hardware": "other cores", "devices": 4, "precision": "16-mixed"}
    record |= {"device_hours": 7.0, "replaced_in_training": 2}
    session = {"commit": "4567", "versions": {}, "hardware": "8 x A100"}
    record |= {"started_from": [{"part": "", "file": "a", "sha256": "b"}], "training": [session], "parents": [session]}
    path.write_text(json.dumps(sealed(fields(path) | record)))
    one_view = protocol(two_views, views=1)
    assert rescored(one_view, store)
    made = fields(directory.metrics(one_view.eval_id))
    assert {name: made[name] for name in record} == record
    assert made["rescored_from"] == two_views.eval_id
    assert (made["views"], made["data"]["name"]) == (1, "kinetics400")


@pytest.mark.parametrize(
    "other",
    [
        evaluation(views=1, stride=2),
        evaluation(views=1, crops=1),
        evaluation(views=1, short_side=40),
        evaluation(views=1, span=1.0),
        evaluation(views=1, merge="mean of logits"),
        evaluation(views=3),
        evaluation(views=4),
        (*evaluation(views=1), *data(frames=4)),
        (*evaluation(views=1), Edit("seed", 1)),
    ],
)
def test_saved_scores_are_not_used_for_other_protocols_and_runs(
    two_views: RunConfig, store: RunStore, other: tuple[Edit, ...]
) -> None:
    run = apply(two_views, other)
    assert not rescored(run, store)
    assert not store.run(run.train_id).metrics(run.eval_id).exists()


def test_own_and_released_weights_are_rescored_from_their_own_scores(two_views: RunConfig, store: RunStore) -> None:
    directory, one_view = store.run(two_views.train_id), protocol(two_views, views=1)
    for file in (directory.scores, directory.metrics):
        file(two_views.eval_id).rename(getattr(directory.of_released, file.__name__)(two_views.eval_id))
    metrics = directory.of_released.metrics(two_views.eval_id)
    source = {"file": "a.pyth", "sha256": "0"}
    metrics.write_text(json.dumps(sealed(fields(metrics) | {"released_weights": source})))
    assert not rescored(one_view, store)
    assert rescore(one_view, directory.of_released)
    made = fields(directory.of_released.metrics(one_view.eval_id))
    assert made["rescored_from"] == two_views.eval_id and made["released_weights"] == source
    assert not directory.metrics(one_view.eval_id).exists()


def damage(path: Path, metrics: Path, how: str) -> None:
    """Damage saved scores, or the metrics beside them."""
    whole = path.read_bytes()
    with np.load(path) as saved:
        arrays = {name: saved[name] for name in saved.files}
    match how:
        case "cut short":
            path.write_bytes(whole[: len(whole) // 2])
        case "scores flipped":
            with zipfile.ZipFile(path) as archive:
                info = archive.getinfo("scores.npy")
            place = info.header_offset + info.file_size // 2
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        case "of an older version":
            del arrays["test"]
            np.savez(path, **arrays)
        case "pickled":
            np.savez(path, **{**arrays, "test": np.array(str(arrays["test"]), dtype=object)}, allow_pickle=True)
        case "without metrics":
            metrics.unlink()
        case "beside edited metrics":
            metrics.write_text(json.dumps(fields(metrics) | {"seconds": 12345.0}))


@pytest.mark.parametrize(
    "how",
    ["cut short", "scores flipped", "of an older version", "pickled", "without metrics", "beside edited metrics"],
)
def test_damaged_saved_scores_are_ignored(two_views: RunConfig, store: RunStore, how: str) -> None:
    directory, one_view = store.run(two_views.train_id), protocol(two_views, views=1)
    path, metrics = directory.scores(two_views.eval_id), directory.metrics(two_views.eval_id)
    whole, intact = path.read_bytes(), metrics.read_text()
    damage(path, metrics, how)
    assert not rescored(one_view, store)
    assert not directory.metrics(one_view.eval_id).exists()
    # Intact scores of another test are still used, although their file is read later.
    path.rename(path.with_name("000.npz"))
    path.write_bytes(whole)
    metrics.write_text(intact)
    assert rescored(one_view, store)
    assert fields(directory.metrics(one_view.eval_id))["rescored_from"] == two_views.eval_id


def test_results_are_compared_with_their_saved_scores_on_request(
    two_views: RunConfig, store: RunStore, capsys: pytest.CaptureFixture[str]
) -> None:
    one_view = protocol(two_views, views=1)
    assert rescored(one_view, store)
    comparing = RunStore(store.root, compare_scores=True)
    directory = store.run(two_views.train_id)
    for run in (two_views, one_view):
        path = directory.metrics(run.eval_id)
        written = path.read_text()
        assert store.test(run) is not None and comparing.test(run) is not None
        # A result that was changed together with its digest, hits and counts is found by its scores only.
        changed = {**json.loads(written), "top1": 97.5}
        del changed["hits"], changed["class_counts"]
        path.write_text(json.dumps(sealed(changed)))
        assert store.test(run) is not None and comparing.test(run) is None
        assert "its top1 is 97.5, but" in capsys.readouterr().err
        moved = json.loads(written)
        of_kind = moved["class_counts"]["class"]
        moved["class_counts"]["class"] = {f"another {name}": counts for name, counts in of_kind.items()}
        path.write_text(json.dumps(sealed(moved)))
        assert store.test(run) is not None and comparing.test(run) is None
        assert "its class_counts are not those of its saved scores" in capsys.readouterr().err
        old = {name: part for name, part in json.loads(written).items() if name != "class_counts"}
        path.write_text(json.dumps(sealed(old)))  # results of before the counts were saved
        assert comparing.test(run) is not None
        path.write_text(written)
    predictions = directory.scores(two_views.eval_id)
    whole = predictions.read_bytes()
    path = directory.metrics(two_views.eval_id)
    damage(predictions, path, "scores flipped")
    for run in (two_views, one_view):
        assert store.test(run) is not None and comparing.test(run) is None
        assert f"its saved scores {predictions} were changed after the test" in capsys.readouterr().err
    without_hash = {name: part for name, part in fields(path).items() if name != "predictions_sha256"}
    path.write_text(json.dumps(sealed(without_hash)))
    assert comparing.test(two_views) is None
    assert "are damaged or of another test; remove them to keep the result" in capsys.readouterr().err
    predictions.write_bytes(whole[: len(whole) // 2])
    assert comparing.test(two_views) is None
    predictions.unlink()
    assert comparing.test(two_views) is not None
    predictions.write_bytes(whole)
    assert comparing.test(two_views) is not None
