"""Resumed runs: after a kill or a signal, weights and metrics equal those of an uninterrupted run, bit for bit."""

import json
import os
import signal
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from experiments.spec.catalog import load
from experiments.spec.scales import TINY
from models.trunk import VideoViT
from runner.jobs.run_server import RunServer
from runner.machine.resources import Resources
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore
from runner.training.checkpointing import resumable
from tests.runner.in_process import ONE_THREAD, forked, train_here, until
from tests.runner.points import NoSignalHandlers
from tests.runner.tower_weights import same

OVERRIDES = [
    "data.dataset.stand_in.num_train=32",
    "data.dataset.stand_in.num_val=16",
    "optim.epochs=6",
    "optim.batch_size=4",
    "model.drop_path=0.2",
]
RUN = load("motionformer/table4").run_of("trajectory.ssv2", TINY, OVERRIDES, 0)


def directory(runs: Path) -> RunDirectory:
    return RunStore(runs).run(RUN.train_id)


def finish(runs: Path, resources: Resources = ONE_THREAD) -> None:
    """Carry out the run, or the rest of it, in this process."""
    assert train_here(RUN, runs, resources) == 0


def results(runs: Path) -> tuple[dict, dict, np.ndarray]:
    run = directory(runs)
    (metrics,) = (run.path / "metrics").glob("*.json")
    (predictions,) = (run.path / "scores").glob("*.npz")
    return json.loads(metrics.read_text()), load_file(run.weights), np.load(predictions)["scores"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("uninterrupted")
    finish(runs)
    return runs


def assert_same(runs: Path, uninterrupted: Path) -> None:
    metrics, weights, scores = results(runs)
    expected_metrics, expected_weights, expected_scores = results(uninterrupted)
    for name in ("top1", "top5", "videos", "train_id", "eval_id"):
        assert metrics[name] == expected_metrics[name]
    assert same(weights, expected_weights)
    assert np.array_equal(scores, expected_scores)


def test_recomputed_attention_trains_the_same_weights(
    tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    recompute = VideoViT.recompute

    def recorded(model: VideoViT, on: bool) -> None:
        calls.append(on)
        recompute(model, on)

    monkeypatch.setattr(VideoViT, "recompute", recorded)
    finish(tmp_path, Resources(threads=1, recompute=True))
    assert calls == [True]
    assert_same(tmp_path, uninterrupted)


def seconds_in_checkpoint(runs: Path) -> float:
    checkpoint = resumable(directory(runs).checkpoint, renames=False)  # a kill may come while it is replaced
    assert checkpoint is not None
    states = torch.load(checkpoint, weights_only=True)["callbacks"]
    (clock,) = [state for state in states.values() if "device_seconds" in state]
    return clock["device_seconds"]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_run_resumes_after_two_signals_to_it_and_its_workers_within_an_epoch(
    tmp_path: Path, uninterrupted: Path, number: signal.Signals, server: RunServer
) -> None:
    process = forked(server, RUN, tmp_path, Resources(threads=1, workers=1))
    until(lambda: directory(tmp_path).progress().get("epoch", 0) >= 3, process, tmp_path)
    with suppress(ProcessLookupError):  # the first SIGKILL has ended them
        for _ in range(2):
            os.killpg(process.pid, number)
    code = -number if number == signal.SIGKILL else 128 + number
    assert process.wait() == code, (tmp_path / "log.txt").read_text()
    assert not (directory(tmp_path).path / "metrics").exists()
    hours_before = seconds_in_checkpoint(tmp_path) / 3600
    finish(tmp_path)
    assert_same(tmp_path, uninterrupted)
    assert results(tmp_path)[0]["device_hours"] > hours_before > 0  # the time before the stop counts


@pytest.mark.parametrize("reads", [44, 45])  # in the fifth epoch: its last step of eight, its batch of validation
def test_a_run_resumes_after_a_stop_at_a_validation(
    tmp_path: Path, uninterrupted: Path, monkeypatch: pytest.MonkeyPatch, reads: int
) -> None:
    class Stop(NoSignalHandlers):
        num_reads = 0

        @property
        def pending(self) -> int | None:
            self.num_reads += 1
            return signal.SIGTERM if self.num_reads >= reads else None

    with monkeypatch.context() as patch:
        patch.setattr("runner.jobs.run_process.StopRequest", Stop)
        assert train_here(RUN, tmp_path) == 128 + signal.SIGTERM
    checkpoint = torch.load(directory(tmp_path).checkpoint, weights_only=True)
    assert checkpoint["global_step"] == 40
    finish(tmp_path)
    assert_same(tmp_path, uninterrupted)
