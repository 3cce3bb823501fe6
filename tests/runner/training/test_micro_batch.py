"""Micro-batches: found by trying a step, kept by a checkpoint, and named where memory is exhausted."""

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from lightning import Trainer
from torch import Tensor, nn

from lightning_modules.module import TaskModule
from lightning_modules.optim import OptimConfig
from models.model import Model
from runner.machine.resources import BatchSplit, Resources
from runner.machine.signals import Stopped
from runner.measure.training_step import is_out_of_memory
from runner.training import micro_batch as module_under_test
from runner.training.micro_batch import FittingBatches, TooLittleMemoryError, has_batch_statistics, step_fits
from tests.runner.points import POINTS, RunHarness, StopsAfter

CPU = torch.device("cpu")


class Watched(Model):
    """Linear model that calls a function with its weight before each forward pass."""

    def __init__(self, watch: Callable[[Tensor, int], None]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(4, 2))
        self.watch = watch

    def forward(self, points: Tensor) -> Tensor:
        """Logits (B, C)."""
        self.watch(self.weight, len(points))
        return points @ self.weight.T


def module_of(watch: Callable[[Tensor, int], None]) -> TaskModule:
    module = POINTS.build()
    module.model = Watched(watch)
    return module


def fits(module: TaskModule, size: int) -> bool:
    return step_fits(module, POINTS.data, size, CPU, shared=True)


def test_the_second_pass_has_gradients_and_an_updated_weight_and_the_model_stays() -> None:
    seen: list[tuple[bool, bool, int]] = []
    module = module_of(lambda weight, size: seen.append((weight.grad is not None, bool(weight.eq(1).all()), size)))
    state = torch.get_rng_state()
    assert fits(module, 3)
    assert seen == [(False, True, 3), (True, False, 3)]
    (weight,) = module.model.parameters()
    assert weight.eq(1).all() and weight.grad is None
    assert torch.get_rng_state().equal(state)


def test_a_step_that_exhausts_memory_does_not_fit() -> None:
    def limited(weight: Tensor, size: int) -> None:
        if size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")

    assert fits(module_of(limited), 2) and not fits(module_of(limited), 3)


def test_other_errors_of_a_step_are_raised() -> None:
    def broken(weight: Tensor, size: int) -> None:
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        fits(module_of(broken), 1)


def test_trials_leave_a_margin_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6, 16))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda limit, device: limits.append(limit))
    with pytest.raises(KeyError), module_under_test.free_memory_with_margin(torch.device("cuda")):
        raise KeyError
    assert limits == [pytest.approx(0.9 * 8 / 16), 1.0]


def test_errors_of_memory_are_known() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert is_out_of_memory(RuntimeError("GET was unable to find an engine to execute this computation"))
    assert is_out_of_memory(RuntimeError("NCCL error: unhandled cuda error. Cuda failure 2 'out of memory'"))
    assert not is_out_of_memory(RuntimeError("shapes differ")) and not is_out_of_memory(ValueError())


def test_frozen_batch_normalisation_has_no_batch_statistics() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert has_batch_statistics(model) and not has_batch_statistics(model[0])
    model[1].eval()
    assert not has_batch_statistics(model)


