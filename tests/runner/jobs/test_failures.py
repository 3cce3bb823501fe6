"""Failures of runs: files are read as they were saved; without one, the log or the exit code has the reason."""

from pathlib import Path

import pytest

from runner.jobs.failures import Failure, failure_of, read_failure, save_failure
from runner.store.store import RunStore


@pytest.mark.parametrize("code", [1, 3, 75])
def test_reason_and_exit_code_are_read_as_saved(tmp_path: Path, code: int) -> None:
    file = tmp_path / "failure.txt"
    assert read_failure(file) is None
    save_failure(file, Failure("the disk is full\nexit code 9", code))
    assert read_failure(file) == Failure("the disk is full exit code 9", code)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"the disk is full\n", "the disk is full"),
        (b"\xff damaged\nexit code x\n", "\ufffd damaged exit code x"),
        (b"cut\nexit code 3 of", "cut exit code 3 of"),
        (b"", ""),
    ],
)
def test_files_without_an_exit_code_are_failures_with_code_1(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "failure.txt"
    file.write_bytes(content)
    assert read_failure(file) == Failure(reason, 1)


def test_the_failure_reason_comes_from_the_log_without_a_failure_file(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    directory.path.mkdir()
    directory.log.write_text("error: an older one\nEpoch 0\nerror: cannot write x: No space left on device\n")
    assert failure_of(directory, 3) == Failure("cannot write x: No space left on device", 3)
    assert "ended by SIGKILL" in failure_of(directory, -9).reason  # a killed process prints no reason
    directory.failure.write_bytes(b"\xff damaged\n")
    assert failure_of(directory, 3) == Failure("\ufffd damaged", 1)
    save_failure(directory.failure, Failure("a video is unreadable", 3))
    assert failure_of(directory, -9) == failure_of(directory, 3) == Failure("a video is unreadable", 3)
    directory.failure.unlink()
    directory.failure.mkdir()  # cannot be read
    assert failure_of(directory, 3) == Failure("the process ended with exit code 3", 3)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (-9, "the process was ended by SIGKILL; the machine may be out of memory; run the same command again to go on"),
        (-15, "the process was ended by SIGTERM; run the same command again to go on"),
        (5, "the process ended with exit code 5"),
    ],
)
def test_the_reason_of_a_silent_failure_is_the_exit_code(tmp_path: Path, code: int, text: str) -> None:
    assert failure_of(RunStore(tmp_path).run("aaa"), code) == Failure(text, code)


def test_the_reason_of_a_silent_failure_on_a_full_disk_is_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.jobs.failures.free_bytes", lambda _: 4096)
    failure = failure_of(RunStore(tmp_path).run("aaa"), 1)
    reason = f"the disk of {tmp_path / 'aaa'} is full; free space there or name another place with --runs"
    assert failure == Failure(reason, 1)
