"""A run with a verb and a noun an item, from its spec to its metrics."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.datasets.epic100 import Epic100
from data.synthetic.epic100 import NOUNS, VERBS, Epic100StandIn
from experiments.motionformer.base import EPIC100
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.runner.jobs import Job
from experiments.runner.launch import headline_text
from experiments.runner.resources import Resources
from experiments.runner.results import rescore
from experiments.runner.store import RunStore
from experiments.runner.train import train_and_test
from experiments.runner.weights import save_weights
from experiments.spec.edits import apply, data, evaluation, model, optim
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import TINY
from tests.experiments.runner.points import NoSignalHandlers

STAND_IN = Epic100StandIn(num_train=16, num_val=12)


@pytest.fixture
def small(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    dataset = Epic100.Config(num_verbs=STAND_IN.num_verbs, num_nouns=STAND_IN.num_nouns, stand_in=STAND_IN)
    edits = (*data(dataset=dataset), *optim(epochs=1, batch_size=8), *model(depth=1, width=16, heads=2))
    return apply(TINY.of(EPIC100, RECIPE), edits)


def test_a_run_reports_action_verb_and_noun_accuracy(small: RunConfig, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    train_and_test(small, store, Resources(devices=1), NoSignalHandlers())
    directory = store.run(small.train_id)
    metrics = json.loads(directory.metrics(small.eval_id).read_text())
    assert metrics["videos"] == {"evaluated": 12, "failed": 0, "missing": 0}
    with np.load(directory.predictions(small.eval_id)) as predictions:
        scores, labels = predictions["scores"].sum(1), predictions["labels"]
    verb, noun = scores[:, :8].argmax(1) == labels[:, 0], scores[:, 8:].argmax(1) == labels[:, 1]
    views = small.evaluation.views * small.evaluation.crops
    np.testing.assert_allclose(scores[:, :8].sum(1), views, rtol=1e-4)
    np.testing.assert_allclose(scores[:, 8:].sum(1), views, rtol=1e-4)
    assert metrics["verb"] == pytest.approx(100 * verb.mean())
    assert metrics["noun"] == pytest.approx(100 * noun.mean())
    assert metrics["action"] == metrics["top1"] == pytest.approx(100 * (verb & noun).mean())
    assert metrics["classes"] == {}
    kinds = {"verb": (VERBS, scores[:, :8]), "noun": ([noun.name for noun in NOUNS], scores[:, 8:])}
    for place, (kind, (names, of_kind)) in enumerate(kinds.items()):
        predicted, labelled = (np.eye(8, dtype=bool)[numbers] for numbers in (of_kind.argmax(1), labels[:, place]))
        counts = np.stack([predicted & labelled, predicted, labelled]).sum(1).T.tolist()
        found = {name: of_class for name, of_class in zip(names, counts, strict=True) if any(of_class)}
        assert metrics["class_counts"][kind] == found
    text = headline_text(Job(small, "t", "c", 0), metrics)
    assert text == ", ".join(f"{name} {metrics[name]:.3g}" for name in ("action", "verb", "noun"))


def test_one_view_of_verbs_and_nouns_is_rescored_from_the_scores_of_two(small: RunConfig, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    untrained = replace(small, optim=None, parents=(Parent(run=small),))
    save_weights(small.build().model, store.run(small.train_id).weights)
    one_view = apply(untrained, evaluation(views=1))
    train_and_test(untrained, store, Resources(devices=1), NoSignalHandlers())
    assert rescore(one_view, store)
    directory = store.run(one_view.train_id)
    made = json.loads(directory.metrics(one_view.eval_id).read_text())
    with np.load(directory.predictions(untrained.eval_id)) as predictions:
        scores, labels = predictions["scores"][:, 1], predictions["labels"]
    assert made["verb"] == pytest.approx(100 * (scores[:, :8].argmax(1) == labels[:, 0]).mean())
    assert made["noun"] == pytest.approx(100 * (scores[:, 8:].argmax(1) == labels[:, 1]).mean())
    assert (made["views"], made["rescored_from"], made["classes"]) == (1, untrained.eval_id, {})
