"""Split of a training's batches over devices and accumulated steps, so that a step fits into their memory.

On GPUs, the micro-batch is found by trying. If memory is exhausted later, the micro-batch is halved and the accumulation
doubled: the global batch stays. A file in the directory of the run keeps the split for its resumption.
"""

import json
import signal
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer

from experiments.spec.run import RunConfig
from lightning_modules.module import TaskModule
from runner.machine.batch_sizes import DEFAULT_COST, BatchSplit
from runner.machine.fields import COUNT, TEXT
from runner.machine.files import read_record, write_atomically
from runner.machine.memory_errors import is_out_of_memory
from runner.machine.messages import NOTE_PREFIX
from runner.machine.resources import Resources
from runner.measure.step_memory import has_batch_statistics, largest_fitting, step_fits
from runner.training.progress import say

# Cost of the items of the largest micro-batch that is tried. More items at a time are not faster.
LARGEST_COST = 16 * DEFAULT_COST
SPLIT_FIELDS = {"devices": TEXT, "micro_batch?": COUNT, "test_batch?": COUNT, "out_of_memory": [COUNT]}


class TooLittleMemoryError(OSError):
    """A training step or a test of the smallest batch does not fit into the memory."""


def recount(counts: dict[str, int], before: int, now: int, most: int | None = None) -> None:
    """Count batches of other optimiser steps. A batch may be open: its counter `completed` is increased last.

    Args:
        before, now: batches per optimiser step, of which the last one of an epoch may have fewer.
        most: number of batches of an epoch now; None for counts over all epochs.
    """
    num_open = counts["ready"] - counts["completed"]
    for name in ("ready", "started", "processed"):
        counted = -(-counts[name] // before) * now
        counts[name] = counted if most is None else min(counted, most)
    counts["completed"] = counts["ready"] - num_open


class SplitFile:
    """File with the batches that fit into the memory of devices.

    Args:
        devices: name and number of the devices, and settings on which memory depends. A file of others is ignored.
    """

    def __init__(self, path: Path, devices: str) -> None:
        self.path = path
        self.devices = devices

    def read(self) -> dict:
        """Content; empty without a file for these devices.

        Raises:
            StoreError: if the file is damaged.
        """
        record = read_record(self.path, SPLIT_FIELDS)
        return record if record is not None and record["devices"] == self.devices else {}

    def failures(self) -> list[int]:
        """Batches for which memory did not suffice, of any devices: the launcher notices a failure by their number.

        Raises:
            StoreError: if the file is damaged.
        """
        return (read_record(self.path, SPLIT_FIELDS) or {}).get("out_of_memory", [])

    def update(self, **changes: int | list[int]) -> None:
        """Change fields.

        Raises:
            StoreError: if the file cannot be written.
        """
        record = {**self.read(), "devices": self.devices, "out_of_memory": self.failures(), **changes}
        write_atomically(self.path, json.dumps(record, indent=1) + "\n")


class RestartNeeded(Exception):  # noqa: N818
    """The memory of one of several devices is exhausted. A new process goes on with a smaller batch."""


class FittingBatches(Callback):
    """Splits the global batch so that a training step fits into memory, and notes the splits for the provenance.

    Args:
        path: file of the batches that fit.
        trains: whether the run is trained, and not only tested.
    """

    def __init__(self, run: RunConfig, resources: Resources, path: Path, *, trains: bool) -> None:
        self.run = run
        self.resources = resources
        self.file = SplitFile(path, f"{resources.devices_text}{', recomputing' if resources.recompute else ''}")
        self.split = resources.split_of(run) if trains else BatchSplit(1, 1)
        self.test_batch = resources.test_batch(run)
        self.splits: list[dict[str, int]] = []
        self.has_batch_statistics = False
        self.exhausted_in_training = False
        record = self.file.read()
        self.test_batch = min(self.test_batch, record.get("test_batch", self.test_batch))
        if trains and resources.micro_batch is None and "micro_batch" in record:
            self.split = self.split_into(record["micro_batch"])

    def split_into(self, micro_batch: int) -> BatchSplit:
        return BatchSplit(micro_batch, self.split.micro_batch * self.split.accumulation // micro_batch)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        if stage != "fit":
            return
        assert isinstance(pl_module, TaskModule)
        device = trainer.strategy.root_device
        self.has_batch_statistics = has_batch_statistics(pl_module.model)
        if self.searches(device):
            found = self.largest_micro_batch(trainer, pl_module, device)
            found = int(trainer.strategy.reduce(torch.tensor(found, device=device), reduce_op="min"))
            if found == 0:
                raise TooLittleMemoryError(self.advice(self.resources.micro_batches(self.run)[0], "training"))
            self.split = self.split_into(found)
            if trainer.is_global_zero:
                self.file.update(micro_batch=found)
        self.apply(trainer)

    def searches(self, device: torch.device) -> bool:
        """Whether to search the micro-batch. If results depend on it, the default is used."""
        tries = self.resources.tries_micro_batches and device.type == "cuda" and not self.has_batch_statistics
        return tries and "micro_batch" not in self.file.read()

    def largest_micro_batch(self, trainer: Trainer, module: TaskModule, device: torch.device) -> int:
        """Largest micro-batch that fits into the memory of this process's device; 0 if none does."""
        size, targets = self.run.data.size, self.run.data.targets

        def fits(micro_batch: int) -> bool:
            fitted = step_fits(module, size, targets, micro_batch, device, shared=trainer.world_size > 1)
            say(trainer, f"{micro_batch} items at a time {'fit' if fitted else 'do not fit'} into the memory")
            return fitted

        sizes = self.resources.micro_batches(self.run)
        return largest_fitting((n for n in sizes if n == sizes[0] or n * size.cost <= LARGEST_COST), fits)

    def apply(self, trainer: Trainer) -> None:
        """Split the batches of a trainer and of its data."""
        datamodule, optim = trainer.datamodule, self.run.optim  # type: ignore[attr-defined]
        assert optim is not None
        datamodule.batch_size, datamodule.accumulate = self.split
        trainer.accumulate_grad_batches = self.split.accumulation
        if optim.steps is not None:
            trainer.val_check_interval = min(optim.validate_every, optim.steps) * self.split.accumulation

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        entry = {"from_step": trainer.global_step, "devices": trainer.world_size, **self.split._asdict()}
        if not self.splits or self.splits[-1] | {"from_step": 0} != entry | {"from_step": 0}:
            self.splits.append(entry)

    def state_dict(self) -> dict[str, list[dict[str, int]]]:
        return {"splits": self.splits}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, int]]]) -> None:
        self.splits = state_dict["splits"]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict) -> None:
        """Count the batches of a checkpoint in those of this training. Optimiser steps stay the same."""
        saved = checkpoint["callbacks"].get(self.state_key)
        if saved is not None and "loops" in checkpoint:
            progress = checkpoint["loops"]["fit_loop"]["epoch_loop.batch_progress"]
            before, now = saved["splits"][-1]["accumulation"], self.split.accumulation
            recount(progress["total"], before, now)
            recount(progress["current"], before, now, len(trainer.datamodule.train_batches()))  # type: ignore[attr-defined]

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """Note whether memory was exhausted in the training. Other processes, which may wait for this one, are ended.

        One of several devices halves its batch here. Lightning's teardown would wait for the device, and thus for
        collectives that the other processes no longer join, until NCCL ends this process.

        Raises:
            RestartNeeded: if the memory of one of several devices is exhausted; the error itself for other errors there.
            TooLittleMemoryError: if its batch cannot be halved.
        """
        exhausted, launcher = is_out_of_memory(exception), trainer.strategy.launcher
        if exhausted:
            self.exhausted_in_training = trainer.training
        if trainer.world_size == 1:
            return
        try:
            if exhausted:
                self.halve()
        finally:
            if trainer.is_global_zero and launcher is not None:
                launcher.kill(signal.SIGKILL)
        for logger in trainer.loggers:
            logger.finalize("failed")  # as Lightning does after this hook
        if exhausted:
            raise RestartNeeded from None
        raise exception  # without the teardown, after which this process would be killed before it names the reason

    def halve(self) -> None:
        """Halve the batch for which memory did not suffice, in the file.

        Raises:
            TooLittleMemoryError: if it cannot be halved, with the remedies.
        """
        stage, before, sizes = "test", self.test_batch, range(1, self.test_batch)
        if self.exhausted_in_training:
            stage, before = "training", self.split.micro_batch
            sizes = self.resources.micro_batches(self.run) if self.resources.micro_batch is None else []
        smaller = max((size for size in sizes if size <= before // 2), default=None)
        if smaller is None:
            raise TooLittleMemoryError(self.advice(before, stage))
        failures = [*self.file.failures(), before]
        note = f"out of memory with {before} items at a time in a {stage} step: goes on with {smaller}"
        if self.exhausted_in_training:
            self.file.update(micro_batch=smaller, out_of_memory=failures)
            note += f", accumulated {self.split_into(smaller).accumulation} times"
            note += "; batch normalisation averages over fewer items" if self.has_batch_statistics else ""
        else:
            self.file.update(test_batch=smaller, out_of_memory=failures)
        print(f"{NOTE_PREFIX}{note}", flush=True)

    def advice(self, batch: int, stage: str) -> str:
        """Message about a batch that does not fit, with the remedies."""
        remedies = ["end other programs that use it", "use a device with more"]
        if stage == "training" and not self.resources.recompute:
            remedies.insert(0, "try --recompute")
        if stage == "training" and self.resources.micro_batch is not None:
            remedies.insert(0, "leave out --micro-batch" if batch > 1 else "")
        items = f"{batch} item{'s' if batch > 1 else ''}"
        return (
            f"out of memory: a {stage} step with {items} at a time does not fit into the memory of {self.file.devices}; "
            f"{', or '.join(filter(None, remedies))}"
        )
