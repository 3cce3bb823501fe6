"""A run with a verb and a noun an item, from its spec to its metrics."""

import json
from pathlib import Path

import numpy as np
import pytest

from data.stand_ins.drawing.epic100 import NOUNS, VERBS
from experiments.spec.run import RunConfig
from runner.machine.resources import Resources
from runner.store.store import RunStore
from tests.runner.points import carry_out


def test_a_run_reports_action_verb_and_noun_accuracy(verb_noun_run: RunConfig, tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs")
    carry_out(verb_noun_run, store, Resources(devices=1))
    directory = store.run(verb_noun_run.train_id)
    metrics = json.loads(directory.metrics(verb_noun_run.eval_id).read_text())
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
    assert "classes" not in metrics
    kinds = {"verb": (VERBS, scores[:, :8]), "noun": ([noun.name for noun in NOUNS], scores[:, 8:])}
    for place, (kind, (names, of_kind)) in enumerate(kinds.items()):
        predicted, labelled = (np.eye(8, dtype=bool)[numbers] for numbers in (of_kind.argmax(1), labels[:, place]))
        counts = np.stack([predicted & labelled, predicted, labelled]).sum(1).T.tolist()
        found = {name: of_class for name, of_class in zip(names, counts, strict=True) if any(of_class)}
        assert metrics["class_counts"][kind] == found
