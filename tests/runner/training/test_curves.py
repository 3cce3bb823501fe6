"""Training curves: their points, and what they show. `test_train.py` has how they continue after a kill."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from data.items import TrainItems
from lightning_modules.optim import OptimConfig
from runner.training.curves import GPU_MEMORY, WAITING, Curves, gradient_norm, steps_per_point
from tests.runner.points import POINTS, RunHarness

EPOCHS = replace(POINTS, optim=OptimConfig(epochs=4, batch_size=4, lr=0.1, validate_every=1, keep="best"))
SPEED = "workload/points_per_second"
CURVES = {"train/loss", "train/top1", "train/lr", "train/gradient_norm", "val/loss", "val/top1", SPEED, WAITING}
CURVES |= {GPU_MEMORY} if torch.cuda.is_available() else set()


class Clock:
    """Stands for the module `time`: only what sleeps and looks at it takes time."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        self.now += 0.001
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(("num_steps", "interval"), [(1, 1), (150, 1), (465, 4), (100_000, 50)])
def test_curves_have_a_hundred_points_or_one_every_fifty_steps(num_steps: int, interval: int) -> None:
    assert steps_per_point(num_steps) == interval


def test_a_training_has_these_curves_and_no_others(harness: RunHarness) -> None:
    harness.execute(EPOCHS)
    found = harness.curves(EPOCHS)
    assert found.keys() == CURVES  # neither the epoch nor points of the test
    assert [step for step, _ in found["train/loss"]] == list(range(20))
    assert all(len(found[name]) == 20 for name in ("train/gradient_norm", "train/lr", "train/top1", SPEED))
    assert len(found["val/top1"]) == 4
    assert min(value for name in ("train/gradient_norm", SPEED) for _, value in found[name]) > 0


def test_the_share_of_waiting_is_that_of_the_time_for_which_batches_are_awaited(
    harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, items = Clock(), TrainItems.__getitem__
    for module in ("data.loaders", "runner.training.curves", "runner.training.processes"):
        monkeypatch.setattr(f"{module}.time", clock)
    monkeypatch.setattr(TrainItems, "__getitem__", lambda *words: clock.sleep(0.05) or items(*words))
    harness.execute(EPOCHS)
    shares = [value for _, value in harness.curves(EPOCHS)[WAITING]]
    assert min(shares) > 50 and max(shares) < 100
    record = json.loads(harness.store.run(EPOCHS.train_id).training.read_text())
    assert 0.5 < record["waiting_share"] < 1


@pytest.mark.parametrize(("micro_batch", "num_points", "interval"), [(4, 5, 4), (2, 100, 1)])
def test_all_curves_have_the_interval_of_long_trainings_and_count_optimiser_steps(
    micro_batch: int, num_points: int, interval: int, harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.training.curves.NUM_POINTS", num_points)
    harness.resources = replace(harness.resources, micro_batch=micro_batch)
    harness.execute(EPOCHS)
    found = harness.curves(EPOCHS)
    for name in ("train/loss", "train/gradient_norm", SPEED):
        assert [step for step, _ in found[name]] == list(range(interval - 1, 20, interval))


def test_the_norm_is_that_of_all_gradients_together() -> None:
    module = POINTS.build()
    parameters = [p for p in module.parameters() if p.requires_grad]
    for parameter in parameters[1:]:
        parameter.grad = torch.randn_like(parameter)
    expected = sum(float(p.grad.square().sum()) for p in parameters[1:] if p.grad is not None) ** 0.5
    assert float(gradient_norm(module)) == pytest.approx(expected)


@pytest.mark.parametrize(("fused", "expected"), [(True, 0.5), (None, 2.0)])
def test_the_norm_is_without_the_scale_that_a_fused_optimiser_removes_itself(
    fused: bool | None, expected: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = SimpleNamespace(global_step=0, scaler=SimpleNamespace(get_scale=lambda: 4.0))
    logged: dict[str, float] = {}
    monkeypatch.setattr("runner.training.curves.gradient_norm", lambda module: 2.0)
    module = SimpleNamespace(log=logged.__setitem__)
    optimizer = SimpleNamespace(param_groups=[{"fused": fused}])
    Curves("points").on_before_optimizer_step(trainer, module, optimizer)  # type: ignore[arg-type]
    assert logged == {"train/gradient_norm": expected}
