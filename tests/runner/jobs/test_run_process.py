"""Process of one run: its exit codes, and what it does not repeat.

Claims are those of `tests/runner/machine/test_first_process.py`.
"""

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from data.errors import DataError
from models.imagenet import MissingWeightsError
from runner.jobs import run_process
from runner.machine.files import StoreError
from runner.store.run_directory import Failure
from tests.runner.conftest import Process
from tests.runner.points import POINTS, NoSignalHandlers, RunHarness, StopsAfter

FEWER_VIEWS = replace(POINTS, evaluation=replace(POINTS.evaluation, views=1))


def test_a_second_process_does_not_repeat_a_finished_run(harness: RunHarness, process: Process) -> None:
    directory = harness.store.run(POINTS.train_id)
    directory.path.mkdir(parents=True)
    directory.failure.write_text("an older failure\n")
    assert process() == 0
    assert directory.state(POINTS) == "done" and not directory.failure.exists()
    stamp = directory.metrics(POINTS.eval_id).stat().st_mtime_ns
    harness.steps.clear()
    assert process() == 0
    assert harness.steps == [] and directory.metrics(POINTS.eval_id).stat().st_mtime_ns == stamp


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
    process: Process,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception,
    code: int,
    reason: str,
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run_process, "train_and_test", fails)
    assert process() == code
    said = capsys.readouterr().err
    assert said.splitlines()[-1] == f"error: {reason}"
    assert ("Traceback" in said) == (type(error) in (ZeroDivisionError, RuntimeError))
    directory = harness.store.run(POINTS.train_id)
    assert directory.read_failure() == Failure(reason, code)
    assert directory.state(POINTS) == "failed"


def test_the_exit_code_of_a_stopped_process_is_that_of_the_signal(
    process: Process, harness: RunHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_process, "StopRequest", lambda: StopsAfter(harness, 3))
    assert process() == 128 + signal.SIGTERM
    directory = harness.store.run(POINTS.train_id)
    assert directory.state(POINTS) == "interrupted" and not directory.failure.exists()


@pytest.mark.parametrize("content", [None, "{", '{"class": "runner.machine.request:Gone"}'])
def test_a_request_that_cannot_be_read_is_one_line(
    content: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_process, "StopRequest", NoSignalHandlers)
    file = tmp_path / "request.json"
    if content is not None:
        file.write_text(content)
    assert run_process.main([str(file)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: cannot read {file}: ")


def test_metrics_with_fewer_views_need_no_model_and_only_the_first_process_writes_them(
    harness: RunHarness, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert process() == 0
    monkeypatch.setattr(run_process, "train_and_test", lambda *_, **__: pytest.fail("it would wait for the others"))
    metrics = harness.store.run(POINTS.train_id).metrics(FEWER_VIEWS.eval_id)
    monkeypatch.setenv("RANK", "1")
    assert process() == process(FEWER_VIEWS) == 0 and not metrics.exists()  # tested, and within the saved scores
    monkeypatch.delenv("RANK")
    assert process(FEWER_VIEWS) == 0
    fields = json.loads(metrics.read_text())
    assert (fields["views"], fields["rescored_from"]) == (1, POINTS.eval_id)


def test_a_failed_process_of_several_ends_without_waiting_for_the_others(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    for is_several, code in ((True, 3), (True, 0), (False, 1)):
        monkeypatch.setattr(torch.distributed, "is_initialized", lambda several=is_several: several)
        with pytest.raises(SystemExit) as error:
            run_process.end(code)
        assert error.value.code == code
    assert ended == [3]  # without exit handlers
