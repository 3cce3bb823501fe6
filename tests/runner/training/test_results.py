"""Result files of a test: metrics with their provenance, and scores of all items."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec import convert

from data.errors import DataError
from experiments.motionformer.base import SSV2
from experiments.spec.run import RunConfig
from lightning_modules.scores import EVALUATED, FAILED, MISSING, STATES, ViewScores
from runner.store.records import Hits, ImportedWeights, Provenance, TestRecord
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores
from runner.store.store import RunStore
from runner.training import results
from runner.training.results import save_test_results, save_training_record
from runner.weights.weights import save_weights
from tests.runner.experts import ENSEMBLE, Expert
from tests.runner.points import RunHarness
from tests.runner.result_records import DATA, PROVENANCE, TRAINER

SPLITS = [{"from_step": 0, "devices": 2, "micro_batch": 4, "accumulation": 8}]


def scores(*states: str, run: RunConfig = SSV2) -> ViewScores:
    made = run.objective.task(SSV2.data.targets).new_scores(run.evaluation)
    assert isinstance(made, ViewScores)
    for view in range(run.evaluation.views):
        outputs = 100 * torch.eye(174)[:2, None]  # (2, 1, C): each label has the highest score
        unreadable, missing = (torch.tensor([s in kinds for s in states]) for kinds in ((FAILED, MISSING), (MISSING,)))
        made.add(outputs, torch.arange(2), torch.arange(2), torch.full((2,), view), unreadable, missing)
    return made


def finished(found: ViewScores, allowed: int = 1) -> SavedScores:
    return SavedScores(found, ("a", "b"), ("up", "down"), "0123", allowed)


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    return RunStore(tmp_path).run(SSV2.train_id)


def saved_metrics(directory: RunDirectory, test: SavedScores, released: ImportedWeights | None = None) -> dict:
    tested = directory if released is None else directory.of_released
    save_test_results(
        SSV2,
        tested,
        test,
        TRAINER,
        convert(PROVENANCE, Provenance),
        data=DATA,
        seconds=3.21,
        parents=[],
        starts=[],
        released=released,
        categories={},
    )
    return json.loads(tested.metrics(SSV2.eval_id).read_text())


def test_metrics_contain_their_provenance(directory: RunDirectory) -> None:
    metrics = saved_metrics(directory, finished(scores(EVALUATED, EVALUATED)))
    assert (metrics["train_id"], metrics["eval_id"], metrics["seed"]) == (SSV2.train_id, SSV2.eval_id, 0)
    assert (metrics["top1"], metrics["top5"]) == (100.0, 100.0)
    assert (metrics["views"], metrics["crops"]) == (1, 3)
    assert metrics["data"] == {name: part for name, part in DATA.as_json().items() if name != "train"}
    assert (metrics["data"]["name"], metrics["data"]["test"]["items"]) == ("ssv2", 2)
    assert (metrics["precision"], metrics["devices"], metrics["seconds"]) == ("32-true", 2, 3.2)
    assert {name: metrics[name] for name in PROVENANCE} == PROVENANCE
    assert not {"training", "device_hours", "started_from", "released_weights", "rescored_from"} & metrics.keys()


def test_metrics_contain_the_correct_items_and_a_digest_of_all(directory: RunDirectory) -> None:
    metrics = saved_metrics(directory, finished(scores(EVALUATED, FAILED)))  # unreadable items are incorrect
    hits = Hits(**metrics["hits"])
    for name in ("top1", "top5"):
        mask = hits.mask(name)
        assert mask is not None and mask.tolist() == [True, False]
    assert hits.items == 2 and hits.mask("top3") is None


def test_metrics_contain_the_record_of_the_training(directory: RunDirectory) -> None:
    save_training_record(directory, [PROVENANCE], device_seconds=10800.0, replaced=3, weights="0123", splits=SPLITS)
    metrics = saved_metrics(directory, finished(scores(EVALUATED, EVALUATED)))
    assert (metrics["device_hours"], metrics["replaced_in_training"], metrics["weights_digest"]) == (3.0, 3, "0123")
    assert metrics["batch_splits"] == SPLITS
    assert metrics["classes"] == {"up": [1, 1], "down": [1, 1]}
    assert metrics["class_counts"] == {"class": {"up": [1, 1, 1], "down": [1, 1, 1]}}


def test_metrics_contain_the_data_of_the_training_and_of_the_test(directory: RunDirectory) -> None:
    save_training_record(directory, [PROVENANCE], device_seconds=1.0, replaced=0, weights="0123", splits=SPLITS)
    earlier = replace(DATA, train=replace(DATA.test, items=5), test=replace(DATA.test, items=4))
    directory.data.write_text(json.dumps({**earlier.as_json(), "root": "/data"}))
    data = saved_metrics(directory, finished(scores(EVALUATED, EVALUATED)))["data"]
    assert (data["train"]["items"], data["test"]["items"]) == (5, 2)
    released = ImportedWeights(file="a.pyth", sha256="0")
    assert "train" not in saved_metrics(directory, finished(scores(EVALUATED, EVALUATED)), released)["data"]


def test_metrics_of_released_weights_contain_no_record_of_our_training(directory: RunDirectory) -> None:
    save_training_record(directory, [PROVENANCE], device_seconds=10800.0, replaced=3, weights="0123", splits=SPLITS)
    released = ImportedWeights(file="a.pyth", sha256="0", matched=1, warnings=("odd",))
    metrics = saved_metrics(directory, finished(scores(EVALUATED, EVALUATED)), released)
    assert "device_hours" not in metrics and metrics["replaced_in_training"] == 0
    assert metrics["released_weights"] == {"file": "a.pyth", "sha256": "0", "warnings": ["odd"]}
    assert not directory.metrics(SSV2.eval_id).exists() and not directory.scores(SSV2.eval_id).exists()
    assert directory.of_released.scores(SSV2.eval_id).exists()


def test_scores_of_all_items_are_saved_with_their_status(directory: RunDirectory) -> None:
    metrics = saved_metrics(directory, finished(scores(EVALUATED, MISSING)))
    assert metrics["videos"] == {"evaluated": 1, "failed": 0, "missing": 1}
    assert metrics["top1"] == 50
    with np.load(directory.scores(SSV2.eval_id), allow_pickle=False) as predictions:
        assert predictions["scores"].shape == (2, 1, 174)
        assert predictions["scores"].argmax(-1).tolist() == [[0], [1]]
        assert predictions["status"].tolist() == [[STATES.index(EVALUATED)], [STATES.index(MISSING)]]
        assert predictions["ids"].tolist() == ["a", "b"]


def test_too_many_unreadable_items_are_an_error(directory: RunDirectory) -> None:
    for state in (MISSING, FAILED):
        with pytest.raises(DataError, match="1 of 2 test videos cannot be read; the limit is 0"):
            saved_metrics(directory, finished(scores(EVALUATED, state), allowed=0))
    assert not directory.path.exists()


def test_an_incomplete_test_is_an_error(directory: RunDirectory) -> None:
    test = SavedScores(scores(EVALUATED, EVALUATED), ("a", "b", "c"), (), "0123", 0)
    with pytest.raises(RuntimeError, match="item 2 of the test was scored on 0 views instead of 1"):
        saved_metrics(directory, test)
    assert not directory.path.exists()


def test_scores_that_are_not_finite_are_an_error(directory: RunDirectory) -> None:
    broken = scores(EVALUATED, EVALUATED)
    broken.items[1].views[0][3] = torch.nan
    with pytest.raises(ValueError, match="the scores of 1 of 2 test items are not finite: these weights are of no use"):
        saved_metrics(directory, finished(broken))
    assert not directory.path.exists()


def test_scores_are_written_before_metrics(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(path: Path, record: TestRecord) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(results, "write_test", killed)
    with pytest.raises(KeyboardInterrupt):
        saved_metrics(directory, finished(scores(EVALUATED, EVALUATED)))
    assert directory.scores(SSV2.eval_id).exists() and not directory.metrics(SSV2.eval_id).exists()


def test_classes_without_a_name_are_named_by_their_number() -> None:
    one_name = finished(scores(EVALUATED, EVALUATED))._replace(class_names=("up",))
    assert results.scored(SSV2, one_name)["classes"] == {"up": (1, 1), "1": (1, 1)}


def test_scores_of_an_ensemble_are_the_mean_of_those_of_its_experts(harness: RunHarness) -> None:
    experts = [replace(parent.run, model=Expert.Config(), seed=seed) for seed, parent in enumerate(ENSEMBLE.parents)]
    parts = zip(ENSEMBLE.parents, experts, strict=True)
    both, scores = replace(ENSEMBLE, parents=tuple(replace(parent, run=run) for parent, run in parts)), []
    for run in (*experts, both):
        directory = harness.store.run(run.train_id)
        if run.optim is not None:
            torch.manual_seed(run.seed)
            save_weights(run.build().model, directory.weights)
        harness.execute(run)
        with np.load(directory.scores(run.eval_id)) as arrays:
            scores.append(arrays["scores"])
    left, right, mean = scores
    assert not np.allclose(left, right)
    np.testing.assert_allclose(mean, (left + right) / 2, atol=1e-6)
