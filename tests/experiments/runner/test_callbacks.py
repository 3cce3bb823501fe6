"""Stopping on a signal, with several processes too."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from lightning import LightningModule, Trainer

from experiments.motionformer.base import K400
from experiments.runner.callbacks import (
    BestWeights,
    Checkpointing,
    DeviceClock,
    ProgressFile,
    Stopped,
    StopRequest,
    agreed,
    length_done,
    validation_follows,
)
from experiments.spec.scales import TINY

ROOT = Path(__file__).resolve().parents[3]
MODULE = cast(LightningModule, None)


@pytest.fixture
def request_to_stop() -> Iterator[StopRequest]:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield StopRequest()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_test_of_several_processes_never_waits_for_the_others_between_batches(
    tmp_path: Path, request_to_stop: StopRequest
) -> None:
    callback = Checkpointing(tmp_path / "last.ckpt", request_to_stop)
    trainer = cast(Trainer, SimpleNamespace(world_size=2))  # it has no strategy to ask
    callback.on_test_batch_end(trainer)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped):
        callback.on_test_batch_end(trainer)


def test_one_process_that_is_told_to_stop_stops_all(request_to_stop: StopRequest) -> None:
    class Strategy:
        def reduce_boolean_decision(self, decision: bool, all: bool = True) -> bool:
            assert not all
            return True  # another process wishes it

    assert agreed(cast(Trainer, SimpleNamespace(strategy=Strategy())), False)


def test_signals_that_lightning_took_are_taken_back(tmp_path: Path, request_to_stop: StopRequest) -> None:
    callback = Checkpointing(tmp_path / "last.ckpt", request_to_stop)
    for take_back in (callback.on_train_start, callback.on_test_start):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        take_back(cast(Trainer, None), MODULE)
        assert signal.getsignal(signal.SIGTERM) == request_to_stop._note


def test_device_seconds_add_up_over_stops_and_numbers_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("experiments.runner.callbacks.time.monotonic", lambda: now)
    first = DeviceClock()
    now = 110.0  # waiting for the devices is no training
    first.on_train_start(cast(Trainer, SimpleNamespace(world_size=8)), MODULE)
    now = 120.0
    assert first.state_dict() == {"device_seconds": 80}
    now = 125.0
    kept = first.state_dict()
    second = DeviceClock()
    second.load_state_dict(kept)
    now = 1000.0
    second.on_train_start(cast(Trainer, SimpleNamespace(world_size=4)), MODULE)
    now = 1010.0
    second.on_train_end(cast(Trainer, SimpleNamespace(world_size=4)), MODULE)
    now = 2000.0
    assert second.state_dict() == {"device_seconds": 8 * 15 + 4 * 10}


@pytest.mark.slow
def test_two_processes_train_and_test_a_number_of_videos_that_does_not_divide(tmp_path: Path) -> None:
    overrides = ["data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=65", "optim.batch_size=8",
                 "optim.epochs=1", "model.depth=1"]  # fmt: skip
    words = [word for text in overrides for word in ("-o", text)]
    command = [sys.executable, "-m", "experiments.runner.train", "motionformer/table4", "trajectory.k400",
               "--devices", "2", "--threads", "1", "--runs", str(tmp_path), *words]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("*/metrics/*.json")
    metrics = json.loads(file.read_text())
    assert metrics["videos"] == {"evaluated": 65, "failed": 0, "missing": 0}
    assert sum(videos for _, videos in metrics["classes"].values()) == 65  # of both processes
    assert metrics["device_hours"] > 0 and metrics["replaced_in_training"] == 0


def test_a_loss_is_not_read_for_progress_that_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, read = 100.0, []
    monkeypatch.setattr("experiments.runner.callbacks.time.monotonic", lambda: now)
    progress = ProgressFile(tmp_path / "progress.json")
    monkeypatch.setattr(ProgressFile, "total_train_batches", 10)
    monkeypatch.setattr(progress, "get_metrics", lambda *_: read.append(now) or {"train/loss": 2.0})
    trainer = cast(Trainer, SimpleNamespace(current_epoch=0, max_epochs=2, max_steps=-1))
    for moment in (100.0, 100.1, 100.2, 100.5):
        now = moment
        progress.on_train_batch_end(trainer, MODULE, None, None, 4)
    assert read == [100.0, 100.5]
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 0.25


def test_the_progress_of_a_training_is_counted_in_epochs_or_in_steps() -> None:
    epochs = SimpleNamespace(current_epoch=1, max_epochs=4, max_steps=-1)
    assert length_done(cast(Trainer, epochs), 4, 10) == {"done": 0.375, "epoch": 2, "epochs": 4}
    steps = SimpleNamespace(current_epoch=7, max_epochs=-1, max_steps=40, global_step=10)
    assert length_done(cast(Trainer, steps), 4, 10) == {"done": 0.25, "step": 10, "steps": 40}


def test_a_validation_follows_the_last_batch_of_its_epoch_or_of_its_steps() -> None:
    epochs = SimpleNamespace(check_val_every_n_epoch=2, num_training_batches=5)
    following = {
        (epoch, batch)
        for epoch in range(4)
        for batch in range(5)
        if validation_follows(cast(Trainer, SimpleNamespace(**vars(epochs), current_epoch=epoch)), batch)
    }
    assert following == {(1, 4), (3, 4)}
    steps = SimpleNamespace(check_val_every_n_epoch=None, val_check_batch=6)
    following = {
        total
        for total in range(20)
        if validation_follows(
            cast(Trainer, SimpleNamespace(**vars(steps), fit_loop=SimpleNamespace(total_batch_idx=total))), total % 5
        )
    }
    assert following == {5, 11, 17}


class Recorder(Checkpointing):
    """Notes where it saves, and which validation would follow."""

    def __init__(self, request: StopRequest, *, validations_count: bool, follows: bool = False) -> None:
        super().__init__(Path("last.ckpt"), request, validations_count=validations_count)
        self.saved: list[str] = []
        strategy = SimpleNamespace(reduce_boolean_decision=lambda wish, all: wish)
        epochs = SimpleNamespace(check_val_every_n_epoch=1, current_epoch=0, num_training_batches=2 if follows else 3)
        self.trainer = cast(Trainer, SimpleNamespace(strategy=strategy, accumulate_grad_batches=2, **vars(epochs)))

    def save(self, trainer: Trainer) -> None:
        """Only note it."""
        self.saved.append("saved")


def test_a_stop_between_a_step_and_a_validation_that_counts_waits_for_the_validation(
    request_to_stop: StopRequest,
) -> None:
    request_to_stop.signal_number = signal.SIGTERM
    waits = Recorder(request_to_stop, validations_count=True, follows=True)
    waits.on_train_batch_end(waits.trainer, MODULE, None, None, 1)
    waits.on_validation_start(waits.trainer, MODULE)
    waits.on_validation_batch_end(waits.trainer)
    assert waits.saved == []
    with pytest.raises(Stopped):
        waits.on_validation_end(waits.trainer, MODULE)
    assert waits.saved == ["saved"]


def test_a_stop_before_a_validation_that_decides_nothing_is_honoured_at_once(request_to_stop: StopRequest) -> None:
    request_to_stop.signal_number = signal.SIGTERM
    stops = Recorder(request_to_stop, validations_count=False, follows=True)
    with pytest.raises(Stopped):
        stops.on_train_batch_end(stops.trainer, MODULE, None, None, 1)
    with pytest.raises(Stopped):
        stops.on_validation_batch_end(stops.trainer)
    stops.on_validation_start(stops.trainer, MODULE)
    stops.on_validation_end(stops.trainer, MODULE)
    assert stops.saved == ["saved"] * 2  # at the step, and before the validation


@pytest.mark.parametrize("validations_count", [False, True])
def test_a_stop_is_honoured_at_steps_only_so_that_no_gradient_is_lost(
    request_to_stop: StopRequest, validations_count: bool
) -> None:
    request_to_stop.signal_number = signal.SIGTERM
    stops = Recorder(request_to_stop, validations_count=validations_count)
    stops.on_train_batch_end(stops.trainer, MODULE, None, None, 0)
    assert stops.saved == []
    with pytest.raises(Stopped):
        stops.on_train_batch_end(stops.trainer, MODULE, None, None, 1)
    assert stops.saved == ["saved"]


def test_the_first_of_equally_good_validations_is_kept_and_the_best_so_far_survives_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = iter([10.0, 30.0, 30.0, 20.0, 31.0])
    kept: list[float] = []
    module = TINY.of(K400).build()

    def validate(callback: BestWeights) -> None:
        value = next(values)
        monkeypatch.setattr("experiments.runner.callbacks.save_weights", lambda model, path: kept.append(value))
        metrics = {"val/top1": value}
        callback.on_validation_end(
            cast(Trainer, SimpleNamespace(callback_metrics=metrics, is_global_zero=True)), module
        )

    first = BestWeights(tmp_path / "best.safetensors", "val/top1")
    for _ in range(3):
        validate(first)
    second = BestWeights(tmp_path / "best.safetensors", "val/top1")
    second.load_state_dict(first.state_dict())
    for _ in range(2):
        validate(second)
    assert kept == [10.0, 30.0, 31.0]
