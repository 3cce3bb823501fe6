"""Micro-batch of a training: what of a global batch a device computes at a time, found by trying a step on a GPU.

The rest of the batch is accumulated. Lightning's batch size finder changes the global batch and supports one device.
"""

import contextlib
import copy
from collections.abc import Iterator

import torch
from lightning import Callback, LightningModule, Trainer
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from data.config import DataConfig
from experiments.spec.run import RunConfig
from lightning_modules.module import TaskModule
from runner.machine.resources import DEFAULT_COST, BatchSplit, Resources
from runner.measure.training_step import TrainingStep, dtype_on, fits_into_memory
from runner.training.progress import say

# Cost of the items of the largest micro-batch that is tried. More items at a time are not faster.
LARGEST_COST = 16 * DEFAULT_COST
MARGIN = 0.1  # share of the free memory that trials leave, for fragmentation and other batches


class TooLittleMemoryError(OSError):
    """A step does not fit into the memory."""


class FittingBatches(Callback):
    """Splits the global batch so that a training step fits into memory, and notes the splits for the provenance.

    `accumulation`: see `Resources.split_of`. The counters of a checkpoint count batches, not steps.
    """

    def __init__(
        self, run: RunConfig, resources: Resources, *, trains: bool = True, accumulation: int | None = None
    ) -> None:
        self.run, self.resources = run, resources
        self.split = resources.split_of(run, accumulation) if trains else BatchSplit(1, 1)
        self.searches = trains and accumulation is None and resources.tries_micro_batches
        self.splits: list[dict[str, int]] = []

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Split the batches of a trainer and of its data, after the search."""
        if stage != "fit":
            return
        assert isinstance(pl_module, TaskModule)
        # Where results depend on the micro-batch, the default is used.
        if self.searches and not has_batch_statistics(pl_module.model):
            found = torch.tensor(self.largest_fitting(trainer, pl_module), device=trainer.strategy.root_device)
            micro_batch = int(trainer.strategy.reduce(found, reduce_op="min"))
            if micro_batch == 0:
                raise TooLittleMemoryError(self.remedies("training", self.resources.micro_batches(self.run)[0]))
            self.split = BatchSplit(micro_batch, self.split.micro_batch * self.split.accumulation // micro_batch)
        datamodule, optim = trainer.datamodule, self.run.optim  # type: ignore[attr-defined]
        assert optim is not None
        datamodule.batch_size, datamodule.accumulate = self.split
        trainer.accumulate_grad_batches = self.split.accumulation
        if optim.steps is not None and not trainer.fast_dev_run:  # pyright: ignore[reportAttributeAccessIssue]
            trainer.val_check_interval = min(optim.validate_every, optim.steps) * self.split.accumulation

    def largest_fitting(self, trainer: Trainer, module: TaskModule) -> int:
        """Largest micro-batch that fits into the memory of this process's device; 0 if none does."""
        sizes, cost = self.resources.micro_batches(self.run), self.run.data.size.cost
        device, shared = trainer.strategy.root_device, trainer.world_size > 1
        for micro_batch in reversed([n for n in sizes if n == sizes[0] or n * cost <= LARGEST_COST]):
            fits = step_fits(module, self.run.data, micro_batch, device, shared=shared)
            say(trainer, f"{micro_batch} items at a time {'fit' if fits else 'do not fit'} into the memory")
            if fits:
                return micro_batch
        return 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        entry = {"from_step": trainer.global_step, "devices": trainer.world_size, **self.split._asdict()}
        if not self.splits or self.splits[-1] | {"from_step": 0} != entry | {"from_step": 0}:
            self.splits.append(entry)

    def state_dict(self) -> dict[str, list[dict[str, int]]]:
        return {"splits": self.splits}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, int]]]) -> None:
        self.splits = state_dict["splits"]

    def remedies(self, stage: str, batch: int | None = None) -> str:
        """Message about exhausted memory, with the remedies. By default, the batch is that of the stage."""
        batch = batch or (self.split.micro_batch if stage == "training" else self.resources.test_batch(self.run))
        items = f"{batch} item{'s' if batch > 1 else ''}"
        smaller = "set a smaller --micro-batch, " if batch > 1 else ""
        name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU process"
        return (
            f"out of memory: a {stage} step with {items} at a time does not fit into the memory of "
            f"{self.resources.num_devices} x {name}; {smaller}try --recompute, end other programs that use the "
            f"memory, or use more devices, or ones with more memory"
        )


def has_batch_statistics(model: nn.Module) -> bool:
    """Whether results of a training depend on its micro-batch, because a batch normalisation averages over it."""
    return any(isinstance(part, _BatchNorm) and part.training for part in model.modules())


def step_fits(module: TaskModule, data: DataConfig, micro_batch: int, device: torch.device, *, shared: bool) -> bool:
    """Whether a training step fits into the memory of a device, with a margin. The model is copied, not changed.

    If it is shared, each device has buffers for the exchange of gradients.
    """
    generators = [device] if device.type == "cuda" else []  # by default, those of all GPUs, with a warning
    with free_memory_with_margin(device), torch.random.fork_rng(generators):
        return fits_into_memory(lambda: try_step(module, data, micro_batch, device, shared=shared))


def try_step(module: TaskModule, data: DataConfig, micro_batch: int, device: torch.device, *, shared: bool) -> None:
    """Execute a training step on random items, then a second forward and backward pass on top of its gradients.

    The second pass is that of a step with accumulation: the memory contains gradients and the state of the optimiser.
    """
    assert module.optim is not None
    model = copy.deepcopy(module.model).to(device)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    buffers = [torch.empty_like(parameter) for parameter in trained] if shared else []
    optimizer, _ = module.optim.build(model, module.optim.length)
    inputs, labels = module.task.prepare(
        data.size.example(micro_batch, device),
        data.targets.example(micro_batch, device),
        torch.Generator().manual_seed(0),
    )
    dtype = dtype_on(device, module.optim)
    step = TrainingStep(optimizer, lambda outputs: module.task.loss(outputs, labels), device, dtype)
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
