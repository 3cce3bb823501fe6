"""Callbacks of training: stops on signals, device time, best weights and divergence."""

import math
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, cast

import pytest
import torch
from lightning import LightningModule, Trainer

from data.worker_processes import STOP_SIGNALS
from experiments.motionformer.base import K400
from experiments.spec.scales import TINY
from runner.machine.files import StoreError
from runner.machine.signals import Stopped, StopRequest
from runner.training import kept_weights
from runner.training.checkpointing import Checkpointing, TwoCheckpoints
from runner.training.kept_weights import BestWeights, Divergence
from runner.training.processes import DeviceClock

MODULE = cast(LightningModule, None)


@pytest.fixture
def request_to_stop() -> Iterator[StopRequest]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield StopRequest()
    for number, handler in before.items():
        signal.signal(number, handler)


def test_a_stop_between_test_batches_does_not_synchronise_processes(
    tmp_path: Path, request_to_stop: StopRequest
) -> None:
    callback = Checkpointing(tmp_path / "last.ckpt", request_to_stop)
    trainer = cast(Trainer, SimpleNamespace(world_size=2))  # without a strategy, synchronisation would fail
    callback.on_test_batch_end(trainer)
    os.kill(os.getpid(), signal.SIGTERM)
    with pytest.raises(Stopped):
        callback.on_test_batch_end(trainer)


def test_a_later_signal_ends_the_run_at_once_with_the_number_of_the_first(request_to_stop: StopRequest) -> None:
    assert request_to_stop.pending is None
    os.kill(os.getpid(), signal.SIGUSR1)
    os.kill(os.getpid(), signal.SIGTERM)  # within seconds: the same request
    assert request_to_stop.pending == signal.SIGUSR1
    request_to_stop.received_at -= 11.0
    with pytest.raises(Stopped) as stopped:
        os.kill(os.getpid(), signal.SIGTERM)
    assert stopped.value.signal_number == signal.SIGUSR1


def test_a_validation_that_selects_weights_has_some_seconds_to_end(
    tmp_path: Path, request_to_stop: StopRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    callback = Checkpointing(tmp_path / "last.ckpt", request_to_stop, validations_select_weights=True)
    trainer = cast(Trainer, None)
    os.kill(os.getpid(), signal.SIGUSR1)
    callback.on_validation_batch_end(trainer)
    began = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: began + 30)
    with pytest.raises(Stopped):
        callback.on_validation_batch_end(trainer)


def test_signal_handlers_replaced_by_lightning_are_installed_again(
    tmp_path: Path, request_to_stop: StopRequest
) -> None:
    callback = Checkpointing(tmp_path / "last.ckpt", request_to_stop)
    for start in (callback.on_train_start, callback.on_test_start):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        start(cast(Trainer, None), MODULE)
        assert signal.getsignal(signal.SIGTERM) == request_to_stop._handle


def test_device_seconds_add_up_over_stops_and_device_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("runner.training.processes.time.monotonic", lambda: now)
    first = DeviceClock()
    loader = SimpleNamespace(seconds_waited=3.0)

    def trainer(world_size: int) -> Trainer:
        return cast(Trainer, SimpleNamespace(world_size=world_size, datamodule=SimpleNamespace(loaders=[loader])))

    now = 110.0  # time before the training does not count
    first.on_train_start(trainer(8), MODULE)
    now = 120.0
    assert first.state_dict() == {"device_seconds": 80, "waited_seconds": 24}
    now, loader.seconds_waited = 125.0, 5.0
    state = first.state_dict()
    second = DeviceClock()
    second.load_state_dict(state)
    now, loader = 1000.0, SimpleNamespace(seconds_waited=0.0)
    second.on_train_start(trainer(4), MODULE)
    now, loader.seconds_waited = 1010.0, 6.0
    second.on_train_end(trainer(4), MODULE)
    now = 2000.0
    assert second.state_dict() == {"device_seconds": 8 * 15 + 4 * 10, "waited_seconds": 8 * 5 + 4 * 6}
    assert second.waiting_share == 0.4
    second.load_state_dict({"device_seconds": 80})  # of an earlier version
    assert second.waiting_share is None


