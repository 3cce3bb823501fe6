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

from experiments.callbacks import Checkpointing, DeviceClock, ProgressFile, Stopped, StopRequest, agreed

ROOT = Path(__file__).resolve().parents[2]
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
    monkeypatch.setattr("experiments.callbacks.time.monotonic", lambda: now)
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
    command = [sys.executable, "-m", "experiments.train", "motionformer/table4", "trajectory.k400", "--devices", "2",
               "--threads", "1", "--runs", str(tmp_path), *words]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (file,) = tmp_path.glob("*/metrics/*.json")
    metrics = json.loads(file.read_text())
    assert metrics["videos"] == {"evaluated": 65, "failed": 0, "missing": 0}
    assert sum(videos for _, videos in metrics["classes"].values()) == 65  # of both processes
    assert metrics["device_hours"] > 0 and metrics["replaced_in_training"] == 0


def test_a_loss_is_not_read_for_progress_that_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, read = 100.0, []
    monkeypatch.setattr("experiments.callbacks.time.monotonic", lambda: now)
    progress = ProgressFile(tmp_path / "progress.json")
    monkeypatch.setattr(ProgressFile, "total_train_batches", 10)
    monkeypatch.setattr(progress, "get_metrics", lambda *_: read.append(now) or {"train/loss": 2.0})
    trainer = cast(Trainer, SimpleNamespace(current_epoch=0, max_epochs=2))
    for moment in (100.0, 100.1, 100.2, 100.5):
        now = moment
        progress.on_train_batch_end(trainer, MODULE, None, None, 4)
    assert read == [100.0, 100.5]
    assert json.loads((tmp_path / "progress.json").read_text())["done"] == 0.25
