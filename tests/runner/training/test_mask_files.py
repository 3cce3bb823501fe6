"""Tests of masks: metrics and files of the predictions."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.datasets.davis import Davis
from data.errors import DataError
from experiments.spec.edits import apply, model
from experiments.spec.run import Parent, RunConfig
from lightning_modules.mask_propagation import MaskScores
from models.propagation.rules import DINO
from runner.machine.resources import Resources
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore
from tests.runner.in_process import FORKED, exit_codes
from tests.runner.mask_runs import KEPT_MASK, PROPAGATED, STAND_IN, UNTRAINED
from tests.runner.points import carry_out

pytestmark = pytest.mark.usefixtures("stand_ins")
RESOURCES = Resources(devices=1)


@pytest.mark.parametrize("run", [UNTRAINED, KEPT_MASK], ids=["untrained", "kept"])
def test_metrics_are_those_of_the_result_files(run: RunConfig, store: RunStore) -> None:
    metrics, directory = carry_out(run, store, RESOURCES), store.run(run.train_id)
    assert metrics["videos"] == {"evaluated": 3, "failed": 0, "missing": 0}
    assert RunDirectory(directory.path, compare_scores=True).result(run) is not None  # equal to the saved scores
    results, annotations = directory.predictions(run.eval_id), RESOURCES.root(run.data) / "Annotations/480p"
    scores = MaskScores(run.objective)  # type: ignore[arg-type]
    for index in range(3):
        name, files = f"shapes-{index:02d}", [f"{frame:05d}.png" for frame in range(6)]
        assert sorted(path.name for path in (results / name).iterdir()) == files
        assert (results / name / files[0]).read_bytes() == (annotations / name / files[0]).read_bytes()
        predicted, truth = (
            np.stack([np.asarray(Image.open(folder / name / file)) for file in files])
            for folder in (results, annotations)
        )
        scores.add(index, predicted, truth)
    found = scores.result().metrics
    assert {name: metrics[name] for name in found} == pytest.approx(found)


@FORKED
def test_two_processes_share_the_sequences(store: RunStore, tmp_path: Path) -> None:
    whole = carry_out(UNTRAINED, RunStore(tmp_path / "whole"), RESOURCES)
    directory = store.run(UNTRAINED.train_id)
    assert exit_codes(lambda rank: carry_out(UNTRAINED, store, Resources(devices=2))) == [0, 0]
    metrics = json.loads(directory.metrics(UNTRAINED.eval_id).read_text())
    assert metrics["devices"] == 2 and metrics["videos"] == {"evaluated": 3, "failed": 0, "missing": 0}
    for name in UNTRAINED.objective.metrics:
        assert metrics[name] == pytest.approx(whole[name], abs=1e-9)
    assert RunDirectory(directory.path, compare_scores=True).result(UNTRAINED) is not None
    assert len(list(directory.predictions(UNTRAINED.eval_id).glob("*/*.png"))) == 18


def test_weights_of_the_parent_are_tested(store: RunStore, keep_weights: object) -> None:
    run = apply(PROPAGATED, model(affinity="tokens", rules=DINO))
    (parent,) = run.parents
    with pytest.raises(ValueError, match="has no weights: train it"):
        carry_out(run, store, RESOURCES)
    assert callable(keep_weights)
    keep_weights(parent.run)
    metrics = carry_out(run, store, RESOURCES)
    other = replace(parent.run, seed=1)
    keep_weights(other)
    assert carry_out(replace(run, parents=(Parent(run=other),)), store, RESOURCES)["jf"] != metrics["jf"]


def test_a_truncated_mask_stops_the_test_in_one_line(store: RunStore, tmp_path: Path) -> None:
    root = tmp_path / "davis2017"
    shutil.copytree(RESOURCES.root(KEPT_MASK.data), root)
    path = root / "Annotations/480p/shapes-01/00003.png"
    path.write_bytes(path.read_bytes()[:-30])
    run = replace(KEPT_MASK, data=replace(KEPT_MASK.data, dataset=Davis.Config()))
    with pytest.raises(DataError, match=r"1 of 3 test sequences cannot be read.*00003\.png") as caught:
        carry_out(run, store, replace(RESOURCES, data=(("davis2017", root),)))
    assert "\n" not in str(caught.value)
    metrics = carry_out(run, store, replace(RESOURCES, data=(("davis2017", root),), allow_bad=1))
    assert metrics["videos"] == {"evaluated": 2, "failed": 1, "missing": 0}
    assert STAND_IN.num_val == 3
