"""Process of one run: its exit codes, its claim, and what it does not repeat."""

import json
import os
import signal
from dataclasses import replace

import pytest
import torch

from data.errors import DataError
from models.imagenet import MissingWeightsError
from runner.jobs import run_process
from runner.jobs.failure_file import Failure, read_failure, save_failure
from runner.machine.files import StoreError
from tests.runner.points import POINTS, RunHarness, StopsAfter


def test_a_second_process_does_not_repeat_a_finished_run(harness: RunHarness, command: list[str]) -> None:
    directory = harness.store.run(POINTS.train_id)
    directory.path.mkdir(parents=True)
    directory.failure.write_text("an older failure\n")
    assert run_process.main(command) == 0
    assert directory.state(POINTS) == "done" and not directory.failure.exists()
    stamp = directory.metrics(POINTS.eval_id).stat().st_mtime_ns
    harness.steps.clear()
    assert run_process.main(command) == 0
    assert harness.steps == [] and directory.metrics(POINTS.eval_id).stat().st_mtime_ns == stamp


def test_overrides_and_seed_select_another_run(harness: RunHarness, command: list[str]) -> None:
    assert run_process.main([*command, "--seed", "3", "-o", "optim.epochs=1"]) == 0
    assert POINTS.optim is not None
    run = replace(POINTS, optim=replace(POINTS.optim, epochs=1), seed=3)
    assert harness.store.run(run.train_id).state(run) == "done"


def test_a_process_whose_run_is_claimed_does_nothing(harness: RunHarness, command: list[str]) -> None:
    with harness.store.run(POINTS.train_id).claim() as mine:
        assert mine
        assert run_process.main(command) == 75
    assert harness.steps == []


@pytest.mark.parametrize(
    ("error", "code", "reason"),
    [
        (DataError("the data are gone"), 3, "the data are gone"),
        (StoreError("the disk is full"), 3, "the disk is full"),
        (MissingWeightsError("weights: no photos here: save it as a"), 3, "weights: no photos here: save it as a"),
        (ValueError("it cannot be"), 1, "it cannot be"),
        (ZeroDivisionError("a bug"), 1, "ZeroDivisionError: a bug"),
        (RuntimeError(), 1, "RuntimeError"),
    ],
)
def test_a_failed_process_writes_the_reason_in_its_last_line_and_a_file(
    harness: RunHarness,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    reason: str,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run_process, "train_and_test", fails)
    assert run_process.main(command) == code
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"error: {reason}"
    assert ("Traceback" in said) == (type(error) in (ZeroDivisionError, RuntimeError))
    directory = harness.store.run(POINTS.train_id)
    assert read_failure(directory.failure) == Failure(reason, code)
    assert directory.state(POINTS) == "failed"


def test_reason_and_exit_code_of_another_process_that_failed_first_are_kept(
    harness: RunHarness, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, failure = harness.store.run(POINTS.train_id).failure, Failure("the second process cannot read its items", 3)

    def fails(*_: object, **__: object) -> None:
        save_failure(file, failure)
        raise RuntimeError("connection reset by peer")

    monkeypatch.setattr(run_process, "train_and_test", fails)
    assert run_process.main(command) == 3
    assert read_failure(file) == failure


def test_the_exit_code_of_a_stopped_process_is_that_of_the_signal(
    command: list[str], harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_process, "StopRequest", lambda: StopsAfter(harness, 3))
    assert run_process.main(command) == 128 + signal.SIGTERM
    directory = harness.store.run(POINTS.train_id)
    assert directory.state(POINTS) == "interrupted" and not directory.failure.exists()


def test_an_unknown_cell_writes_no_failure_file(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_process.main([*command[:1], "ours.none", *command[2:]]) == 1
    assert capsys.readouterr().err == "error: table 'made/points' has no run 'ours.none'; name one as row.column\n"


def test_processes_of_other_ranks_do_not_claim_the_run(
    harness: RunHarness, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    calls: list[str] = []
    monkeypatch.setattr(run_process, "train_and_test", lambda run, *_, **__: calls.append(run.train_id))
    with harness.store.run(POINTS.train_id).claim():  # by the first process
        assert run_process.main(command) == 0
    assert calls == [POINTS.train_id]


def test_processes_of_other_ranks_end_if_there_is_nothing_to_compute(
    harness: RunHarness, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_process.main(command) == 0
    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr(run_process, "train_and_test", lambda *_, **__: pytest.fail("it would wait for the first"))
    assert run_process.main(command) == 0  # tested
    assert run_process.main([*command, "-o", "evaluation.views=1"]) == 0  # within the saved scores
    assert len(list(harness.store.run(POINTS.train_id).path.glob("metrics/*"))) == 1


def test_metrics_with_fewer_views_need_no_model(
    harness: RunHarness, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run_process.main(command) == 0
    monkeypatch.setattr(run_process, "train_and_test", lambda *_, **__: pytest.fail("a model was built"))
    assert run_process.main([*command, "-o", "evaluation.views=1"]) == 0
    fewer = replace(POINTS.evaluation, views=1)
    metrics = json.loads(
        harness.store.run(POINTS.train_id).metrics(replace(POINTS, evaluation=fewer).eval_id).read_text()
    )
    assert (metrics["views"], metrics["rescored_from"]) == (1, POINTS.eval_id)


def test_a_failed_process_of_several_ends_without_waiting_for_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    for is_several, code in ((True, 76), (True, 0), (False, 1)):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda several=is_several: several)
        with pytest.raises(SystemExit) as error:
            run_process.end(code)
        assert error.value.code == code
    assert ended == [76]  # without exit handlers
