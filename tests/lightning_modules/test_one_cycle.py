"""One-cycle policy of learning rate and momentum."""

import pytest
import torch
from torch import nn

from lightning_modules.one_cycle import OneCycleSchedule
from lightning_modules.optim import AdamW, OptimConfig

RECIPE = OptimConfig(
    epochs=None, steps=100, lr=1e-2, optimizer=AdamW(), schedule=OneCycleSchedule(warmup=20), weight_decay=0.0
)


def curves(steps: int) -> list[tuple[float, float]]:
    """Learning rate and momentum before each step."""
    optimizer, schedule = RECIPE.build(nn.Linear(2, 2), 100)
    found = []
    for _ in range(steps):
        group = optimizer.param_groups[0]
        found.append((group["lr"], group["betas"][0]))
        optimizer.step()
        schedule.step()
    return found


def test_learning_rate_rises_and_falls_and_momentum_moves_the_other_way() -> None:
    found = curves(100)
    assert found[0] == pytest.approx((1e-2 / 25, 0.95))
    assert found[19] == pytest.approx((1e-2, 0.85))
    assert found[99] == pytest.approx((1e-2 / 25 / 1e4, 0.95))
    rates = [rate for rate, _ in found]
    assert rates[:20] == sorted(rates[:20]) and rates[19:] == sorted(rates[19:], reverse=True)
    assert rates[59] == pytest.approx(1e-2 / 2, rel=0.01)


def test_the_multiplier_is_that_of_the_scheduler_up_to_a_step() -> None:
    for step, (rate, _) in enumerate(curves(100)):
        neighbours = [1e-2 * RECIPE.schedule.multiplier(step + offset, 100) for offset in (0, 1)]
        assert min(neighbours) - 1e-6 <= rate <= max(neighbours) + 1e-6


def test_a_restored_schedule_goes_on_as_before() -> None:
    torch.manual_seed(0)
    model = nn.Linear(2, 2)
    optimizer, schedule = RECIPE.build(model, 100)
    for _ in range(30):
        optimizer.step()
        schedule.step()
    state, of_optimizer = schedule.state_dict(), optimizer.state_dict()
    other, restored = RECIPE.build(model, 100)
    other.load_state_dict(of_optimizer)
    restored.load_state_dict(state)
    for _ in range(70):
        assert other.param_groups[0]["lr"] == optimizer.param_groups[0]["lr"]
        assert other.param_groups[0]["betas"] == optimizer.param_groups[0]["betas"]
        for one, its in ((optimizer, schedule), (other, restored)):
            one.step()
            its.step()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"warmup": -1.0}, "optim.schedule.warmup"),
        ({"start": 0.0}, "optim.schedule.start"),
        ({"end": float("nan")}, "optim.schedule.end"),
        ({"momentum": (0.9, 1.0)}, "optim.schedule.momentum"),
        ({"momentum": (0.95, 0.85)}, "optim.schedule.momentum"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        OneCycleSchedule(**settings)


def test_a_rise_longer_than_the_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"optim.schedule.warmup is 200, but the training has a length of 100"):
        OneCycleSchedule(warmup=200).check(100)
