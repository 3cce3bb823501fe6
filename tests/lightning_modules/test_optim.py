"""Recipes: learning-rate schedules, optimisers, lengths and ranges."""

import math
from copy import deepcopy
from typing import Literal

import pytest
import torch
from torch import nn

from lightning_modules.one_cycle import OneCycleSchedule
from lightning_modules.optim import (
    SGD,
    AdamW,
    CosineSchedule,
    OptimConfig,
    OptimizerConfig,
    ScheduleConfig,
    StepSchedule,
)
from lightning_modules.parameter_groups import ParameterRule
from models.model import Model


class Linear(nn.Linear, Model): ...


# Schedules


@pytest.mark.parametrize(
    ("schedule", "length", "rates"),
    [
        (StepSchedule(), 35, {0: 1, 19.99: 1, 20: 0.1, 29.99: 0.1, 30: 0.01, 35: 0.01}),  # as in Motionformer
        (CosineSchedule(warmup_epochs=2, final=0.1), 10, {0: 0, 1: 0.5, 2: 1, 6: 0.55, 10: 0.1}),
        (CosineSchedule(warmup_epochs=4, warmup_start=0.2), 12, {0: 0.2, 1: 0.4, 3: 0.8, 4: 1, 8: 0.5}),
        (CosineSchedule(warmup_epochs=1), 1, {1: 1}),
    ],
)
def test_a_schedule_has_its_rates_at_these_times(
    schedule: ScheduleConfig, length: int, rates: dict[float, float]
) -> None:
    assert {time: schedule.multiplier(time, length) for time in rates} == pytest.approx(rates)


def test_a_warm_up_from_zero_is_exactly_linear_and_one_of_no_length_has_no_effect() -> None:
    assert CosineSchedule(warmup_start=0.2).multiplier(0, 12) == 1
    for time in (0.1, 1 / 3, 0.7, 1.9):
        assert CosineSchedule(warmup_epochs=2.3).multiplier(time, 9) == time / 2.3


def test_a_warm_up_may_reach_its_peak_in_its_last_step() -> None:
    schedule = CosineSchedule(warmup_epochs=2, final=0.1, peak_in_warmup=True)
    found = rates(OptimConfig(epochs=5, lr=1.0, schedule=schedule), Linear(1, 1), 20)  # 8 of 20 steps
    cosine = [0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * step / 12)) for step in range(12)]
    assert found == [[pytest.approx(rate)] for rate in [*(step / 7 for step in range(8)), *cosine]]
    for num_steps in (2, 1):
        assert rates(OptimConfig(epochs=2, schedule=schedule), Linear(1, 1), num_steps)[0] == [0.0]


def rates(optim: OptimConfig, model: Model, num_steps: int) -> list[list[float]]:
    """Learning rates of all groups at each step."""
    optimizer, schedule = optim.build(model, num_steps)
    found = []
    for _ in range(num_steps):
        found.append(schedule.get_last_lr())
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("optim", "expected"),
    [
        (OptimConfig(epochs=3, schedule=StepSchedule(milestones=(1, 2))), (1, 1, 0.1, 0.1, 0.01, 0.01)),
        (OptimConfig(epochs=None, steps=6, schedule=StepSchedule(milestones=(1, 4))), (1, 0.1, 0.1, 0.1, 0.01, 0.01)),
        (OptimConfig(epochs=None, steps=4, schedule=CosineSchedule(warmup_epochs=2)), (0, 0.5, 1, 0.5)),
    ],
)
def test_the_schedule_is_updated_per_step_and_uses_the_unit_of_the_recipe(
    optim: OptimConfig, expected: tuple[float, ...]
) -> None:
    found = rates(optim, Linear(1, 1), len(expected))
    assert found == [[pytest.approx(optim.lr * part)] for part in expected]


def test_the_schedule_multiplies_the_rate_of_each_group() -> None:
    model = Linear(2, 2)
    optim = OptimConfig(
        epochs=2, lr=0.5, schedule=CosineSchedule(warmup_epochs=1), rules=(ParameterRule(names="bias", lr_scale=4.0),)
    )
    expected = [[0.5 * part, 2.0 * part] for part in (0, 0.5, 1, 0.5)]
    assert rates(optim, model, 4) == [pytest.approx(pair) for pair in expected]


# One cycle

ONE_CYCLE = OptimConfig(
    epochs=None, steps=100, lr=1e-2, optimizer=AdamW(), schedule=OneCycleSchedule(warmup=20, end=1e-3), weight_decay=0.0
)


def one_cycle(restored_before: int = -1) -> list[tuple[float, float]]:
    """Learning rate and momentum before each step. Another optimiser and schedule may go on before one of them."""
    optimizer, schedule = ONE_CYCLE.build(Linear(2, 2), 100)
    found = []
    for step in range(100):
        if step == restored_before:
            states = optimizer.state_dict(), schedule.state_dict()
            optimizer, schedule = ONE_CYCLE.build(Linear(2, 2), 100)
            optimizer.load_state_dict(states[0])
            schedule.load_state_dict(states[1])
        group = optimizer.param_groups[0]
        found.append((group["lr"], group["betas"][0]))
        optimizer.step()
        schedule.step()
    return found


