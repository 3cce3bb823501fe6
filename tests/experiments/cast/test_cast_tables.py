"""Tables of CAST: recipes, and the runs of the scale `tiny`."""

from dataclasses import replace

import pytest

from experiments.cast.base import ABLATION, EPIC100, K400, PRINTED, SSV2
from experiments.cast.experts import CLIP, VIDEO_MAE_EK100, VIDEO_MAE_SSV2
from experiments.cast.tiny import RUNS
from experiments.spec.catalog import load
from experiments.spec.edits import apply, changed_fields
from experiments.spec.scales import TINY
from models.cast.baselines import IndependentExperts, LoneExpert
from models.cast.model import CAST


def test_recipes_scale_the_learning_rate_with_the_global_batch() -> None:
    rates = {run.optim.batch_size: run.optim.lr for run in (EPIC100, K400, SSV2, ABLATION) if run.optim}
    assert rates == pytest.approx({384: 1.5e-3, 576: 2.25e-3, 192: 7.5e-4})


def test_small_experts_are_trained_on_appearance_and_on_motion_and_then_frozen() -> None:
    (cell,) = [c for c in load("cast/table1a").cells(TINY, rows=["cast"]) if c.column.key == "verb"]
    assert cell.run is not None
    parents = {parent.part: parent.run for parent in cell.run.parents}
    assert parents == {"spatial": RUNS[CLIP.init], "temporal": RUNS[VIDEO_MAE_EK100.init]}
    names = [parents[part].data.dataset.name for part in ("spatial", "temporal")]
    assert names == ["kinetics400", "ssv2"] and all(run.optim is not None for run in parents.values())
    assert RUNS[VIDEO_MAE_EK100.init].train_id == RUNS[VIDEO_MAE_SSV2.init].train_id


def test_independent_experts_combine_the_scores_of_experts_that_start_from_the_same_pretraining() -> None:
    (cell,) = [c for c in load("cast/table1a").cells(TINY, rows=["ensemble"]) if c.column.key == "verb"]
    run = cell.run
    assert run is not None and run.is_ensemble and isinstance(run.model, IndependentExperts.Config)
    for parent in run.parents:
        assert isinstance(parent.run.model, LoneExpert.Config) and parent.run.optim is not None
        (start,) = parent.run.parents
        assert start.part == "expert" and start.run in RUNS.values()


def test_the_printed_recipe_changes_neither_flips_nor_experts() -> None:
    for run in (EPIC100, SSV2):
        changes = changed_fields(run, apply(run, PRINTED))
        assert set(changes) == {
            "data.augmentation.color_jitter",
            "data.augmentation.rand_augment.magnitude",
            "data.augmentation.rand_augment.num_operations",
            "model.adapters.mlp_scale",
            "objective.mixup.probability",
        }


def test_seeds_and_overrides_reach_the_experts_of_an_ensemble() -> None:
    (cell, *_) = load("cast/table1a").cells(TINY, rows=["ensemble"], overrides=["optim.epochs=3"], seeds=(0, 1))
    first, second = cell.runs
    epochs = [parent.run.optim.epochs for parent in first.parents if parent.run.optim is not None]
    assert epochs == [3, 3]
    assert [parent.run.seed for parent in second.parents] == [1, 1]
    assert first.is_ensemble and second.is_ensemble


def test_experts_of_a_tuned_model_are_not_frozen() -> None:
    model = replace(CAST.Config(), adapters=None).tiny().on_meta(TINY.of(EPIC100).data.size, EPIC100.data.targets)
    assert all(parameter.requires_grad for parameter in model.parameters())
