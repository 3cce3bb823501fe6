"""Tests of ensembles: computed from the saved scores of their parents, or by a forward pass, with the same metrics."""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from data.errors import DataError
from experiments.motionformer.base import EPIC100
from experiments.spec.edits import apply, evaluation
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import TINY
from interface.evaluation import EvalConfig
from lightning_modules.scores import ViewScores
from models import model as base
from runner.machine.files import read_json
from runner.store.acceptance import sealed
from runner.store.saved_scores import file_sha256
from runner.store.store import RunStore
from runner.training.combined_scores import PartTest, combine, combined, part_tests
from runner.training.results import SavedTest, rescore
from runner.training.results import Test as FinishedTest
from runner.weights.weights import Weights, save_tensors, save_weights
from tests.runner.experts import ENSEMBLE, PARTS, Ensemble, Expert
from tests.runner.points import RunHarness

# The experts start from random weights and are not trained: the first weights of each are saved as trained ones.
LEFT, RIGHT = (replace(parent.run, model=Expert.Config(), seed=seed) for seed, parent in enumerate(ENSEMBLE.parents))
BOTH = replace(
    ENSEMBLE,
    parents=tuple(replace(parent, run=run) for parent, run in zip(ENSEMBLE.parents, (LEFT, RIGHT), strict=True)),
)


@pytest.fixture
def tested(harness: RunHarness) -> RunHarness:
    """Harness whose store has the tests of both experts."""
    for seed, run in enumerate((LEFT, RIGHT)):
        torch.manual_seed(seed)
        save_weights(run.build().model, harness.store.run(run.train_id).weights)
        harness.execute(run, eval_only=True)
    return harness


def predictions(run: RunConfig, store: RunStore) -> dict[str, np.ndarray]:
    with np.load(store.run(run.train_id).predictions(run.eval_id)) as arrays:
        return {name: arrays[name] for name in arrays.files}


def metrics_of(run: RunConfig, store: RunStore) -> dict:
    return read_json(store.run(run.train_id).metrics(run.eval_id)) or {}


MEASURED = ("top1", "top5", "videos", "classes", "hits", "views", "crops", "data", "replaced_in_training")


def test_combined_scores_are_those_of_a_forward_pass(tested: RunHarness) -> None:
    assert combine(BOTH, tested.store)
    metrics, saved = metrics_of(BOTH, tested.store), predictions(BOTH, tested.store)
    tested.store.run(BOTH.train_id).metrics(BOTH.eval_id).unlink()
    forward = tested.execute(BOTH)
    passed = predictions(BOTH, tested.store)
    np.testing.assert_allclose(saved["scores"], passed["scores"], atol=1e-6)
    for name in ("labels", "status", "ids", "test"):
        np.testing.assert_array_equal(saved[name], passed[name])
    assert {name: metrics[name] for name in MEASURED} == {name: forward[name] for name in MEASURED}
    assert "combined_from" in metrics and "combined_from" not in forward
    assert len({metrics_of(run, tested.store)["top1"] for run in (LEFT, RIGHT, BOTH)}) > 1  # it is no copy of one


def test_a_combined_test_names_the_tests_whose_scores_it_combines(tested: RunHarness) -> None:
    assert combine(BOTH, tested.store)
    metrics = metrics_of(BOTH, tested.store)
    sources = [metrics_of(run, tested.store) for run in (LEFT, RIGHT)]
    names = ("train_id", "eval_id", "predictions_sha256", "weights_digest", "commit", "hardware", "precision")
    assert metrics["combined_from"] == [
        {"part": part, **{name: source[name] for name in names if name in source}}
        for part, source in zip(PARTS, sources, strict=True)
    ]
    assert metrics["predictions_sha256"] not in [source["predictions_sha256"] for source in sources]
    assert metrics["seconds"] == pytest.approx(sum(source["seconds"] for source in sources))
    assert (metrics["commit"], metrics["versions"]) == (sources[0]["commit"], sources[0]["versions"])
    directory = tested.store.run(BOTH.train_id)
    assert read_json(directory.config) == BOTH.description
    assert RunStore(tested.store.root, compare_scores=True).metrics(BOTH) == metrics


