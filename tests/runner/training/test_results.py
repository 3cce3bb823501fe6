"""Files of a test: its result with its provenance, the scores of all items, and a few clips."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import to_builtins
from torch import Tensor

from data.errors import DataError, DecodeError
from data.items import TestItems
from data.labels import ItemList
from experiments.motionformer.base import SSV2
from experiments.spec.run import RunConfig
from lightning_modules.scores import EVALUATED, FAILED, MISSING, ViewScores
from runner.store.picture_files import AnsweredClips, read_pictures
from runner.store.records import READABLE, Hits
from runner.store.saved_scores import SavedScores, scored
from runner.training import train
from runner.training.results import NUM_FRAMES, check_complete, decoded_clips, small
from tests.runner.points import POINTS, Killed, PointData, RunHarness
from tests.runner.tower_weights import keep

UNREADABLE = 13


def finished(
    *states: str, allowed: int = 1, ids: tuple[str, ...] = ("a", "b"), predicted: tuple[int, int] = (0, 1)
) -> SavedScores:
    """Test of two items of the classes 0 and 1, whose labels have the highest scores unless others are named."""
    made = SSV2.objective.task(SSV2.data.targets).new_scores(SSV2.evaluation)
    assert isinstance(made, ViewScores)
    outputs = 100 * torch.eye(174)[list(predicted), None]  # (2, 1, C)
    unreadable, missing = (torch.tensor([s in kinds for s in states]) for kinds in ((FAILED, MISSING), (MISSING,)))
    made.add(outputs, torch.arange(2), torch.arange(2), torch.zeros(2, dtype=torch.long), unreadable, missing)
    return SavedScores(made, ids, ("up", "down"), "0123", allowed)


def test_a_result_contains_its_provenance_and_that_of_its_training(harness: RunHarness) -> None:
    metrics, directory = harness.execute(POINTS), harness.store.run(POINTS.train_id)
    assert (metrics["train_id"], metrics["eval_id"], metrics["seed"]) == (POINTS.train_id, POINTS.eval_id, 0)
    assert (metrics["views"], metrics["crops"], metrics["devices"]) == (2, 1, 1)
    assert metrics["videos"] == {"evaluated": 90, "failed": 0, "missing": 0} and metrics["seconds"] > 0
    assert (metrics["data"]["train"]["items"], metrics["data"]["test"]["items"]) == (20, 90)
    assert metrics["batch_splits"] == [{"from_step": 0, "devices": 1, "micro_batch": 4, "accumulation": 1}]
    record = json.loads(directory.training.read_text())
    assert 0 < record["waiting_share"] < 1
    for name in ("device_hours", "waiting_share", "replaced_in_training", "weights_digest", "batch_splits"):
        assert metrics[name] == record[name]
    assert [{name: metrics[name] for name in ("commit", "versions", "hardware")}] == record["sessions"]
    assert not {"training", "started_from", "released_weights", "rescored_from"} & metrics.keys()
    hits = Hits(**metrics["hits"])
    mask = hits.mask("top1")
    assert mask is not None and 100 * mask.mean() == pytest.approx(metrics["top1"])
    assert hits.items == 90 and hits.mask("top3") is None


def test_a_result_of_released_weights_contains_nothing_of_our_training(harness: RunHarness) -> None:
    harness.execute(POINTS)
    directory = harness.store.run(POINTS.train_id)
    directory.weights.unlink()
    directory.metrics(POINTS.eval_id).unlink()
    keep(POINTS, harness.store, released=True)
    assert harness.execute(POINTS, eval_only=True) == {}
    metrics = json.loads(directory.of_released.metrics(POINTS.eval_id).read_text())
    assert "device_hours" not in metrics and metrics["replaced_in_training"] == 0 and "train" not in metrics["data"]
    assert metrics["released_weights"] == {"file": "0.pyth", "sha256": "sum 0"}
    assert directory.of_released.scores(POINTS.eval_id).exists()


def test_results_are_named_by_class_and_unreadable_items_are_incorrect() -> None:
    fields = scored(SSV2, finished(EVALUATED, FAILED))
    assert fields["classes"] == {"up": (1, 1), "down": (0, 1)}
    assert fields["class_counts"] == {"class": {"up": (1, 1, 1), "down": (0, 0, 1)}}
    assert to_builtins(fields["videos"]) == {"evaluated": 1, "failed": 1, "missing": 0}
    assert all(fields["hits"].mask(name).tolist() == [True, False] for name in ("top1", "top5"))
    assert fields["hits"].mask(READABLE).tolist() == [True, False]
    one_name = finished(EVALUATED, EVALUATED)._replace(class_names=("up",))
    assert scored(SSV2, one_name)["classes"] == {"up": (1, 1), "1": (1, 1)}


def test_a_class_that_is_predicted_and_no_label_is_counted_and_has_no_accuracy() -> None:
    fields = scored(SSV2, finished(EVALUATED, EVALUATED, predicted=(0, 7)))
    assert fields["classes"] == {"up": (1, 1), "down": (0, 1)}
    assert fields["class_counts"] == {"class": {"up": (1, 1, 1), "down": (0, 0, 1), "7": (0, 1, 0)}}


@pytest.mark.parametrize(
    ("test", "kind", "message"),
    [
        (lambda: finished(EVALUATED, FAILED, allowed=0), DataError, "1 of 2 test videos cannot be read; the limit is"),
        (lambda: finished(EVALUATED, MISSING, allowed=0), DataError, "1 of 2 test videos cannot be read; the limit is"),
        (lambda: finished(EVALUATED, EVALUATED, ids=("a", "b", "c")), RuntimeError, "item 2 of the test was scored"),
    ],
)
def test_an_incomplete_test_is_an_error(test: Callable[[], SavedScores], kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        check_complete(SSV2, test())


def test_a_result_has_the_accuracies_of_actions_verbs_and_nouns(harness: RunHarness, verb_noun_run: RunConfig) -> None:
    metrics, directory = harness.execute(verb_noun_run), harness.store.run(verb_noun_run.train_id)
    assert metrics["videos"] == {"evaluated": 12, "failed": 0, "missing": 0}
    with np.load(directory.scores(verb_noun_run.eval_id)) as predictions:
        scores, labels = predictions["scores"].sum(1), predictions["labels"]
    verb, noun = scores[:, :8].argmax(1) == labels[:, 0], scores[:, 8:].argmax(1) == labels[:, 1]
    views = verb_noun_run.evaluation.views * verb_noun_run.evaluation.crops
    np.testing.assert_allclose(scores[:, :8].sum(1), views, rtol=1e-4)
    np.testing.assert_allclose(scores[:, 8:].sum(1), views, rtol=1e-4)
    assert metrics["verb"] == pytest.approx(100 * verb.mean())
    assert metrics["noun"] == pytest.approx(100 * noun.mean())
    assert metrics["action"] == metrics["top1"] == pytest.approx(100 * (verb & noun).mean())
    assert "classes" not in metrics and metrics["class_counts"].keys() == {"verb", "noun"}


def grey(index: int, views: Sequence[int]) -> list[tuple[Tensor, ...]]:
    """Frames as grey as the index."""
    if index == UNREADABLE:
        raise DecodeError("some file", "damaged")
    return [(torch.full((3, 8, 3, 6, 6), index, dtype=torch.uint8),) for _ in views]


@dataclass(frozen=True, kw_only=True)
class GreyData(PointData):
    """Data config of grey clips."""

    def test_items(self, items: ItemList, evaluation: object) -> TestItems:
        return TestItems(items, 2, grey)

    def display(self, inputs: tuple[Tensor, ...]) -> Tensor:
        return inputs[0][1]


def test_clips_are_spread_over_the_test_without_unreadable_ones() -> None:
    data = GreyData()
    clips = decoded_clips(data, POINTS.evaluation, data.dataset.build(Path(), "test"))
    assert [*clips] == [0, 25, 38, 51, 64, 76, 89]  # of 90 items; item 13 is unreadable
    assert all(frames.shape == (NUM_FRAMES, 6, 6, 3) and frames.max() == place for place, frames in clips.items())
    points = decoded_clips(POINTS.data, POINTS.evaluation, POINTS.data.dataset.build(Path(), "test"))
    assert points == {}  # they cannot be shown


def test_clips_and_scores_are_written_before_the_result(
    harness: RunHarness, verb_noun_run: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train, "write_test", lambda *_: (_ for _ in ()).throw(Killed()))
    with pytest.raises(Killed):
        harness.execute(verb_noun_run)
    directory, eval_id = harness.store.run(verb_noun_run.train_id), verb_noun_run.eval_id
    assert directory.scores(eval_id).exists() and not directory.metrics(eval_id).exists()
    clips = read_pictures(directory.pictures(AnsweredClips.folder, eval_id), AnsweredClips)
    assert clips.frames.shape == (8, NUM_FRAMES, 32, 32, 3)
    assert len(np.unique(clips.frames.reshape(8, -1), axis=0)) == 8
    assert [answer.kind for answer in clips.clips[0].answers] == ["verb", "noun"]


def test_large_frames_are_made_small() -> None:
    frames = torch.zeros(9, 3, 448, 224, dtype=torch.uint8)
    frames[8] = 200
    found = small(frames)
    assert found.shape == (NUM_FRAMES, 112, 56, 3) and found.dtype == np.uint8
    assert found[0].max() == 0 and found[-1].min() == 200  # the first and the last frame
