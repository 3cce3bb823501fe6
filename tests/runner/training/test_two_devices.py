"""Runs that two processes share: the same training as on one device, and failures of the second process."""

import json
import signal
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from data.errors import DataError
from experiments.spec.run import RunConfig
from interface.batches import Batch
from lightning_modules.module import TaskModule
from runner.jobs import run_process
from runner.machine.signals import Stopped
from runner.store.run_directory import Failure
from tests.runner.conftest import Process
from tests.runner.in_process import FORKED, exit_codes
from tests.runner.points import POINTS, REST, RunHarness, StopsAfter, carry_out

pytestmark = FORKED
assert POINTS.optim is not None
BEST = replace(POINTS, optim=replace(POINTS.optim, keep="best"))


@pytest.mark.parametrize(("run", "micro_batch"), [(POINTS, 2), (REST, 2), (REST, 1)], ids=["whole", "rest", "no item"])
def test_a_training_on_two_devices_is_that_on_one(
    run: RunConfig, micro_batch: int, harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nn.Dropout, "forward", lambda module, inputs: inputs)  # its random numbers are of a process
    one, weights = harness.execute(run), harness.weights(run)
    harness.use_new_store("two")
    resources = replace(harness.resources, devices=2, micro_batch=micro_batch)
    codes = exit_codes(lambda rank: carry_out(run, harness.store, resources))
    assert codes == [0, 0]
    for name, tensor in harness.weights(run).items():
        torch.testing.assert_close(tensor, weights[name], rtol=1e-4, atol=1e-5)
    two = json.loads(harness.store.run(run.train_id).metrics(run.eval_id).read_text())
    assert two["videos"] == one["videos"] == {"evaluated": 90, "failed": 0, "missing": 0}
    for name in run.objective.metrics:
        assert two[name] == pytest.approx(one[name], abs=1e-9)
    splits = [{"from_step": 0, "devices": 2, "micro_batch": micro_batch, "accumulation": 2 // micro_batch}]
    assert (two["devices"], two["batch_splits"]) == (2, splits)


@pytest.mark.parametrize(
    ("run", "asked_after", "stopped_after"),
    [(POINTS, 7, 8), (BEST, 10, 10)],
    ids=["after the next step", "after a validation that selects weights"],
)
def test_a_signal_to_one_process_ends_both(
    run: RunConfig, asked_after: int, stopped_after: int, harness: RunHarness
) -> None:
    resources = replace(harness.resources, devices=2)
    directory = harness.store.run(run.train_id)

    def execute(rank: int) -> None:
        carry_out(run, harness.store, resources)

    def stop(rank: int) -> None:
        with pytest.raises(Stopped) as stopped:
            stop = StopsAfter(harness, asked_after, signal.SIGUSR1) if rank else None
            carry_out(run, harness.store, resources, stop)
        assert stopped.value.signal_number == signal.SIGUSR1

    assert exit_codes(stop) == [0, 0]
    assert torch.load(directory.checkpoint, weights_only=True)["global_step"] == stopped_after
    assert exit_codes(execute) == [0, 0]
    resumed = harness.weights(run)
    harness.use_new_store("whole")
    assert exit_codes(execute) == [0, 0]
    assert all(tensor.equal(resumed[name]) for name, tensor in harness.weights(run).items())


@pytest.mark.parametrize(("error", "code"), [(DataError("a video is unreadable"), 3), (ZeroDivisionError("1 / 0"), 1)])
def test_the_first_failure_of_any_process_gives_reason_and_exit_code_of_all(
    error: Exception, code: int, harness: RunHarness, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    training_step = TaskModule.training_step

    def step(module: TaskModule, batch: Batch, batch_idx: int) -> Tensor:
        if module.global_rank == 1 and module.global_step == 2:
            raise error
        return training_step(module, batch, batch_idx)

    monkeypatch.setattr(TaskModule, "training_step", step)
    assert exit_codes(lambda rank: run_process.end(process(devices=2))) == [code, code]
    failure = harness.store.run(POINTS.train_id).read_failure()
    reason = "a video is unreadable" if code == 3 else "ZeroDivisionError: 1 / 0"
    assert failure == Failure(reason, code)
