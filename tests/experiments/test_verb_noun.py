"""A run with a verb and a noun a video, from its spec to its metrics."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data.config import DataConfig, EvalConfig
from data.datasets.epic100 import Epic100
from data.synthetic.epic100 import Epic100StandIn
from experiments.callbacks import StopRequest
from experiments.evaluate import evaluate
from experiments.launch import accuracy_text
from experiments.resources import Resources
from experiments.run import RunConfig, apply, data, model, optim
from experiments.scales import TINY
from experiments.store import RunStore
from experiments.train import train_and_test
from lightning_modules.objective import SingleLabel, VerbNoun

EPIC = RunConfig(data=DataConfig(dataset=Epic100.Config(), reversed_channels=True), objective=VerbNoun())
STAND_IN = Epic100StandIn(num_train=16, num_val=12)


@pytest.fixture
def small() -> RunConfig:
    dataset = Epic100.Config(num_verbs=STAND_IN.num_verbs, num_nouns=STAND_IN.num_nouns, stand_in=STAND_IN)
    edits = (*data(dataset=dataset), *optim(epochs=1, batch_size=8), *model(depth=1, width=16, heads=2))
    return apply(TINY.of(EPIC), edits)


def test_a_run_writes_action_verb_and_noun(small: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path / "cache"))
    store = RunStore(tmp_path / "runs")
    train_and_test(small, store, Resources(), StopRequest())
    directory = store.run(small.train_id)
    metrics = json.loads(directory.metrics(small.eval_id).read_text())
    assert metrics["videos"] == {"evaluated": 12, "failed": 0, "missing": 0}
    with np.load(directory.predictions(small.eval_id)) as predictions:
        scores, labels = predictions["scores"], predictions["labels"]
    verb, noun = scores[:, :8].argmax(1) == labels[:, 0], scores[:, 8:].argmax(1) == labels[:, 1]
    views = small.evaluation.views * small.evaluation.crops
    np.testing.assert_allclose(scores[:, :8].sum(1), views, rtol=1e-4)
    np.testing.assert_allclose(scores[:, 8:].sum(1), views, rtol=1e-4)
    assert metrics["verb"] == pytest.approx(100 * verb.mean())
    assert metrics["noun"] == pytest.approx(100 * noun.mean())
    assert metrics["action"] == metrics["top1"] == pytest.approx(100 * (verb & noun).mean())
    assert accuracy_text(metrics).startswith(f"action {metrics['action']:.1f}, verb {metrics['verb']:.1f}, noun ")


def test_the_scale_tiny_has_a_stand_in_with_verbs_and_nouns() -> None:
    dataset = TINY.of(EPIC).data.dataset
    assert isinstance(dataset, Epic100.Config)
    assert (dataset.num_verbs, dataset.num_nouns, dataset.num_classes) == (8, 8, 16)
    assert dataset.stand_in == Epic100StandIn()


def test_channels_have_no_part_in_the_ids_of_runs_that_do_not_reverse_them() -> None:
    described = replace(EPIC, data=replace(EPIC.data, reversed_channels=False)).describe()
    assert "reversed_channels" not in json.dumps(described)
    assert '"reversed_channels": true' in json.dumps(EPIC.describe())


@pytest.mark.parametrize(
    "run", [replace(EPIC, objective=SingleLabel()), RunConfig(data=DataConfig(), objective=VerbNoun())]
)
def test_an_objective_of_other_labels_is_one_line(run: RunConfig) -> None:
    with pytest.raises(ValueError, match=r"cannot be trained for (SingleLabel|VerbNoun): EPIC-Kitchens has a verb and"):
        apply(run, model(depth=1, width=16, heads=2)).build()


def test_lists_of_single_labels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this row tells verbs and nouns"):
        evaluate(replace(EPIC, evaluation=EvalConfig()), RunStore(tmp_path), Resources(), tmp_path / "list.csv")
