"""Recipes: the schedule of every iteration, and what the optimiser is given."""

import pytest
import torch
from torch import nn

from lightning_modules.optim import SGD, AdamW, CosineSchedule, OptimConfig, StepSchedule


@pytest.mark.parametrize(("epoch", "rate"), [(0, 1), (19.99, 1), (20, 0.1), (29.99, 0.1), (30, 0.01), (35, 0.01)])
def test_the_paper_divides_the_rate_by_ten_at_epochs_20_and_30(epoch: float, rate: float) -> None:
    assert StepSchedule().multiplier(epoch, 35) == pytest.approx(rate)


def test_a_cosine_warms_up_from_zero_and_ends_at_its_final_rate() -> None:
    schedule = CosineSchedule(warmup_epochs=2, final=0.1)
    assert [schedule.multiplier(epoch, 10) for epoch in (0, 1, 2, 6, 10)] == pytest.approx([0, 0.5, 1, 0.55, 0.1])


def test_a_run_that_is_all_warm_up_has_a_schedule() -> None:
    assert CosineSchedule(warmup_epochs=1).multiplier(1, 1) == pytest.approx(1)


def test_the_schedule_is_stepped_by_iterations_and_knows_epochs() -> None:
    weights = nn.Parameter(torch.zeros(1))
    optimizer, schedule = OptimConfig(epochs=3, lr=1.0, schedule=StepSchedule(milestones=(1, 2))).build([weights], 2.0)
    rates = []
    for _ in range(6):
        rates.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


@pytest.mark.parametrize("optimizer", [AdamW(), SGD()])
def test_every_parameter_decays(optimizer: AdamW | SGD) -> None:
    layer = nn.LayerNorm(3)
    built, _ = OptimConfig(optimizer=optimizer, weight_decay=0.05, lr=0.1).build(layer.parameters(), 1.0)
    (group,) = built.param_groups
    assert len(group["params"]) == 2
    assert group["weight_decay"] == 0.05


def test_sgd_is_not_nesterov_unless_told() -> None:
    built, _ = OptimConfig(optimizer=SGD()).build([nn.Parameter(torch.zeros(1))], 1.0)
    assert built.param_groups[0]["nesterov"] is False
