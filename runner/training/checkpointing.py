"""Checkpoints of a training: when they are written, the two files that are kept, and the one from which it goes on."""

import errno
import sys
import time
from pathlib import Path
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO

from interface.batches import sent
from models.checkpoints import check_checksums
from runner.machine.files import REMEDY, replacing
from runner.machine.messages import NOTE_PREFIX
from runner.machine.signals import Stopped, StopRequest

SECONDS_BETWEEN_CHECKPOINTS = 900.0
SECONDS_TO_END_VALIDATION = 20.0  # after a stop request: SLURM kills 30 s after SIGTERM
NOTHING, SAVE = range(2)  # what a process wants after a step, or the number of a signal; all do the greatest
PREVIOUS = "previous.ckpt"  # file of the checkpoint before the last one


def is_damaged(path: Path) -> bool:
    """Whether a checkpoint is cut short or damaged. Every record is compared with its checksum."""
    try:
        check_checksums(path)
        torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # damaged files raise errors of many types
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno != errno.EINVAL):
            raise
        return True
    return False


def resumable(checkpoint: Path, *, renames: bool) -> Path | None:
    """Checkpoint from which a training can be resumed; None if the training starts from its beginning.

    A damaged checkpoint is renamed, and the user is told. The one before it then takes its place.

    Args:
        renames: whether this process renames it. With several processes, only one does.
    """
    previous, exists = checkpoint.with_name(PREVIOUS), checkpoint.exists()
    if exists and not is_damaged(checkpoint):
        return checkpoint
    found = None if checkpoint == previous else resumable(previous, renames=renames)
    if exists and renames:
        aside = checkpoint.with_name(f"{checkpoint.name}.damaged")
        checkpoint.replace(aside)
        fate = "starts again from its beginning" if found is None else f"goes on from {found.name}, the one before it"
        print(
            f"{NOTE_PREFIX}{checkpoint} is cut short or damaged; it was renamed to {aside.name}, and the training "
            f"{fate}",
            file=sys.stderr,
        )
    return found


def accumulation_of(checkpoint: Path | None) -> int | None:
    """Batches per step of the training that wrote a checkpoint; None without one, or if it does not say so."""
    if checkpoint is None:
        return None
    states = torch.load(checkpoint, map_location="cpu", weights_only=True, mmap=True)["callbacks"]
    splits = states.get("FittingBatches", {}).get("splits")
    return splits[-1]["accumulation"] if splits else None


class TwoCheckpoints(TorchCheckpointIO):
    """Files of the last checkpoint and of the one before it. Each is written completely before it takes its place.

    Lightning itself writes them to the memory and to the folder of temporary files first, where a kill leaves them.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None) -> None:
        path = Path(path)
        with replacing(path, remedy=f"{REMEDY}; the last checkpoint is kept" if path.exists() else REMEDY) as partial:
            try:
                with partial.open("wb") as file:
                    torch.save(checkpoint, file)
            except RuntimeError as error:  # which torch makes of the error of the file
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
            if path.exists():
                path.replace(path.with_name(PREVIOUS))


class Greatest:
    """Greatest number of all processes, which the device sends while it goes on with its work."""

    def __init__(self, number: int, device: torch.device) -> None:
        found = sent(torch.tensor(number), device)
        torch.distributed.all_reduce(found, torch.distributed.ReduceOp.MAX)
        self.found = found.to("cpu", non_blocking=True)
        self.arrival = torch.cuda.current_stream(device).record_event() if device.type == "cuda" else None

    def value(self) -> int:
        if self.arrival is not None:
            self.arrival.synchronize()
        return int(self.found)


class Checkpointing(Callback):
    """Saves checkpoints, of which two are kept: every epoch and 15 minutes, at validations, and on a stop request.

    Several processes save and stop a step later, when each knows what the others want: no device waits for that.
    If validations select the saved weights, no validation may be skipped. No checkpoint is then saved between a step
    and the validation after it, so that a resumed run repeats the validation.
    """

    def __init__(self, path: Path, request: StopRequest, *, validations_select_weights: bool = False) -> None:
        self.path = path
        self.request = request
        self.validations_select_weights = validations_select_weights
        self.saved_at = time.monotonic()
        self.wanted: Greatest | None = None  # after the last step

    def save(self, trainer: Trainer) -> None:
        trainer.strategy.checkpoint_io = TwoCheckpoints()
        trainer.save_checkpoint(self.path)
        self.saved_at, self.wanted = time.monotonic(), None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.request.install_handlers()  # again, because Lightning replaces them

    on_test_start = on_train_start

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Save periodically or on a stop request. Only optimiser steps save, so that no gradient is lost."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not trainer.is_last_batch:
            return
        if self.validations_select_weights and validation_follows(trainer, batch_idx):
            return
        is_due = time.monotonic() - self.saved_at > SECONDS_BETWEEN_CHECKPOINTS
        wanted = self.request.pending or (SAVE if is_due else NOTHING)
        if trainer.world_size > 1:
            before, self.wanted = self.wanted, Greatest(wanted, trainer.strategy.root_device)
            wanted = NOTHING if before is None else before.value()
        if wanted != NOTHING:
            self.save(trainer)
        if wanted > SAVE:
            raise Stopped(wanted)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save before a validation that does not select weights, so that a stop during it loses no step."""
        if not self.validations_select_weights:
            self.save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.validations_select_weights:
            self.save(trainer)
            wanted = self.request.pending or NOTHING
            if trainer.world_size > 1:
                wanted = Greatest(wanted, trainer.strategy.root_device).value()
            if wanted != NOTHING:
                raise Stopped(wanted)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after each epoch of a recipe in epochs.

        Recipes in steps are not saved here: Lightning would resume them with a shortened epoch.
        """
        if trainer.max_steps < 0:
            self.save(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        """Stop on request during a validation, whose point of the curve is lost.

        One that selects weights has some seconds to end: with it, the steps since the last checkpoint would be lost.
        """
        is_late = time.monotonic() - self.request.received_at > SECONDS_TO_END_VALIDATION
        if is_late or not self.validations_select_weights:
            self.on_test_batch_end(trainer)

    def on_test_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        """Stop on request.

        The processes are not synchronised here because their numbers of batches can differ. The process with the
        request ends, and the other processes then end too.
        """
        if self.request.pending is not None:
            raise Stopped(self.request.pending)


def validation_follows(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a validation follows a training batch, given by its index in the epoch."""
    if trainer.check_val_every_n_epoch is None:
        return (trainer.fit_loop.total_batch_idx + 1) % int(trainer.val_check_batch or 1) == 0
    ends_epoch = batch_idx + 1 == trainer.num_training_batches
    return ends_epoch and (trainer.current_epoch + 1) % trainer.check_val_every_n_epoch == 0
