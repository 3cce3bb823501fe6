"""Texts about jobs: headline metrics, lines of a log, and the reason of a failure."""

from pathlib import Path

import pytest

from experiments.motionformer.base import EPIC100, K400
from experiments.spec.run import RunConfig
from runner.jobs.failure_file import Failure, save_failure
from runner.jobs.job_logs import exit_reason, failure_of, headline_text, new_lines
from runner.store.store import RunStore


def test_the_failure_reason_comes_from_the_log_without_a_failure_file(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    assert failure_of(directory, 3) is None
    directory.path.mkdir()
    directory.log.write_text("error: an older one\nEpoch 0\nerror: cannot write x: No space left on device\n")
    assert failure_of(directory, 3) == Failure("cannot write x: No space left on device", 3)
    assert failure_of(directory, -9) is None  # a killed process prints no reason
    directory.failure.write_bytes(b"\xff damaged\n")
    assert failure_of(directory, 3) == Failure("\ufffd damaged", 1)
    save_failure(directory.failure, Failure("a video is unreadable", 3))
    assert failure_of(directory, -9) == failure_of(directory, 3) == Failure("a video is unreadable", 3)
    directory.failure.unlink()
    directory.failure.mkdir()  # cannot be read
    assert failure_of(directory, 3) is None


def test_a_log_that_is_not_there_has_no_new_lines(tmp_path: Path) -> None:
    assert new_lines(tmp_path / "log.txt", 7) == ([], 7)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-9, "the process was ended by SIGKILL; the machine may be out of memory; run the same command again to go on"),
        (-15, "the process was ended by SIGTERM; run the same command again to go on"),
        (5, "the process ended with exit code 5"),
    ],
)
def test_the_reason_of_a_silent_failure_is_the_exit_code(tmp_path: Path, code: int, text: str) -> None:
    assert exit_reason(code, tmp_path / "runs") == text


def test_the_reason_of_a_silent_failure_on_a_full_disk_is_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.jobs.job_logs.free_bytes", lambda _: 4096)
    assert exit_reason(1, tmp_path) == (
        f"the disk of {tmp_path} is full; free space there or name another place with --runs"
    )


@pytest.mark.parametrize(
    ("run", "metrics", "text"),
    [
        (K400, {"top1": 79.72, "top5": 94.0}, "top1 79.7"),
        (K400, {"top1": 72.0, "top5": 94.0}, "top1 72.0"),
        (EPIC100, {"action": 43.1, "verb": 66.74, "noun": 56.5, "top1": 43.1}, "action 43.1, verb 66.7, noun 56.5"),
    ],
)
def test_the_summary_of_a_finished_run_contains_its_headline_metrics(
    run: RunConfig, metrics: dict[str, float], text: str
) -> None:
    assert headline_text(run, metrics) == text
