"""Scales: runs, parents and recipes at the scale `tiny`."""

from dataclasses import replace

import pytest

from data.datasets.epic100 import Epic100
from data.stand_ins.of_videos import Epic100StandIn, KineticsStandIn
from data.video_data import VideoData
from experiments.motionformer.base import EPIC100, K400, SSV2
from experiments.motionformer.tiny import TINY as RECIPE
from experiments.spec.edits import Edit, apply, changed_fields, optim
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PAPER, SCALES, SMALL, TINY, Recipe, find_scale
from lightning_modules.optim import CosineSchedule
from models.motionformer.model import Motionformer

FEWER_EPOCHS = Recipe(edits=optim(epochs=2))
LARGE = replace(PAPER, name="large", edits=optim(batch_size=1024))


def test_the_scale_tiny_shrinks_model_data_and_protocol() -> None:
    run = TINY.of(K400)
    assert isinstance(run.model, Motionformer.Config) and isinstance(run.data, VideoData)
    assert (run.model.width, run.model.depth, run.model.heads, run.model.tokens.patch) == (64, 3, 4, 8)
    assert run.model.init is None and run.model.drop_path == 0
    assert (run.data.frames, run.data.crop) == (8, 32)
    assert run.data.dataset.stand_in == KineticsStandIn()
    assert (run.evaluation.views, run.evaluation.crops) == (2, 3)


def test_the_scale_tiny_has_a_stand_in_with_verbs_and_nouns() -> None:
    dataset = TINY.of(EPIC100).data.dataset
    assert isinstance(dataset, Epic100.Config)
    assert (dataset.num_verbs, dataset.num_nouns, dataset.targets.classes) == (8, 8, {"verb": 8, "noun": 8})
    assert dataset.stand_in == Epic100StandIn()


def test_edits_of_a_recipe_come_after_those_of_the_scale() -> None:
    assert (TINY.of(SSV2).optim, TINY.of(SSV2).objective) == (SSV2.optim, SSV2.objective)
    assert TINY.of(K400, FEWER_EPOCHS) == apply(TINY.of(K400), FEWER_EPOCHS.edits)
    assert PAPER.of(K400) == K400
    assert changed_fields(K400, LARGE.of(K400, FEWER_EPOCHS)) == {
        "optim.batch_size": (128, 1024),
        "optim.epochs": (35, 2),
    }


def test_tiny_recipe_of_motionformer_trains_from_random_weights() -> None:
    run = TINY.of(SSV2, RECIPE)
    assert run.parents == () and run.objective == replace(SSV2.objective, label_smoothing=0.1)  # type: ignore[type-var]
    assert changed_fields(SSV2, replace(SSV2, optim=run.optim)) == {
        "optim.epochs": (35, 15),
        "optim.batch_size": (128, 32),
        "optim.lr": (1e-4, 1e-3),
        "optim.schedule": (SSV2.optim.schedule, CosineSchedule(warmup_epochs=1.0)),  # type: ignore[union-attr]
    }


def test_parents_of_all_generations_are_scaled_with_the_same_recipe() -> None:
    middle = replace(SSV2, parents=(Parent(run=K400, part="spatial"), Parent(run=SSV2, part="temporal")))
    run = TINY.of(replace(SSV2, parents=(Parent(run=middle),)), FEWER_EPOCHS)
    (parent,) = run.parents
    assert (parent.part, [grand.part for grand in parent.run.parents]) == ("", ["spatial", "temporal"])
    assert parent.run == TINY.of(middle, FEWER_EPOCHS)
    assert parent.run.parents[0].run == TINY.of(K400, FEWER_EPOCHS)
    assert parent.run.parents[1].run.parents[0].run == TINY.of(K400, FEWER_EPOCHS)


def pretraining(run: RunConfig) -> tuple[Parent, ...]:
    """Small run that trains the image part of runs with initial weights, in place of a file."""
    trained_first = replace(TINY.of(K400, FEWER_EPOCHS), seed=7)
    return (Parent(run=trained_first, part="image"),) if run.model.pretrained else ()


WITH_PARENTS = replace(FEWER_EPOCHS, parents=pretraining)


def test_small_parents_are_added_after_all_edits_and_taken_as_they_are() -> None:
    run, recipe = replace(K400, parents=(Parent(run=SSV2),)), (*FEWER_EPOCHS.edits, Edit("parents", ()))
    small = TINY.of(run, Recipe(edits=recipe, parents=pretraining))
    assert small == replace(TINY.of(run, Recipe(edits=recipe)), parents=pretraining(run))
    assert [parent.run.parents for parent in small.parents] == [()]


def test_small_parents_are_added_to_the_parents_of_all_generations() -> None:
    child = replace(K400, parents=(Parent(run=K400),))
    ensemble = replace(SSV2, optim=None, parents=(Parent(run=child, part="temporal"),))
    (temporal,) = TINY.of(ensemble, WITH_PARENTS).parents
    assert [parent.name for parent in temporal.run.parents] == ["start", "image"]
    assert [parent.name for parent in temporal.run.parents[0].run.parents] == ["image"]


def test_a_part_with_a_parent_gets_no_second_one() -> None:
    run = replace(K400, parents=(Parent(run=SSV2, part="image"),))
    with pytest.raises(ValueError, match="the parts image, image of the model; each must be named once"):
        TINY.of(run, WITH_PARENTS)


def test_run_without_training_ignores_edits_of_optim_and_gets_all_others() -> None:
    recipe = Recipe(edits=(*FEWER_EPOCHS.edits, Edit("objective.label_smoothing", 0.1)))
    run = TINY.of(replace(SSV2, optim=None), recipe)
    assert run.optim is None
    assert run == replace(TINY.of(SSV2, recipe), optim=None)
    (parent,) = run.parents
    assert parent.run.optim is not None and parent.run.optim.epochs == 2


def test_scales_are_found_by_name_and_unknown_names_raise() -> None:
    assert [find_scale(name) for name in SCALES] == [PAPER, SMALL, TINY]
    with pytest.raises(ValueError, match=r"unknown scale 'tny'; did you mean 'tiny'\?"):
        find_scale("tny")
    with pytest.raises(ValueError, match="unknown scale 'xl'; there are paper, small, tiny"):
        find_scale("xl")
