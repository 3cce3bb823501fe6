"""Callbacks of training: checkpoints that survive a kill, stops on a signal, best weights, progress for others."""

import json
import math
import os
import signal
import time
from pathlib import Path
from types import FrameType

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from experiments.runner.files import StoreError
from experiments.runner.weights import save_weights
from lightning_modules.module import TaskModule

SECONDS_BETWEEN_PROGRESS = 0.3
SECONDS_BETWEEN_CHECKPOINTS = 900.0


class Stopped(BaseException):
    """A signal asked for the end; the checkpoint is written."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopRequest:
    """Turns SIGINT and SIGTERM into a request that is honoured between two steps; a second signal ends at once."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.parent = os.getppid()
        self.listen()

    def listen(self) -> None:
        """Take the signals, from Lightning too: its own answer to SIGTERM ends at once, without a checkpoint."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is not None:
            raise Stopped(number)
        self.signal_number = number

    @property
    def pending(self) -> int | None:
        """The signal that asked for the end; a vanished parent counts as SIGTERM."""
        if self.signal_number is None and os.getppid() != self.parent:
            self.signal_number = signal.SIGTERM
        return self.signal_number


class Checkpointing(Callback):
    """Keeps one checkpoint, replaced as a whole: each epoch and quarter hour, around validations, when told to stop.

    Where validations decide which weights are kept, none may be lost: then nothing is saved between a step and the
    validation that follows it, so that a resumed run validates again.

    Args:
        path: the checkpoint's file.
        request: asks for the end.
        validations_count: whether validations decide which weights are kept.
    """

    def __init__(self, path: Path, request: StopRequest, *, validations_count: bool = False) -> None:
        self.path = path
        self.request = request
        self.validations_count = validations_count
        self.saved_at = time.monotonic()

    def save(self, trainer: Trainer) -> None:
        """Write the checkpoint aside and put it in place."""
        aside = self.path.with_name(f".{self.path.name}.partial")
        try:
            trainer.save_checkpoint(aside)
            if trainer.is_global_zero:
                os.replace(aside, self.path)
        except (OSError, RuntimeError) as error:  # torch reports a full disk as a RuntimeError
            aside.unlink(missing_ok=True)
            reason = (error.strerror if isinstance(error, OSError) else None) or str(error).splitlines()[0]
            raise StoreError(
                f"cannot write {self.path}: {reason}; free space there or name another place with --runs; "
                f"the last checkpoint is kept"
            ) from None
        trainer.strategy.barrier()
        self.saved_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back."""
        self.request.listen()

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Take the signals back."""
        self.request.listen()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Save when it is time or when asked to stop; only at an optimiser step, so that no gradient is lost."""
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        if self.validations_count and validation_follows(trainer, batch_idx):
            return
        stop = self.request.pending is not None
        if agreed(trainer, stop or time.monotonic() - self.saved_at > SECONDS_BETWEEN_CHECKPOINTS):
            self.save(trainer)
            if agreed(trainer, stop):
                raise Stopped(self.request.pending or signal.SIGTERM)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save before a validation that decides nothing, so that a stop in it loses no step."""
        if not self.validations_count:
            self.save(trainer)

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save after a validation that decides something, and stop when asked to."""
        if self.validations_count:
            self.save(trainer)
            if agreed(trainer, self.request.pending is not None):
                raise Stopped(self.request.pending or signal.SIGTERM)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save at the end of each epoch; not of a recipe in steps, which Lightning would resume with an epoch cut short."""
        if trainer.max_steps < 0:
            self.save(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        """Stop between two batches of a validation that decides nothing; its point of the curve is lost."""
        if not self.validations_count:
            self.stop_when_asked()

    def on_test_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        """Stop between two batches of a test; what it scored so far is not kept."""
        self.stop_when_asked()

    def stop_when_asked(self) -> None:
        """Stop outside of training steps.

        Processes do not agree here, for they may have different numbers of batches: the one that is told ends, and the
        others with it.
        """
        if self.request.pending is not None:
            raise Stopped(self.request.pending)


def agreed(trainer: Trainer, wish: bool) -> bool:
    """Whether one process of those that train together wishes it; all have to ask."""
    return trainer.strategy.reduce_boolean_decision(wish, all=False)


def validation_follows(trainer: Trainer, batch_idx: int) -> bool:
    """Whether a validation follows a training batch, given by its place in the epoch."""
    if trainer.check_val_every_n_epoch is None:
        return (trainer.fit_loop.total_batch_idx + 1) % int(trainer.val_check_batch or 1) == 0
    ends_epoch = batch_idx + 1 == trainer.num_training_batches
    return ends_epoch and (trainer.current_epoch + 1) % trainer.check_val_every_n_epoch == 0


class BestWeights(Callback):
    """Keeps the trained weights of the best validation; of equal ones the first.

    Args:
        path: their file.
        metric: the logged metric that decides; the larger the better.
    """

    def __init__(self, path: Path, metric: str) -> None:
        self.path = path
        self.metric = metric
        self.best = -math.inf

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Keep the weights if they are better."""
        value = float(trainer.callback_metrics[self.metric])
        if value > self.best:
            self.best = value
            if trainer.is_global_zero:
                assert isinstance(pl_module, TaskModule)
                save_weights(pl_module.model, self.path)

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Continue from there."""
        self.best = state_dict["best"]


class DeviceClock(Callback):
    """Device seconds of a training, validations included: through stops, and on whatever number of devices."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.devices = 0
        self.noted_at = time.monotonic()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Start to count."""
        self.devices, self.noted_at = trainer.world_size, time.monotonic()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Count to the end and stop."""
        self.note()
        self.devices = 0

    def note(self) -> None:
        """Add what has passed since the last note."""
        now = time.monotonic()
        self.seconds += self.devices * (now - self.noted_at)
        self.noted_at = now

    def state_dict(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        self.note()
        return {"device_seconds": self.seconds}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        """Go on from there."""
        self.seconds = state_dict["device_seconds"]


class ProgressFile(ProgressBar):
    """Lightning's progress, as a small JSON file that `reproduce run` and `reproduce status` read.

    Args:
        path: the file, replaced as a whole a few times a second.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.written_at = 0.0
        self.enabled = True

    def disable(self) -> None:
        """Stay silent: called on all processes but the first."""
        self.enabled = False

    def enable(self) -> None:
        """Write again."""
        self.enabled = True

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Note the step, and the loss that Lightning's bar would show."""
        if self.written_lately():
            return  # before the loss is read, for which a GPU would have to be waited for
        metrics = {k: v for k, v in self.get_metrics(trainer, pl_module).items() if isinstance(v, int | float)}
        self._write({"stage": "train", **length_done(trainer, batch_idx, int(self.total_train_batches)), **metrics})

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        """Note the test's batch."""
        if self.written_lately():
            return
        total = int(trainer.num_test_batches[dataloader_idx])
        self._write({"stage": "test", "done": (batch_idx + 1) / total})

    def written_lately(self) -> bool:
        """Whether it is too early to write again, or nothing is to be written at all."""
        return not self.enabled or time.monotonic() - self.written_at < SECONDS_BETWEEN_PROGRESS

    def _write(self, progress: dict[str, object]) -> None:
        self.written_at = time.monotonic()
        aside = self.path.with_name(f".{self.path.name}.partial")
        try:
            aside.write_text(json.dumps(progress))
            os.replace(aside, self.path)
        except OSError:
            self.enabled = False  # a full disk will be reported where results are lost, not here


def length_done(trainer: Trainer, batch_idx: int, batches_per_epoch: int) -> dict[str, float]:
    """How far a training is: the finished share of it, and epochs or steps."""
    if trainer.max_steps > 0:
        step = trainer.global_step
        return {"done": step / trainer.max_steps, "step": step, "steps": trainer.max_steps}
    epochs = trainer.max_epochs or 1
    done = (trainer.current_epoch + (batch_idx + 1) / batches_per_epoch) / epochs
    return {"done": done, "epoch": trainer.current_epoch + 1, "epochs": epochs}
