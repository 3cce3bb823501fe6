"""Progress of a run: lines for its log, and a small file for `reproduce run` and `reproduce status`."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ProgressBar

from runner.machine.files import StoreError, write_atomically
from runner.machine.messages import NOTE_PREFIX, PROGRESS_PREFIX
from runner.training.progress_text import position_text, time_left_text

SECONDS_BETWEEN_WRITES = 0.3
SECONDS_BETWEEN_LINES = 600.0  # within an epoch, or between two validations of a recipe in steps


class RemainingTime:
    """Remaining time of a stage at the speed since its start or resumption, validations and checkpoints included.

    Args:
        done: finished fraction at the start.
    """

    def __init__(self, done: float = 0.0) -> None:
        self.started_at, self.done_at_start = time.monotonic(), done

    def seconds(self, done: float) -> float | None:
        """Remaining seconds after this fraction; None if nothing was done since the start."""
        if done <= self.done_at_start:
            return None
        return (time.monotonic() - self.started_at) / (done - self.done_at_start) * max(0.0, 1 - done)


class ProgressFile(ProgressBar):
    """Progress of a run as a small JSON file for `reproduce run` and `reproduce status`.

    Args:
        path: the file, replaced atomically a few times per second.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.written_at = 0.0
        self.enabled = True
        self.remaining = RemainingTime()

    def disable(self) -> None:
        self.enabled = False

    def enable(self) -> None:
        self.enabled = True

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.remaining = RemainingTime(fraction_trained(trainer))

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        """Write the progress of the training, and the metrics of Lightning's progress bar."""
        if self.skips_write():
            return  # before the loss is read, which waits for the GPU
        metrics = {k: v for k, v in self.get_metrics(trainer, pl_module).items() if isinstance(v, int | float)}
        self._write("train", fraction_trained(trainer), {**position(trainer), **metrics})

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.remaining = RemainingTime()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        """Write the progress of the test."""
        if not self.skips_write():
            self._write("test", (batch_idx + 1) / int(trainer.num_test_batches[dataloader_idx]), {})

    def skips_write(self) -> bool:
        """Whether writing is disabled, or the last write is too recent."""
        return not self.enabled or time.monotonic() - self.written_at < SECONDS_BETWEEN_WRITES

    def _write(self, stage: str, done: float, details: Mapping[str, float]) -> None:
        self.written_at = time.monotonic()
        progress = {"stage": stage, "done": done, "seconds_left": self.remaining.seconds(done), **details}
        try:
            write_atomically(self.path, json.dumps(progress))
        except StoreError:
            self.enabled = False  # the write of a result reports a full disk; lost progress is no error


