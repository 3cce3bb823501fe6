"""Progress of a run: lines for its log, and a small file for `reproduce run` and `reproduce status`."""

import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer

from runner.machine.files import StoreError, write_atomically
from runner.machine.messages import NOTE_PREFIX, PROGRESS_PREFIX, position_text, time_left_text

SECONDS_BETWEEN_WRITES = 0.3
LOSS = "train/loss"  # name of a curve
SECONDS_BETWEEN_LINES = 600.0  # within an epoch, or between two validations of a recipe in steps


class Progress(Callback):
    """Lines of progress on stdout, which is the log of a run, and a file that is replaced a few times per second.

    There is a line an epoch, or a validation of a recipe in steps, and in longer epochs one every ten minutes. It has
    the mean loss and the speed since the line before, without validations, and the metrics of a validation in between.

    Args:
        unit: plural noun for the items.
        file: the small JSON file; None to write none.
    """

    def __init__(self, unit: str, file: Path | None = None) -> None:
        self.unit, self.file = unit, file
        self.validation: dict[str, float] = {}
        self.paused_at = self.written_at = 0.0
        self.start_stage()

    def start_stage(self, done: float = 0.0) -> None:
        """Start a training or a test, of which a fraction is done. The remaining time follows from the speed since."""
        self.started_at, self.done_at_start = time.monotonic(), done
        self.start_line()

    def start_line(self) -> None:
        self.since, self.loss, self.num_batches, self.num_items = time.monotonic(), torch.zeros(()), 0, 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.start_stage(fraction_trained(trainer))
        say(trainer, f"trains on {devices_text(trainer)}, from {datetime.now():%Y-%m-%d %H:%M}")
        if trainer.ckpt_path is not None:
            place = position_text(position(trainer))
            place = f"after {place}" if trainer.max_steps > 0 else f"in {place}, after {trainer.global_step} steps"
            say(trainer, f"resumes from {Path(trainer.ckpt_path).name} {place}", prefix=NOTE_PREFIX)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        assert isinstance(outputs, Mapping)
        loss = outputs["loss"].detach() * trainer.accumulate_grad_batches  # on its device: to read it would wait for it
        self.loss = self.loss + loss  # the scalar of the CPU at the start is not copied
        self.num_batches += 1
        self.num_items += len(batch.targets) * trainer.world_size  # type: ignore[attr-defined]
        done = fraction_trained(trainer)
        if self.writes(trainer):
            # Its last point: to read this loss would wait for it.
            loss_curve = {name: value for name, value in getattr(trainer.logger, "latest", {}).items() if name == LOSS}
            self.write("train", done, {**position(trainer), **loss_curve})
        if time.monotonic() - self.since > SECONDS_BETWEEN_LINES:
            self.print_line(trainer, f" ({done:.0%})")

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
        self.print_line(trainer)

    def on_test_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.start_stage()

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: object, batch: object, batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:  # fmt: skip
        done = (batch_idx + 1) / int(trainer.num_test_batches[dataloader_idx])
        if self.writes(trainer):
            self.write("test", done, {})
        if time.monotonic() - self.since > SECONDS_BETWEEN_LINES:
            say(trainer, f"test: {done:.0%}{self.left(done)}")
            self.start_line()

    def on_test_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        metrics = trainer.callback_metrics.items()
        texts = (metric_text(name.removeprefix("test/"), one) for name, one in metrics if name.startswith("test/"))
        say(trainer, f"test: {', '.join(texts)}")

    def print_line(self, trainer: Trainer, within: str = "") -> None:
        """Print the line since the last one, if there was a batch. Within an epoch, it says what part is done."""
        if self.num_batches:
            loss, seconds = float(self.loss) / self.num_batches, time.monotonic() - self.since
            values = [f"loss {loss:.3f}", *(metric_text(name, value) for name, value in self.validation.items())]
            values.append(f"{self.num_items / max(seconds, 1e-9):.3g} {self.unit}/s")
            text = f"{position_text(position(trainer))}{within}: {', '.join(values)}"
            say(trainer, text + self.left(fraction_trained(trainer)))
        self.validation = {}
        self.start_line()

    def seconds_left(self, done: float) -> float | None:
        """Remaining seconds of the stage, validations included; None if nothing was done since its start."""
        if done <= self.done_at_start:
            return None
        return (time.monotonic() - self.started_at) / (done - self.done_at_start) * max(0.0, 1 - done)

    def left(self, done: float) -> str:
        """Remaining time of the stage as the end of a line."""
        text = time_left_text({"seconds_left": self.seconds_left(done)})
        return f", {text}" if text and done < 1 else ""

    def writes(self, trainer: Trainer) -> bool:
        is_due = time.monotonic() - self.written_at >= SECONDS_BETWEEN_WRITES
        return self.file is not None and trainer.is_global_zero and is_due

    def write(self, stage: str, done: float, details: Mapping[str, float]) -> None:
        assert self.file is not None
        self.written_at = time.monotonic()
        progress = {"stage": stage, "done": done, "seconds_left": self.seconds_left(done), **details}
        try:
            write_atomically(self.file, json.dumps(progress))
        except StoreError:
            self.file = None  # the write of a result reports a full disk; lost progress is no error


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