def test_learning_rate_rises_and_falls_and_momentum_moves_the_other_way() -> None:
    found = one_cycle()
    assert found[0] == pytest.approx((1e-2 / 25, 0.95))
    assert found[19] == pytest.approx((1e-2, 0.85))
    assert found[99] == pytest.approx((1e-2 / 25 / 1e3, 0.95))
    rates = [rate for rate, _ in found]
    assert rates[:20] == sorted(rates[:20]) and rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[59] == pytest.approx(1e-2 / 2, rel=0.01)
    assert one_cycle(restored_before=30) == found


def test_the_multiplier_is_that_of_the_scheduler_up_to_a_step() -> None:
    for step, (rate, _) in enumerate(one_cycle()):
        neighbours = [1e-2 * ONE_CYCLE.schedule.multiplier(step + offset, 100) for offset in (0, 1)]
        assert min(neighbours) - 1e-6 <= rate <= max(neighbours) + 1e-6


# Optimisers


@pytest.mark.parametrize(
    ("config", "optimizer", "settings"),
    [
        (AdamW(betas=(0.8, 0.99), eps=1e-3), torch.optim.AdamW, {"betas": (0.8, 0.99), "eps": 1e-3}),
        (SGD(momentum=0.5, nesterov=True), torch.optim.SGD, {"momentum": 0.5, "nesterov": True}),
    ],
)
def test_an_optimiser_is_torch_s_with_the_settings_of_the_recipe(
    config: OptimizerConfig, optimizer: type[torch.optim.Optimizer], settings: dict[str, object]
) -> None:
    recipe, model = OptimConfig(epochs=3, lr=0.1, weight_decay=0.2, optimizer=config), Linear(3, 2)
    built, _ = recipe.build(model, 3)
    (group,) = built.param_groups
    expected = {"lr": 0.1, "weight_decay": 0.2, **settings, "params": [*model.parameters()]}
    assert type(built) is optimizer and {name: group[name] for name in expected} == expected


# Lengths and ranges


def test_a_recipe_counts_either_epochs_or_steps() -> None:
    epochs, steps = OptimConfig(epochs=3), OptimConfig(epochs=None, steps=50)
    assert (epochs.length, epochs.num_steps(20 * 128 + 127)) == (3, 60)
    assert (steps.length, steps.num_steps(20)) == (50, 50)
    for both in ((3, 50), (None, None)):
        with pytest.raises(
            ValueError, match="^optim.epochs is {} and optim.steps {}; exactly one of the".format(*both)
        ):
            OptimConfig(epochs=both[0], steps=both[1]).check(Model)


@pytest.mark.parametrize("schedule", [OneCycleSchedule(warmup=200), CosineSchedule(warmup_epochs=200)])
def test_a_warm_up_longer_than_the_training_is_refused(schedule: ScheduleConfig) -> None:
    with pytest.raises(ValueError, match=r"^optim.schedule.warmup(_epochs)? is 200, but .* a length of 100$"):
        schedule.check(100)


@pytest.mark.parametrize(
    ("recipe", "parts"),
    [
        (OptimConfig(epochs=35), 5),
        (OptimConfig(epochs=3), 3),
        (OptimConfig(epochs=35, validate_every=1), 1),
        (OptimConfig(epochs=35, keep="best"), 1),
        (OptimConfig(epochs=None, steps=100), 1),
    ],
)
def test_validations_of_recipes_in_epochs_are_spread_over_the_epochs_between_them(
    recipe: OptimConfig, parts: int
) -> None:
    assert recipe.validation_parts == parts


@pytest.mark.parametrize(
    ("device", "precision", "clip_norm", "fused"),
    [
        ("cuda", "16-mixed", None, True),
        ("cuda", "bf16-mixed", None, True),
        ("cuda", "32-true", 1.0, True),
        ("cuda", "16-mixed", 1.0, False),
        ("cuda", "bf16-mixed", 1.0, False),
        ("cpu", "32-true", None, False),
    ],
)
def test_updates_are_fused_on_cuda_unless_lightning_refuses_to_clip(
    device: str, precision: Literal["16-mixed", "bf16-mixed", "32-true"], clip_norm: float | None, fused: bool
) -> None:
    recipe = OptimConfig(precision=precision, clip_norm=clip_norm)
    assert recipe.is_fused(device) is fused
    optimizer, _ = OptimConfig().build(Linear(2, 2), 1)
    assert not optimizer.param_groups[0]["fused"]  # on this CPU


@pytest.mark.parametrize("optimizer", [AdamW(), SGD()])
def test_a_checkpoint_of_another_device_leaves_the_kernels_of_this_one(optimizer: OptimizerConfig) -> None:
    models = [Linear(3, 2) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    optimizers = [OptimConfig(optimizer=optimizer).build(model, 9)[0] for model in models]

    def update() -> None:
        for model, one in zip(models, optimizers, strict=True):
            model(torch.ones(3)).square().sum().backward()
            one.step()

    update()
    state = deepcopy(optimizers[0].state_dict())
    state["param_groups"][0]["fused"] = True
    optimizers[1].load_state_dict(state)
    assert [one.param_groups[0]["fused"] for one in optimizers] == [None, None]
    update()
    assert torch.equal(models[0].weight, models[1].weight)
