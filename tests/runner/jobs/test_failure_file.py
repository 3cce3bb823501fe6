"""Files of failures: what is read is what was saved, and damaged files are read as they are."""

from pathlib import Path

import pytest

from runner.jobs.failure_file import Failure, read_failure, save_failure


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
