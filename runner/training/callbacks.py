"""Callbacks of training: checkpoints, stops on signals and of diverging trainings, best weights, and device time."""

import math
import os
import signal
import time
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.plugins.io import TorchCheckpointIO
from torch import Tensor

from data.worker_processes import STOP_SIGNALS
from lightning_modules.module import TaskModule
from runner.machine.files import REMEDY, replacing
from runner.machine.process import SECONDS_OF_ONE_STOP
from runner.store.provenance import UNKNOWN
from runner.training.resume import PREVIOUS
from runner.weights.weights import save_weights

SECONDS_BETWEEN_CHECKPOINTS = 900.0
BATCHES_BETWEEN_READS = 50  # of losses on a GPU, which then ends the steps that were started
SKIPPED_IN_A_ROW = 50  # batches: a scaler of gradients starts at 2^16 and halves at each step that it skips


class Stopped(BaseException):
    """The run stops because of a signal. The checkpoint has been written."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopRequest:
    """Stop request by a signal. The run stops after the current step; another signal later stops it immediately."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.received_at = 0.0
        self.parent = os.getppid()
        self.install_handlers()

    def install_handlers(self) -> None:
        """Install the signal handlers.

        They also replace Lightning's: its handler of SIGTERM stops immediately, without a checkpoint.
        """
        for number in STOP_SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number, self.received_at = number, time.monotonic()
        elif time.monotonic() - self.received_at > SECONDS_OF_ONE_STOP:
            raise Stopped(number)

    @property
    def pending(self) -> int | None:
        """Number of the signal received, or None. The end of the parent process counts as SIGTERM."""
        if self.signal_number is None and os.getppid() != self.parent:
            self.signal_number = signal.SIGTERM
        return self.signal_number


class TwoCheckpoints(TorchCheckpointIO):
    """Files of the last checkpoint and of the one before it. Each is written completely before it takes its place.

    Lightning itself writes them to the memory and to the folder of temporary files first, where a kill leaves them.
    """

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: object = None) -> None:
        """Write a checkpoint.

        Raises:
            StoreError: if it cannot be written.
        """
        path = Path(path)
        with replacing(path, remedy=f"{REMEDY}; the last checkpoint is kept" if path.exists() else REMEDY) as partial:
            try:
                with partial.open("wb") as file:
                    torch.save(checkpoint, file)
            except RuntimeError as error:  # which torch makes of the error of the file
                raise (error.__context__ if isinstance(error.__context__, OSError) else error) from None
            if path.exists():
                path.replace(path.with_name(PREVIOUS))


class Checkpointing(Callback):
    """Saves checkpoints, the last two of which are kept: every epoch and 15 minutes, at validations, and on a stop request.

    If validations select the saved weights, no validation may be skipped. No checkpoint is then saved between a step
    and the validation after it, so that a resumed run repeats the validation.

    Args:
        path: file of the last checkpoint.
        request: the stop request.
        validations_select_weights: whether validations select the saved weights.
    """

    def __init__(self, path: Path, request: StopRequest, *, validations_select_weights: bool = False) -> None:
        self.path = path
        self.request = request
        self.validations_select_weights = validations_select_weights
        self.saved_at = time.monotonic()

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint.

        Raises:
            StoreError: if it cannot be written.
        """
        trainer.strategy.checkpoint_io = TwoCheckpoints()
        trainer.save_checkpoint(self.path)
        self.saved_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Install the signal handlers again, because Lightning replaces them."""
        self.request.install_handlers()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Install the signal handlers again, because Lightning replaces them."""
        self.request.install_handlers()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Save periodically or on a stop request. Only optimiser steps save, so that no gradient is lost."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches and not trainer.is_last_batch:
            return
        if self.validations_select_weights and validation_follows(trainer, batch_idx):
            return
        stop = self.request.pending is not None
        if any_process(trainer, stop or time.monotonic() - self.saved_at > SECONDS_BETWEEN_CHECKPOINTS):
            self.save(trainer)
            if any_process(trainer, stop):
                raise Stopped(self.request.pending or signal.SIGTERM)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save before a validation that does not select weights, so that a stop during it loses no step."""
        if not self.validations_select_weights:
            self.save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.validations_select_weights:
            self.save(trainer)
            if any_process(trainer, self.request.pending is not None):
                raise Stopped(self.request.pending or signal.SIGTERM)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after each epoch of a recipe in epochs.

        Recipes in steps are not saved here: Lightning would resume them with a shortened epoch.
        """
        if trainer.max_steps < 0:
            self.save(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        """Stop on request during a validation that does not select weights. Its point of the curve is lost."""
        if not self.validations_select_weights:
            self.stop_if_requested()

    def on_test_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        self.stop_if_requested()

    def stop_if_requested(self) -> None:
        """Stop on request outside of training.

        The processes are not synchronised here because their numbers of batches can differ. The process with the
        request ends, and the other processes then end too.

        Raises:
            Stopped: on a stop request.
        """
        if self.request.pending is not None:
            raise Stopped(self.request.pending)


def any_process(trainer: Trainer, condition: bool) -> bool:
    return trainer.strategy.reduce_boolean_decision(condition, all=False)


def validation_follows(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a validation follows a training batch, given by its index in the epoch."""
    if trainer.check_val_every_n_epoch is None:
        return (trainer.fit_loop.total_batch_idx + 1) % int(trainer.val_check_batch or 1) == 0
    ends_epoch = batch_idx + 1 == trainer.num_training_batches
    return ends_epoch and (trainer.current_epoch + 1) % trainer.check_val_every_n_epoch == 0