def test_conditions_of_tests_that_differ_are_all_named(tested: RunHarness) -> None:
    path = tested.store.run(RIGHT.train_id).metrics(RIGHT.eval_id)
    trained = {"commit": "9876543", "hardware": "8 x GPU", "versions": {"torch": "8"}}
    changed = {"commit": "0123456", "devices": 8, "versions": {"torch": "9"}, "training": [trained]}
    path.write_text(json.dumps(sealed({**metrics_of(RIGHT, tested.store), **changed})))
    assert combine(BOTH, tested.store)
    metrics, left = metrics_of(BOTH, tested.store), metrics_of(LEFT, tested.store)
    assert (metrics["commit"], metrics["devices"]) == (f"{left['commit']} and 9876543 and 0123456", 8)
    assert metrics["hardware"] == f"{left['hardware']} and 8 x GPU"
    assert metrics["versions"]["torch"] == f"{left['versions']['torch']} and 8 and 9"
    assert metrics["versions"]["python"] == f"{left['versions']['python']} and none"


def test_tests_with_more_views_suffice_and_combined_scores_are_scored_again(tested: RunHarness) -> None:
    one_view = apply(BOTH, evaluation(views=1))
    assert combine(one_view, tested.store)
    first = metrics_of(one_view, tested.store)
    assert [part["eval_id"] for part in first["combined_from"]] == [LEFT.eval_id, RIGHT.eval_id]
    assert combine(BOTH, tested.store)
    directory = tested.store.run(BOTH.train_id)
    for file in (directory.metrics(one_view.eval_id), directory.predictions(one_view.eval_id)):
        file.unlink()
    assert rescore(one_view, tested.store)
    again = metrics_of(one_view, tested.store)
    assert again["top1"] == first["top1"] and again["rescored_from"] == BOTH.eval_id
    assert again["combined_from"] == metrics_of(BOTH, tested.store)["combined_from"]


def test_items_that_one_parent_could_not_read_are_unreadable(tested: RunHarness) -> None:
    parts = part_tests(BOTH, tested.store)
    assert parts is not None
    left, right = (part.saved.test for part in parts)
    assert isinstance(left.scores, ViewScores) and isinstance(right.scores, ViewScores)
    left.scores.items[3].states[1] = 1
    right.scores.items[4].states = {0: 2, 1: 2}
    made = combined(BOTH, [parts[0], parts[1]._replace(saved=parts[1].saved._replace(test=right._replace(allowed=1)))])
    result = made.scores.result()
    assert (result.evaluated, result.failed, result.missing) == (88, 1, 1)
    assert made.allowed == min(1, left.allowed)


