"""Runs: ids, parents, descriptions, and invalid settings."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from experiments.motionformer.base import EPIC100, K400, SSV2
from experiments.motionformer.table9 import DAVIS
from experiments.spec.catalog import find
from experiments.spec.edits import apply, data, evaluation, model, optim
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import SCALES
from lightning_modules.classification import SingleLabel, SingleLabelTask, VerbNoun
from lightning_modules.mask_propagation import MaskPropagation
from lightning_modules.module import TaskModule
from lightning_modules.parameter_groups import ParameterRule
from models.mixers.joint import JointAttention

RESULTS = Path(__file__).resolve().parents[3] / "reports" / "results"
GOLDEN = json.loads((Path(__file__).parent / "golden_ids.json").read_text())
OTHER = apply(K400, model(attention=JointAttention.Config()))


def test_equal_runs_have_equal_ids_and_edited_runs_have_others() -> None:
    assert apply(K400, optim(epochs=35)).train_id == K400.train_id
    edited = [apply(K400, optim(epochs=36)), OTHER, replace(K400, seed=1), replace(K400, optim=None)]
    edited.append(replace(K400, objective=SingleLabel(label_smoothing=0.1)))
    assert len({K400.train_id, *(run.train_id for run in edited)}) == 6


def test_test_protocols_change_only_the_eval_id() -> None:
    protocols = [evaluation(views=1), *(evaluation(frames=frames) for frames in (4, 8, 16))]
    runs = [K400, *(apply(K400, protocol) for protocol in protocols)]
    assert {run.train_id for run in runs} == {K400.train_id}
    assert len({run.eval_id for run in runs}) == 5
    assert apply(K400, evaluation(frames=None)).eval_id == K400.eval_id


def test_a_model_that_takes_one_number_of_frames_refuses_others_in_the_test() -> None:
    apply(K400, evaluation(frames=K400.data.size.frames)).check()  # type: ignore[attr-defined]
    with pytest.raises(ValueError) as caught:
        apply(K400, evaluation(frames=8)).check()
    assert str(caught.value).startswith("evaluation.frames: ") and str(caught.value).endswith("leave it None")


def test_single_parent_of_the_whole_model_keeps_old_ids_and_is_described_as_start_from() -> None:
    assert SSV2.parents == (Parent(run=K400),)
    for column, run in (("k400", K400), ("ssv2", SSV2)):
        assert GOLDEN[f"motionformer/table4:trajectory.{column}@paper"] == f"{run.train_id}/{run.eval_id}"
    description = SSV2.description
    assert description["start_from"] == K400.description and "parents" not in description
    assert "start_from" not in K400.description and "parents" not in K400.description
    assert description["type"] == "RunConfig"


def test_parents_their_parts_their_number_and_their_order_are_part_of_the_id() -> None:
    lineages: list[tuple[Parent, ...]] = [
        (),
        (Parent(run=K400),),
        (Parent(run=OTHER),),
        (Parent(run=K400, part="spatial"),),
        (Parent(run=K400, part="temporal"),),
        (Parent(run=K400, part="spatial"), Parent(run=OTHER, part="temporal")),
        (Parent(run=OTHER, part="temporal"), Parent(run=K400, part="spatial")),
        (Parent(run=K400, part="temporal"), Parent(run=OTHER, part="spatial")),
        (Parent(run=K400), Parent(run=OTHER, part="spatial")),
    ]
    runs = [replace(SSV2, parents=parents) for parents in lineages]
    assert len({run.train_id for run in runs}) == len(runs)
    assert len({json.dumps(run.description) for run in runs}) == len(runs)


def test_test_protocol_of_a_parent_is_not_part_of_its_child() -> None:
    other = replace(SSV2, parents=(Parent(run=apply(K400, evaluation(views=1))),))
    assert other.train_id == SSV2.train_id
    assert other.description == SSV2.description
    assert "evaluation" not in str(SSV2.description)


def test_run_without_training_has_another_id() -> None:
    tested = replace(SSV2, optim=None)
    assert tested.train_id not in (SSV2.train_id, K400.train_id)
    assert "optim" not in tested.description
    assert replace(tested, parents=()).train_id != tested.train_id


@pytest.mark.parametrize(
    "run",
    [
        K400,
        SSV2,
        EPIC100,
        replace(SSV2, optim=None),
        replace(SSV2, parents=(Parent(run=K400, part="spatial"), Parent(run=OTHER, part="temporal"))),
    ],
    ids=["k400", "one-parent", "verb-noun", "untrained", "two-parents"],
)
def test_description_is_unchanged_by_json(run: RunConfig) -> None:
    """The description stored in a run directory is compared with that of the run."""
    assert json.loads(json.dumps(run.description)) == run.description


def test_descriptions_equal_those_of_published_runs() -> None:
    """A run directory with another description counts as that of another run."""
    runs = {
        cell.run
        for table, _ in find(["*"])
        for scale in SCALES.values()
        for cell in table.cells(scale)
        if cell.tested and cell.run is not None
    }
    published = {run: file for run in runs if (file := RESULTS / run.train_id / "config.json").exists()}
    assert len(published) > 50
    for run, file in published.items():
        assert json.loads(file.read_text()) == run.description


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            replace(EPIC100, objective=SingleLabel()),
            "objective: SingleLabel predicts one class an item, and these data have a verb and a noun",
        ),
        (
            replace(K400, objective=VerbNoun()),
            "objective: VerbNoun predicts a verb and a noun an item, and these data have a class",
        ),
        (
            apply(K400, data(dataset=Kinetics.Config(name="kinetics400", num_classes=0))),
            "kinetics400: the number of classes of the label 'class' is 0; it must be 1 or more",
        ),
        (
            apply(EPIC100, data(dataset=Epic100.Config(num_nouns=0))),
            "epic100: the number of classes of the label 'noun' is 0; it must be 1 or more",
        ),
        (apply(K400, model(width=50)), "model.width is 50; it does not divide into 12 heads"),
        (apply(K400, data(crop=100)), "100"),
        (apply(SSV2, evaluation(stride=2)), "segment sampling has no stride in frames: set evaluation.span"),
        (apply(SSV2, evaluation(views=3)), "segment sampling has one view, the whole video; evaluation.views is 3"),
        (apply(K400, evaluation(short_side=100)), "100"),
        (replace(apply(K400, model(init=None)), optim=None), "optim=None: the run would be tested with random weights"),
        (replace(DAVIS, optim=K400.optim), "optim: MaskPropagation trains nothing; set optim=None"),
        (replace(DAVIS, parents=()), "optim=None: the run would be tested with random weights"),
        (replace(DAVIS, objective=SingleLabel()), "SingleLabel predicts one class an item"),
        (replace(K400, objective=MaskPropagation()), "MaskPropagation scores masks, and these data have a class"),
        (replace(DAVIS, data=K400.data), "it takes sequences with masks, and the data give a clip"),
        (apply(DAVIS, evaluation(views=2)), "evaluation.views is 2; a sequence is tested as a whole"),
        (apply(K400, optim(epochs=None)), "optim.epochs is None and optim.steps None; exactly one of the two"),
        (apply(K400, optim(rules=(ParameterRule(names="none.*"),))), "optim.rules: no trainable parameter matches"),
    ],
)
def test_invalid_runs_are_refused(run: RunConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run.check()


@pytest.mark.parametrize("parts", [("", ""), ("a", "a"), ("start",), ("a.b",)])
def test_parents_have_different_names_without_dots(parts: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="each must be named once, without a dot, and no part is named 'start'"):
        replace(K400, parents=tuple(Parent(run=SSV2, part=part) for part in parts))


def test_module_has_the_recipe_task_and_protocol_of_its_run() -> None:
    small = apply(K400, (*model(width=48, depth=1, heads=4), *data(frames=2, crop=32), *evaluation(views=2)))
    module = small.build()
    assert isinstance(module, TaskModule) and isinstance(module.task, SingleLabelTask)
    assert (module.optim, module.protocol, module.seed) == (small.optim, small.evaluation, 0)
    assert module.model.state_dict()["head.classifier.bias"].shape == (400,)
    assert replace(small, optim=None, seed=3).build().optim is None