class Divergence(Callback):
    """Stops a training at the first losses that are not finite, and never lets weights that are not be saved.

    Losses on a GPU are read together now and then, because reading one waits for its step. A scaler of gradients (fp16)
    skips the steps of such losses: with one, only many in a row are a divergence.
    """

    def __init__(self) -> None:
        self.unread: list[tuple[int, float, Tensor]] = []  # step, learning rate, loss
        self.not_finite: list[str] = []  # the last losses in a row

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        rate = max(group["lr"] for group in trainer.optimizers[0].param_groups)
        self.unread.append((trainer.global_step + 1, rate, loss.detach()))
        if loss.device.type == "cpu" or len(self.unread) >= BATCHES_BETWEEN_READS:
            self.read_losses(trainer)

    def read_losses(self, trainer: Trainer) -> None:
        """Read the losses.

        Raises:
            ValueError: if they are not finite.
        """
        unread, self.unread = self.unread, []
        values = torch.stack([loss for *_, loss in unread]).tolist() if unread else []
        for (step, rate, _), value in zip(unread, values, strict=True):
            found = f"the loss is {value} at step {step}, with a learning rate of {rate:g}"
            self.not_finite = [] if math.isfinite(value) else [*self.not_finite, found]
            if len(self.not_finite) >= (1 if trainer.scaler is None else SKIPPED_IN_A_ROW):
                raise ValueError(f"the training diverges: {self.not_finite[0]}; lower it with -o optim.lr")

    def check(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the losses, and check the weights that the steps have left.

        Raises:
            ValueError: if they are not finite.
        """
        self.read_losses(trainer)
        if not all(bool(tensor.isfinite().all()) for tensor in pl_module.state_dict().values()):
            raise ValueError(
                f"the training diverges: weights are not finite after step {trainer.global_step}; lower the rate with -o optim.lr"
            )

    on_validation_start = on_train_end = check

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self.check(trainer, pl_module)


class BestWeights(Callback):
    """Saves the trained weights of the best validation, the first one of equal ones.

    Args:
        path: file of the weights.
        curve: validation curve.
        extreme: its best extreme.
    """

    def __init__(self, path: Path, curve: str, extreme: Literal["max", "min"]) -> None:
        self.path = path
        self.curve = curve
        self.sign = 1 if extreme == "max" else -1
        self.best = -math.inf  # of the sign times the value

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        value = self.sign * float(trainer.callback_metrics[f"val/{self.curve}"])
        if value > self.best:
            self.best = value
            if trainer.is_global_zero:
                assert isinstance(pl_module, TaskModule)
                save_weights(pl_module.model, self.path)

    def state_dict(self) -> dict[str, float]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.best = state_dict["best"]


class TrainingProvenance(Callback):
    """Commits, versions and hardware of a training, which can be resumed with other code and on other machines.

    Args:
        provenance: provenance of this process.

    `sessions`: distinct provenance of all processes of the training, in its order.
    """

    def __init__(self, provenance: dict[str, object]) -> None:
        self.sessions = [provenance]

    def state_dict(self) -> dict[str, list[dict[str, object]]]:
        return {"sessions": self.sessions}

    def load_state_dict(self, state_dict: dict[str, list[dict[str, object]]]) -> None:
        earlier, current = state_dict["sessions"], self.sessions[-1]
        self.sessions = earlier if current in earlier else [*earlier, current]

    def on_load_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict) -> None:
        """Name the processes before the checkpoint of an earlier version, which does not contain them, as unknown."""
        if self.state_key not in checkpoint["callbacks"]:
            self.load_state_dict({"sessions": [UNKNOWN]})


class DeviceClock(Callback):
    """Device seconds of a training, validations included. They add up over stops and changes of the device count."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.devices = 0
        self.updated_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.devices, self.updated_at = trainer.world_size, time.monotonic()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.update()
        self.devices = 0

    def update(self) -> None:
        """Add the device time since the last update."""
        now = time.monotonic()
        self.seconds += self.devices * (now - self.updated_at)
        self.updated_at = now

    def state_dict(self) -> dict[str, float]:
        """State for checkpoints."""
        self.update()
        return {"device_seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.seconds = state_dict["device_seconds"]