class ProgressLines(Callback):
    """Lines of progress on stdout, which is the log of a run: one an epoch, or a validation of a recipe in steps.

    Longer epochs have a line every ten minutes. A line has the mean loss and the speed since the line before, without
    validations, and the metrics of a validation in between.

    Args:
        unit: plural noun for the items.
        prints_results: whether a line has the metrics of a test.
    """

    def __init__(self, unit: str, *, prints_results: bool = True) -> None:
        self.unit, self.prints_results = unit, prints_results
        self.remaining = RemainingTime()
        self.validation: dict[str, float] = {}
        self.paused_at = 0.0
        self.reset()

    def reset(self) -> None:
        self.since, self.loss, self.num_batches, self.num_items = time.monotonic(), torch.zeros(()), 0, 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.remaining = RemainingTime(fraction_trained(trainer))
        self.reset()
        say(trainer, f"trains on {devices_text(trainer)}, from {datetime.now():%Y-%m-%d %H:%M}")
        if trainer.ckpt_path is not None:
            place = position_text(position(trainer))
            place = f"after {place}" if trainer.max_steps > 0 else f"in {place}, after {trainer.global_step} steps"
            say(trainer, f"resumes from {Path(trainer.ckpt_path).name} {place}", prefix=NOTE_PREFIX)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(outputs, Mapping)
        loss = outputs["loss"].detach()  # stays on its device: reading it would wait for the GPU
        self.loss = self.loss.to(loss.device) + loss * trainer.accumulate_grad_batches
        self.num_batches += 1
        self.num_items += len(batch.targets) * trainer.world_size  # type: ignore[attr-defined]
        if time.monotonic() - self.since > SECONDS_BETWEEN_LINES:
            self.print_line(trainer, f" ({fraction_trained(trainer):.0%})")

    def on_validation_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.paused_at = time.monotonic()

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Note the metrics. A recipe in steps prints its line here."""
        self.since += time.monotonic() - self.paused_at
        metrics = trainer.callback_metrics.items()
        self.validation = {name: float(value) for name, value in metrics if name.startswith("val/")}
        if trainer.max_steps > 0:
            self.print_line(trainer)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if trainer.max_steps < 0:
            self.print_line(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self.num_batches:
            self.print_line(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.remaining = RemainingTime()
        self.reset()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        if time.monotonic() - self.since > SECONDS_BETWEEN_LINES:
            done = (batch_idx + 1) / int(trainer.num_test_batches[dataloader_idx])
            say(trainer, f"test: {done:.0%}{self.left(done)}")
            self.reset()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.prints_results:
            return
        metrics = trainer.callback_metrics.items()
        values = [metric_text(name.removeprefix("test/"), value) for name, value in metrics if name.startswith("test/")]
        say(trainer, f"test: {', '.join(values)}")

    def print_line(self, trainer: Trainer, within: str = "") -> None:
        """Print the line since the last one.

        Args:
            within: part of the training that is done, if the line is not at the end of an epoch.
        """
        if self.num_batches:
            loss, seconds = float(self.loss) / self.num_batches, time.monotonic() - self.since
            values = [f"loss {loss:.3f}", *(metric_text(name, value) for name, value in self.validation.items())]
            values.append(f"{self.num_items / max(seconds, 1e-9):.3g} {self.unit}/s")
            text = f"{position_text(position(trainer))}{within}: {', '.join(values)}"
            say(trainer, text + self.left(fraction_trained(trainer)))
        self.validation = {}
        self.reset()

    def left(self, done: float) -> str:
        """Remaining time of the stage as the end of a line."""
        text = time_left_text({"seconds_left": self.remaining.seconds(done)})
        return f", {text}" if text and done < 1 else ""


def say(trainer: Trainer, text: str, *, prefix: str = PROGRESS_PREFIX) -> None:
    """Print a line in the first process of a run."""
    if trainer.is_global_zero:
        print(f"{prefix}{text}", flush=True)


def fraction_trained(trainer: Trainer) -> float:
    """Finished fraction of a training, between 0 and 1."""
    num_batches = trainer.fit_loop.total_batch_idx + 1
    if trainer.max_steps > 0:
        total = trainer.max_steps * trainer.accumulate_grad_batches
    else:
        total = (trainer.max_epochs or 1) * trainer.num_training_batches
    return min(1.0, num_batches / total)


def position(trainer: Trainer) -> dict[str, int]:
    """Epoch or step of a training, and their number."""
    if trainer.max_steps > 0:
        return {"step": trainer.global_step, "steps": trainer.max_steps}
    epochs = trainer.max_epochs or 1
    return {"epoch": min(trainer.current_epoch + 1, epochs), "epochs": epochs}


def devices_text(trainer: Trainer) -> str:
    """Devices of a training, and the split of its batches, as text."""
    items, times = trainer.datamodule.batch_size, trainer.accumulate_grad_batches  # type: ignore[attr-defined]
    kind, plural = trainer.strategy.root_device.type.upper(), "s" if trainer.world_size > 1 else ""
    accumulated = f", accumulated {times} times" if times > 1 else ""
    return f"{trainer.world_size} {kind} device{plural} with {items} items each{accumulated}"


def metric_text(name: str, value: torch.Tensor | float) -> str:
    """Name and value of a metric: a loss, or a percentage with one decimal."""
    return f"{name} {value:.3f}" if name.endswith("loss") else f"{name} {value:.1f}"
