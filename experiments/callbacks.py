"""What happens around training: checkpoints that survive a kill, stopping on a signal, progress for other processes."""

import json
import os
import signal
import time
from pathlib import Path
from types import FrameType

from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from experiments.store import StoreError

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
    """Keeps one checkpoint, replaced as a whole: each epoch and quarter hour, before validating, when told to stop.

    Args:
        path: the checkpoint's file.
        request: asks for the end.
    """

    def __init__(self, path: Path, request: StopRequest) -> None:
        self.path = path
        self.request = request
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
        stop = self.request.pending is not None
        if agreed(trainer, stop or time.monotonic() - self.saved_at > SECONDS_BETWEEN_CHECKPOINTS):
            self.save(trainer)
            if agreed(trainer, stop):
                raise Stopped(self.request.pending or signal.SIGTERM)

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save before each validation, so that a stop in it loses no step."""
        self.save(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Save at the end of each epoch."""
        self.save(trainer)

    def on_validation_batch_end(self, trainer: Trainer, *args: object, **keywords: object) -> None:
        """Stop between two batches of a validation; training goes on behind it, its point of the curve is lost."""
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
        steps = int(self.total_train_batches)
        epochs = trainer.max_epochs or 1
        done = (trainer.current_epoch + (batch_idx + 1) / steps) / epochs
        metrics = {k: v for k, v in self.get_metrics(trainer, pl_module).items() if isinstance(v, int | float)}
        self._write({"stage": "train", "done": done, "epoch": trainer.current_epoch + 1, "epochs": epochs, **metrics})

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
