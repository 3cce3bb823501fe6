"""Trials of a training step: gradients and optimiser state are in memory, and the model is not changed."""

import contextlib
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from lightning_modules.module import TaskModule
from runner.machine.memory_errors import is_out_of_memory
from runner.measure import step_memory
from runner.measure.step_memory import has_batch_statistics, largest_fitting, step_fits
from tests.runner.points import POINTS

CPU = torch.device("cpu")


class Watched(nn.Module):
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


def fits(module: TaskModule, micro_batch: int) -> bool:
    return step_fits(module, POINTS.data.size, POINTS.data.targets, micro_batch, CPU, shared=True)


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


def test_the_largest_size_that_fits_is_the_first_that_fits_in_descending_order() -> None:
    tried: list[int] = []
    assert largest_fitting([1, 2, 4, 8], lambda size: tried.append(size) or size <= 3) == 2
    assert tried == [8, 4, 2]
    assert largest_fitting([1, 2], lambda size: False) == 0


def test_trials_leave_a_margin_of_the_free_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    limits: list[float] = []
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (6, 16))
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 2)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", lambda limit, device: limits.append(limit))
    with pytest.raises(KeyError), step_memory.free_memory_with_margin(torch.device("cuda")):
        raise KeyError
    assert limits == [pytest.approx(0.9 * 8 / 16), 1.0]


def test_errors_of_memory_are_known() -> None:
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory."))
    assert is_out_of_memory(RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"))
    assert is_out_of_memory(RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"))
    assert is_out_of_memory(RuntimeError("GET was unable to find an engine to execute this computation"))
    assert is_out_of_memory(RuntimeError("NCCL error: unhandled cuda error. Cuda failure 2 'out of memory'"))
    assert not is_out_of_memory(RuntimeError("shapes differ")) and not is_out_of_memory(ValueError())


def test_the_random_numbers_of_other_gpus_are_not_touched(monkeypatch: pytest.MonkeyPatch) -> None:
    forked: list[object] = []

    def fork(devices: list[torch.device]) -> contextlib.nullcontext[None]:
        forked.append(devices)
        return contextlib.nullcontext()

    monkeypatch.setattr(torch.random, "fork_rng", fork)
    monkeypatch.setattr(step_memory, "free_memory_with_margin", lambda device: contextlib.nullcontext())
    monkeypatch.setattr(step_memory, "try_step", lambda *_, **__: None)
    for device in (torch.device("cuda", 1), CPU):
        assert step_fits(POINTS.build(), POINTS.data.size, POINTS.data.targets, 1, device, shared=True)
    assert forked == [[torch.device("cuda", 1)], []]


def test_frozen_batch_normalisation_has_no_batch_statistics() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    assert has_batch_statistics(model) and not has_batch_statistics(model[0])
    model[1].eval()
    assert not has_batch_statistics(model)