def saved_of(callback: BestWeights, values: list[float], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Those of the values of validations whose weights are saved."""
    saved: list[float] = []
    module = TINY.of(K400).build()
    for value in values:
        monkeypatch.setattr(kept_weights, "save_weights", lambda *_, value=value: saved.append(value))
        trainer = SimpleNamespace(callback_metrics={"val/top1": value}, is_global_zero=True)
        callback.on_validation_end(cast(Trainer, trainer), module)
    return saved


def test_the_first_of_equal_validations_is_saved_also_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (BestWeights(tmp_path / "best.safetensors", "top1", "max") for _ in range(2))
    assert saved_of(first, [10.0, 30.0, 30.0], monkeypatch) == [10.0, 30.0]
    second.load_state_dict(first.state_dict())
    assert saved_of(second, [20.0, 31.0], monkeypatch) == [31.0]
    least = BestWeights(tmp_path / "best.safetensors", "top1", "min")
    assert saved_of(least, [3.0, 2.0, 2.5], monkeypatch) == [3.0, 2.0]


def losses_until_divergence(losses: list[float], scaler: object) -> int:
    """Number of losses after which a training stops."""
    callback = Divergence()
    for step, loss in enumerate(losses):
        optimizer = SimpleNamespace(param_groups=[{"lr": 0.1}])
        trainer = cast(Trainer, SimpleNamespace(global_step=step, scaler=scaler, optimizers=[optimizer]))
        try:
            callback.on_before_backward(trainer, MODULE, torch.tensor(loss))
        except ValueError:
            return step + 1
    return len(losses)


def test_steps_that_a_scaler_of_gradients_skips_are_a_divergence_only_if_no_other_step_follows() -> None:
    nan, limit = math.nan, kept_weights.SKIPPED_IN_A_ROW
    losses = [1.0, *[nan] * (limit - 1), 1.0, *[nan] * 2 * limit]
    assert losses_until_divergence(losses, scaler=None) == 2
    assert losses_until_divergence(losses, scaler=object()) == 1 + limit + limit


def test_losses_on_a_gpu_are_read_together(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    monkeypatch.setattr(Divergence, "read_losses", lambda callback, _: reads.append(len(callback.unread)))
    callback, optimizer = Divergence(), SimpleNamespace(param_groups=[{"lr": 0.1}])
    trainer = cast(Trainer, SimpleNamespace(global_step=0, optimizers=[optimizer]))
    for _ in range(kept_weights.BATCHES_BETWEEN_READS):
        callback.on_before_backward(trainer, MODULE, torch.zeros((), device="meta"))  # stands for a GPU
    assert reads == [kept_weights.BATCHES_BETWEEN_READS]


def test_a_full_disk_keeps_the_last_checkpoint_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, files = tmp_path / "checkpoints" / "last.ckpt", TwoCheckpoints()

    def fail(checkpoint: object, file: BinaryIO) -> None:
        try:
            raise OSError(28, "No space left on device")
        except OSError:
            raise RuntimeError("unexpected pos 704 vs 598")  # noqa: B904  (as torch does)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", fail)
        with pytest.raises(
            StoreError, match=r"No space left on device; free space there or name another place with --runs$"
        ):
            files.save_checkpoint({}, path)
    for step in (1, 2, 3):
        files.save_checkpoint({"step": step}, path)
    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(StoreError, match=r"with --runs; the last checkpoint is kept$"):
        files.save_checkpoint({}, path)
    kept = {file.name: torch.load(file)["step"] for file in path.parent.iterdir()}
    assert kept == {"last.ckpt": 3, "previous.ckpt": 2}
