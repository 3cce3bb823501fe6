"""The Trainer of a run: its length, its validations, its precision, and what a recipe asks of it."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from lightning import Trainer

from experiments.motionformer.base import K400
from experiments.spec.edits import apply, optim
from lightning_modules.optim import OptimConfig
from runner.machine.resources import Resources
from runner.training.trainer import make_trainer, schedule_arguments

ONE = Resources(devices=1)


@pytest.mark.parametrize(
    ("recipe", "accumulation", "length"),
    [
        (OptimConfig(epochs=35, keep="best"), 4, {"max_epochs": 35, "check_val_every_n_epoch": 5}),
        (OptimConfig(epochs=3, keep="best"), 1, {"max_epochs": 3, "check_val_every_n_epoch": 3}),
        (OptimConfig(epochs=35), 4, {"max_epochs": 35, "check_val_every_n_epoch": 1}),  # of a fifth of the items
        (OptimConfig(epochs=35, validate_every=1), 1, {"max_epochs": 35, "check_val_every_n_epoch": 1}),
        (
            OptimConfig(epochs=None, steps=1000, validate_every=100),
            1,
            {"max_steps": 1000, "val_check_interval": 100, "check_val_every_n_epoch": None},
        ),
        (
            OptimConfig(epochs=None, steps=1000, validate_every=100),
            4,  # Lightning counts batches
            {"max_steps": 1000, "val_check_interval": 400, "check_val_every_n_epoch": None},
        ),
        (
            OptimConfig(epochs=None, steps=3),
            2,
            {"max_steps": 3, "val_check_interval": 6, "check_val_every_n_epoch": None},
        ),
        (
            OptimConfig(epochs=35, clip_norm=1),
            1,
            {"max_epochs": 35, "check_val_every_n_epoch": 1, "gradient_clip_val": 1},
        ),
    ],
)
def test_schedule_arguments_of_recipes_in_epochs_and_steps(
    recipe: OptimConfig, accumulation: int, length: dict
) -> None:
    assert schedule_arguments(recipe, accumulation) == length


def of_recipe(**values: object) -> Trainer:
    return make_trainer(apply(K400, optim(**values)), ONE)


def test_a_recipe_in_epochs_has_no_step_limit_and_vice_versa() -> None:
    epochs = of_recipe(epochs=7)
    assert (epochs.max_epochs, epochs.max_steps) == (7, -1)
    steps = make_trainer(replace(K400, optim=OptimConfig(epochs=None, steps=7)), ONE)
    assert (steps.max_epochs, steps.max_steps) == (None, 7)


def test_gradients_are_clipped_only_if_the_recipe_has_a_norm() -> None:
    assert of_recipe(clip_norm=0.5).gradient_clip_val == 0.5
    assert of_recipe().gradient_clip_val is None


def test_mixed_precision_is_used_only_on_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert of_recipe(precision="16-mixed").precision == "32-true"


def test_a_run_without_training_has_a_trainer() -> None:
    trainer = make_trainer(replace(K400, optim=None), ONE)
    assert trainer.precision == "32-true" and trainer.loggers == []


def test_lightnings_checkpoints_and_samplers_are_disabled() -> None:
    trainer = make_trainer(K400, ONE, accumulation=4)
    assert trainer.accumulate_grad_batches == 4
    assert trainer.checkpoint_callbacks == [] and trainer.num_sanity_val_steps == 0
    assert trainer._accelerator_connector.use_distributed_sampler is False
    assert not torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]


def test_the_trainer_counts_devices_per_node(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}

    def trainer(**options: object) -> SimpleNamespace:
        asked.update(options)
        return SimpleNamespace(world_size=8 if options["strategy"] == "ddp" else 1)

    monkeypatch.setattr("runner.training.trainer.Trainer", trainer)
    make_trainer(K400, Resources(devices=4, nodes=2))
    assert (asked["devices"], asked["num_nodes"], asked["strategy"]) == (4, 2, "ddp")
    make_trainer(K400, ONE)
    assert (asked["devices"], asked["num_nodes"], asked["strategy"]) == (1, 1, "auto")


def test_without_cuda_the_cpu_is_used_also_where_there_is_another_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr(
        "runner.training.trainer.Trainer", lambda **options: asked.update(options) or SimpleNamespace(world_size=1)
    )
    for on_gpu, accelerator in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda on_gpu=on_gpu: on_gpu)
        make_trainer(K400, ONE)
        assert asked["accelerator"] == accelerator
