"""Largest micro-batch whose training step fits into the memory of a GPU, found by trying.

Lightning's batch size finder changes the global batch and supports one device only.
"""

import contextlib
import copy
from collections.abc import Callable, Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from lightning_modules.module import TaskModule
from models.model import InputSize, Targets
from runner.machine.memory_errors import is_out_of_memory, release_memory
from runner.measure.memory import PRECISIONS, TrainingStep

MARGIN = 0.1  # share of the free memory that trials leave, for fragmentation and other batches


def has_batch_statistics(model: nn.Module) -> bool:
    """Whether results of a training depend on its micro-batch, because a batch normalisation averages over it."""
    return any(isinstance(part, _BatchNorm) and part.training for part in model.modules())


def largest_fitting(sizes: Iterable[int], fits: Callable[[int], bool]) -> int:
    """Largest size that fits; 0 if none does."""
    return next((size for size in sorted(sizes, reverse=True) if fits(size)), 0)


def step_fits(
    module: TaskModule, size: InputSize, targets: Targets, micro_batch: int, device: torch.device, *, shared: bool
) -> bool:
    """Whether a training step fits into the memory of a device, with a margin. The model is copied, not changed.

    Args:
        shared: whether several devices train the model, each with buffers for the exchange of gradients.
    """
    generators = [device] if device.type == "cuda" else []  # by default, those of all GPUs, with a warning
    try:
        with free_memory_with_margin(device), torch.random.fork_rng(generators):
            try_step(module, size, targets, micro_batch, device, shared=shared)
        fits = True
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        fits = False
    release_memory()
    return fits


def try_step(
    module: TaskModule, size: InputSize, targets: Targets, micro_batch: int, device: torch.device, *, shared: bool
) -> None:
    """Execute a training step on random items, then a second forward and backward pass on top of its gradients.

    The second pass is that of a step with accumulation: the memory contains gradients and the state of the optimiser.
    """
    assert module.optim is not None
    model = copy.deepcopy(module.model).to(device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    buffers = [torch.empty_like(parameter) for parameter in trained] if shared else []
    optimizer, _ = module.optim.build(model, module.optim.length)
    inputs, labels = module.task.prepare(
        size.example(micro_batch, device), targets.example(micro_batch, device), torch.Generator().manual_seed(0)
    )

    def loss(outputs: Tensor) -> Tensor:
        return module.task.loss(outputs, labels)

    precision = PRECISIONS[module.optim.precision] if device.type == "cuda" else torch.float32
    step = TrainingStep(optimizer, loss, device, precision)
    step.add_gradients(lambda: model(*inputs))
    step.update()
    step.add_gradients(lambda: model(*inputs))
    del buffers


@contextlib.contextmanager
def free_memory_with_margin(device: torch.device) -> Iterator[None]:
    """Limit this process to the free memory of a GPU without the margin. A larger allocation is an error."""
    if device.type != "cuda":
        yield
        return
    free, total = torch.cuda.mem_get_info(device)
    available = free + torch.cuda.memory_reserved(device)
    torch.cuda.set_per_process_memory_fraction((1 - MARGIN) * available / total, device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)