def test_more_unreadable_items_than_accepted_are_an_error(tested: RunHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = part_tests(BOTH, tested.store)
    assert parts is not None
    scores = parts[1].saved.test.scores
    assert isinstance(scores, ViewScores)
    for item in (4, 5):
        scores.items[item].states = {0: 2, 1: 2}
    monkeypatch.setattr("runner.training.combined_scores.part_tests", lambda *_: parts)
    with pytest.raises(DataError, match="2 of 90 test points cannot be read; the limit is"):
        combine(BOTH, tested.store)
    assert not tested.store.run(BOTH.train_id).metrics(BOTH.eval_id).exists()


def no_test(run: RunConfig, store: RunStore) -> None:
    store.run(run.train_id).metrics(run.eval_id).unlink()


def no_scores(run: RunConfig, store: RunStore) -> None:
    store.run(run.train_id).predictions(run.eval_id).unlink()


def damaged_scores(run: RunConfig, store: RunStore) -> None:
    path = store.run(run.train_id).predictions(run.eval_id)
    path.write_bytes(path.read_bytes()[:-100])


def changed_scores(run: RunConfig, store: RunStore) -> None:
    arrays = predictions(run, store)
    arrays["scores"] *= 0.5
    np.savez(store.run(run.train_id).predictions(run.eval_id), **arrays)  # pyright: ignore[reportArgumentType]


def edited_metrics(run: RunConfig, store: RunStore) -> None:
    path = store.run(run.train_id).metrics(run.eval_id)
    path.write_text(json.dumps({**metrics_of(run, store), "seconds": 12345.0}))


Change = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


def other_scores(run: RunConfig, store: RunStore, change: Change) -> None:
    """Scores of a test of other items, with the hash that its metrics name."""
    path, metrics = store.run(run.train_id).predictions(run.eval_id), metrics_of(run, store)
    arrays = predictions(run, store)
    np.savez(path, **{**arrays, **change(arrays)})  # pyright: ignore[reportArgumentType]
    metrics["predictions_sha256"] = file_sha256(path)
    store.run(run.train_id).metrics(run.eval_id).write_text(json.dumps(sealed(metrics)))


def other_items(run: RunConfig, store: RunStore) -> None:
    other_scores(run, store, lambda arrays: {"ids": arrays["ids"][::-1]})


def other_labels(run: RunConfig, store: RunStore) -> None:
    other_scores(run, store, lambda arrays: {"labels": (arrays["labels"] + 1) % 4})


def fewer_items(run: RunConfig, store: RunStore) -> None:
    names = ("ids", "labels", "scores", "status")
    other_scores(run, store, lambda arrays: {name: arrays[name][1:] for name in names})


def other_data(run: RunConfig, store: RunStore) -> None:
    metrics = metrics_of(run, store)
    metrics["data"]["test"]["annotations"] = "0123"
    store.run(run.train_id).metrics(run.eval_id).write_text(json.dumps(sealed(metrics)))


def other_weights(run: RunConfig, store: RunStore) -> None:
    metrics = metrics_of(run, store) | {"weights_digest": "0123"}
    store.run(run.train_id).metrics(run.eval_id).write_text(json.dumps(sealed(metrics)))
    store.run(run.train_id).training.write_text('{"weights_digest": "4567"}')


def own_released_weights(run: RunConfig, store: RunStore) -> None:
    """Released weights of the whole ensemble, which are not those of its parents."""
    directory = store.run(BOTH.train_id)
    save_tensors(BOTH.build().model.state_dict(), directory.released)
    directory.released_record.write_text('{"file": "a.pth", "sha256": "0"}')


REASONS = [
    no_test, no_scores, damaged_scores, changed_scores, edited_metrics, other_items, other_labels, fewer_items,
    other_data, other_weights, own_released_weights,
]  # fmt: skip


@pytest.mark.parametrize("change", REASONS)
@pytest.mark.parametrize("run", [LEFT, RIGHT], ids=PARTS)
def test_scores_that_cannot_be_combined_are_left(
    tested: RunHarness, run: RunConfig, change: Callable[[RunConfig, RunStore], None]
) -> None:
    change(run, tested.store)
    assert part_tests(BOTH, tested.store) is None
    assert not combine(BOTH, tested.store)
    directory = tested.store.run(BOTH.train_id)
    assert not directory.metrics(BOTH.eval_id).exists() and not directory.predictions(BOTH.eval_id).exists()


def test_only_untrained_models_that_combine_probabilities_of_the_same_data_do_so(tested: RunHarness) -> None:
    (left, right), dataset = BOTH.parents, BOTH.data.dataset
    others = (
        replace(BOTH, optim=LEFT.optim),
        replace(BOTH, parents=()),
        replace(BOTH, model=LEFT.model),
        replace(BOTH, evaluation=EvalConfig(views=2, crops=1, merge="mean of logits")),
        replace(BOTH, data=replace(BOTH.data, dataset=replace(dataset, num_test=80))),  # type: ignore[type-var]
    )
    assert BOTH.combines_scores and BOTH.parents_to_run == (left, right)
    for run in others:
        assert not run.combines_scores and run.parents_to_run == run.parents
        assert part_tests(run, tested.store) is None


def test_parents_are_tested_under_the_protocol_of_the_run_that_combines_their_scores() -> None:
    run = apply(BOTH, evaluation(views=1))
    assert [parent.run.evaluation for parent in run.parents_to_run] == [run.evaluation] * 2
    assert [parent.run.evaluation for parent in run.parents] == [BOTH.evaluation] * 2
    assert [parent.run.train_id for parent in run.parents_to_run] == [LEFT.train_id, RIGHT.train_id]
    assert run.train_id == BOTH.train_id


def test_scores_of_released_experts_are_combined_and_their_files_named(harness: RunHarness) -> None:
    for run in (LEFT, RIGHT):
        directory = harness.store.run(run.train_id)
        save_tensors(run.build().model.state_dict(), directory.released)
        directory.released_record.write_text(f'{{"file": "{run.seed}.pth", "sha256": "sum {run.seed}"}}')
        harness.execute(run, eval_only=True)
    assert combine(BOTH, harness.store)
    assert metrics_of(BOTH, harness.store)["started_from"] == [
        {"part": "left", "file": "0.pth", "sha256": "sum 0"},
        {"part": "right", "file": "1.pth", "sha256": "sum 1"},
    ]


class OneClass(Ensemble):
    """Ensemble with a mistake."""

    class Config(Ensemble.Config):
        def combined_scores(self, scores: Mapping[str, Tensor], targets: base.Targets) -> Tensor:
            return scores["left"][..., :1]


def test_scores_of_other_classes_are_refused(tested: RunHarness) -> None:
    wrong = replace(BOTH, model=OneClass.Config())
    with pytest.raises(ValueError, match=r"the combined scores have the shape \(90, 2, 1\); it must be \(90, 2, 4\)"):
        combine(wrong, tested.store)


def test_crops_are_averaged_before_and_summed_after_the_combination(tested: RunHarness) -> None:
    parts = part_tests(BOTH, tested.store)
    assert parts is not None
    three = replace(BOTH, evaluation=replace(BOTH.evaluation, crops=3))
    outputs = torch.randn(90, 1, 3, 4, generator=torch.Generator().manual_seed(0))  # (I, 1, crops, C)
    zeros = torch.zeros(90, dtype=torch.bool)
    again = []
    for part in parts:
        scores = three.objective.task(three.data.targets).new_scores(three.evaluation)
        assert isinstance(scores, ViewScores)
        labels = torch.from_numpy(part.saved.test.scores.arrays()["labels"])
        for view in range(2):
            scores.add(outputs[:, 0], labels, torch.arange(90), torch.full((90,), view), zeros, zeros)
        again.append(part._replace(saved=part.saved._replace(test=part.saved.test._replace(scores=scores))))
    made = combined(three, again).scores
    assert isinstance(made, ViewScores)  # the mean of two equal experts is the expert
    torch.testing.assert_close(made.merged(0), again[0].saved.test.scores.merged(0))
    torch.testing.assert_close(made.merged(0).sum(), torch.tensor(6.0))


class VerbsAndNouns(Ensemble):
    """Verbs of one expert, nouns of the other."""

    class Config(Ensemble.Config):
        def combined_scores(self, scores: Mapping[str, Tensor], targets: base.Targets) -> Tensor:
            verbs = targets.classes["verb"]
            return torch.cat([scores["right"][..., :verbs], scores["left"][..., verbs:]], dim=-1)


def test_verbs_of_one_parent_are_combined_with_nouns_of_another() -> None:
    run = replace(TINY.of(EPIC100), optim=None, model=VerbsAndNouns.Config(), evaluation=EvalConfig(views=1, crops=1))
    labels, no = torch.tensor([[1, 6], [2, 7]]), torch.zeros(2, dtype=torch.bool)
    right_labels, parts = 100 * torch.cat([F.one_hot(labels[:, kind], 8) for kind in (0, 1)], dim=1), []
    for part in PARTS:  # the left expert is right about nouns, the right one about verbs
        outputs = right_labels.float()
        outputs[:, slice(0, 8) if part == "left" else slice(8, 16)] *= -1
        scores = run.objective.task(run.data.targets).new_scores(run.evaluation)
        assert isinstance(scores, ViewScores)
        scores.add(outputs[:, None], labels, torch.arange(2), torch.zeros(2, dtype=torch.long), no, no)
        saved = SavedTest(FinishedTest(scores, ("a", "b"), (), "0123", 0), {}, run.eval_id)
        parts.append(PartTest(Parent(run=run, part=part), Weights(None, None), saved))
        assert scores.result().metrics["action"] == 0
    result = combined(run, parts).scores.result()
    assert {name: result.metrics[name] for name in ("action", "verb", "noun")} == {
        "action": 100,
        "verb": 100,
        "noun": 100,
    }
