"""Measurements at the paper's size: peak memory on a device, and bytes saved for the backward pass.

The papers state neither batch size nor precision of their "max CUDA memory"; the records here contain both.
"""

import functools
import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from experiments.spec.metrics import TOO_LARGE, Measured
from experiments.spec.run import RunConfig
from interface.sizes import InputSize
from interface.targets import Targets
from models.cost import num_parameters
from models.model import ModelConfig
from runner.measure.training_step import (
    PRECISIONS,
    TrainingStep,
    dtype_on,
    fits_into_memory,
    mixed_precision,
    release_memory,
)
from runner.store.provenance import provenance

GIB = 2**30
TIMED_STEPS = 3
OTHER_GB = 3  # of the CUDA context, workspaces, and tensors that are soon removed


class NotMeasurableError(OSError):
    """The measurement does not apply to the run, or is not possible on this device."""


def saved_for_backward(run: RunConfig) -> int:
    return bytes_saved(run.model, run.data.size, run.data.targets)


@functools.cache
def bytes_saved(
    model: ModelConfig, size: InputSize, targets: Targets, num_items: int = 1, precision: str = "32-true"
) -> int:
    """Bytes that autograd saves for the backward pass, without weights, but with copies of them in a lower precision.

    They are counted on fake tensors, which have shapes but no memory.
    """

    def saved(one: ModelConfig) -> int:
        built = one.on_meta(size, targets).train()
        # Fake tensors use the CPU's kernels, fused attention included. On the meta device, attention would save maps.
        with FakeTensorMode(allow_non_fake_inputs=True), mixed_precision(torch.device("cpu"), PRECISIONS[precision]):
            return saved_bytes(built.to_empty(device="cpu"), size.example(num_items))

    return model.summed(saved)


def bytes_of_step(run: RunConfig, num_items: int) -> int:
    """Bytes that a training step keeps on a GPU: weights, their copies, gradients, optimiser state, saved tensors."""
    assert run.optim is not None
    parts = (run.model, run.data.size, run.data.targets)
    weights, trained = numbers_of_weights(*parts)
    numbers = weights + (1 + run.optim.optimizer.num_states) * trained
    return 4 * numbers + bytes_saved(*parts, num_items, run.optim.precision)


@functools.cache
def numbers_of_weights(model: ModelConfig, size: InputSize, targets: Targets) -> tuple[int, int]:
    built = model.on_meta(size, targets)
    return num_parameters(built), num_parameters(built, trainable=True)


def saved_bytes(model: nn.Module, inputs: tuple[Tensor, ...]) -> int:
    return bytes_saved_by(lambda: model(*inputs), model)


def bytes_saved_by(run: Callable[[], object], model: nn.Module) -> int:
    """Bytes that autograd saves for the backward pass of a function, without the weights of a model.

    Every storage is counted once.
    """
    weights = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    storages: dict[int, torch.UntypedStorage] = {}

    def save(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in weights:
            storages[storage._cdata] = storage  # the reference prevents reuse of its address
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(save, lambda tensor: tensor):
        run()
    return sum(storage.nbytes() for storage in storages.values())


def training_step(run: RunConfig, batch_size: int, device: torch.device) -> Callable[[], torch.optim.Optimizer]:
    """Training step of a run on random items, in the precision of its recipe on a GPU."""
    if run.optim is None:
        raise NotMeasurableError("this run trains nothing, so there is no training step to measure")
    model = run.model.build(run.data.size, run.data.targets).train().to(device)
    optimizer, _ = run.optim.build(model, run.optim.length)
    task = run.objective.task(run.data.targets)
    inputs = run.data.size.example(batch_size, device)
    targets = run.data.targets.example(batch_size, device)
    step = TrainingStep(optimizer, lambda outputs: task.loss(outputs, targets), device, dtype_on(device, run.optim))
    return partial(step, partial(model, *inputs))


def peak_memory(run: RunConfig, batch_size: int) -> dict[str, object]:
    """Peak CUDA memory and time of a training step: forward, backward and update, in the recipe's precision.

    The record of a step that does not fit into the memory says so instead.
    """
    if not torch.cuda.is_available():
        raise NotMeasurableError("memory is measured on a CUDA device and there is none; reports show – for it")

    seconds = 0.0

    def steps() -> None:
        nonlocal seconds
        step = training_step(run, batch_size, torch.device("cuda"))
        step()
        torch.cuda.reset_peak_memory_stats()
        step()  # with optimiser state, as every step except the first
        torch.cuda.synchronize()
        start = time.perf_counter()
        for _ in range(TIMED_STEPS):
            step()
        torch.cuda.synchronize()
        seconds = (time.perf_counter() - start) / TIMED_STEPS

    release_memory()
    fits = fits_into_memory(steps)
    assert run.optim is not None
    peak = {"peak_gib": torch.cuda.max_memory_allocated() / GIB, "step_seconds": seconds}
    return {
        **(peak if fits else {TOO_LARGE: True}),
        "batch_size": batch_size,
        "precision": run.optim.precision,
        **provenance(),
        "hardware": torch.cuda.get_device_name(),
    }


# Function of a run and a batch size for each of `experiments.spec.metrics.KINDS` that is not measured in turns.
MEASUREMENTS: dict[str, Callable[[RunConfig, int], dict[str, object]]] = {"memory": peak_memory}


def measured(metric: Measured, run: RunConfig, batch_size: int) -> dict[str, object]:
    return (metric.function or MEASUREMENTS[metric.kind])(run, batch_size)