class Searching:
    """Search of a micro-batch on a device that is not there, next to another process.

    Args:
        fits: largest micro-batch that fits here.
        elsewhere: largest one of the other process.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, fits: int, elsewhere: int = 1000) -> None:
        self.tried: list[int] = []

        def step_fits(module: object, data: object, micro_batch: int, device: object, *, shared: bool) -> bool:
            self.tried.append(micro_batch)
            return micro_batch <= fits

        monkeypatch.setattr(module_under_test, "step_fits", step_fits)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "small GPU")
        self.strategy = SimpleNamespace(
            root_device=torch.device("cuda"), reduce=lambda found, reduce_op: min(found, elsewhere)
        )
        tensor = torch.tensor
        monkeypatch.setattr(torch, "tensor", lambda *a, device=None, **k: tensor(*a, **k))

    def split(self, batches: FittingBatches, module: TaskModule) -> BatchSplit:
        """Split of the batches after the search."""
        data = SimpleNamespace(batch_size=0, accumulate=0)
        trainer = SimpleNamespace(strategy=self.strategy, world_size=2, is_global_zero=True, datamodule=data)
        batches.setup(cast(Trainer, trainer), module, "fit")
        assert (data.batch_size, data.accumulate) == batches.split
        assert trainer.accumulate_grad_batches == batches.split.accumulation
        return batches.split


LARGE = replace(POINTS, optim=OptimConfig(epochs=1, batch_size=24))
ONE = Resources(devices=1)


@pytest.mark.parametrize(("elsewhere", "split"), [(1000, BatchSplit(6, 4)), (3, BatchSplit(3, 8))])
def test_the_largest_micro_batch_that_fits_is_found_and_processes_agree_on_the_smallest(
    elsewhere: int, split: BatchSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = Searching(monkeypatch, fits=7, elsewhere=elsewhere)
    assert search.split(FittingBatches(LARGE, ONE), LARGE.build()) == split
    assert search.tried == [24, 12, 8, 6]


def test_a_device_on_which_nothing_fits_is_an_error_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    search = Searching(monkeypatch, fits=7, elsewhere=0)
    with pytest.raises(TooLittleMemoryError, match="1 item at a time does not fit"):
        search.split(FittingBatches(LARGE, ONE), LARGE.build())


def test_nothing_is_searched_for_a_given_micro_batch_a_checkpoint_or_batch_normalisation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    search, module = Searching(monkeypatch, fits=2), LARGE.build()
    assert search.split(FittingBatches(LARGE, replace(ONE, micro_batch=12)), module) == BatchSplit(12, 2)
    assert search.split(FittingBatches(LARGE, ONE, accumulation=3), module) == BatchSplit(8, 3)
    module.model.add_module("norm", nn.BatchNorm1d(2))
    assert search.split(FittingBatches(LARGE, ONE), module) == BatchSplit(24, 1)
    assert search.tried == []


def exhausted(*_: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


@pytest.mark.parametrize(
    ("method", "micro_batch", "message"),
    [
        ("training_step", None, "a training step with 4 items at a time does not fit .*; set a smaller --micro-batch"),
        ("training_step", 1, "a training step with 1 item at a time does not fit .*; try --recompute, "),
        ("test_step", None, "a test step with 64 items at a time does not fit .*; set a smaller --micro-batch, "),
        ("test_step", 2, "a test step with 2 items at a time does not fit"),
    ],
)
def test_exhausted_memory_is_one_line_with_remedies(
    method: str, micro_batch: int | None, message: str, harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.resources = replace(harness.resources, micro_batch=micro_batch)
    monkeypatch.setattr(TaskModule, method, exhausted)
    with pytest.raises(TooLittleMemoryError, match=message):
        harness.execute(POINTS)
    assert len(harness.trainers) == 1


def test_a_training_resumes_with_the_accumulation_of_its_checkpoint(harness: RunHarness) -> None:
    harness.resources = replace(harness.resources, micro_batch=2)
    harness.execute(POINTS)
    whole = harness.weights(POINTS)
    harness.use_new_store("stopped")
    with pytest.raises(Stopped):
        harness.execute(POINTS, request=StopsAfter(harness, 13))  # within a step, which is completed
    harness.resources = replace(harness.resources, micro_batch=4)
    with pytest.raises(ValueError, match="counts 2 batches a step; go on with --micro-batch 2"):
        harness.execute(POINTS)
    harness.resources = replace(harness.resources, micro_batch=None)
    metrics = harness.execute(POINTS)
    assert all(tensor.equal(whole[name]) for name, tensor in harness.weights(POINTS).items())
    assert metrics["batch_splits"] == [{"from_step": 0, "devices": 1, "micro_batch": 2, "accumulation": 2}]
