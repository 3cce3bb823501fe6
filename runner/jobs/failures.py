"""Failures of runs: the file with the reason and the exit code, and what the log or the exit code says without it."""

import contextlib
import re
import signal
from pathlib import Path
from typing import NamedTuple

from runner.machine.files import REMEDY, free_bytes, write_atomically
from runner.machine.messages import ERROR_PREFIX, one_line
from runner.store.run_directory import RunDirectory

FULL = 100_000  # bytes: the disk of a run with fewer free ones counts as full


class Failure(NamedTuple):
    """Reason of a failure in one line, and the exit code of the process that failed first."""

    reason: str
    exit_code: int


def save_failure(path: Path, failure: Failure) -> None:
    write_atomically(path, f"{failure.reason}\nexit code {failure.exit_code}\n")


def read_failure(path: Path) -> Failure | None:
    """Failure in a file; None if there is no file. Without an exit code in the file, it is 1."""
    try:
        text = path.read_text(errors="replace")
    except FileNotFoundError:
        return None
    code = re.search(r"\nexit code (\d{1,3})\n$", text)
    return Failure(one_line(text), 1) if code is None else Failure(one_line(text[: code.start()]), int(code[1]))


def failure_of(directory: RunDirectory, code: int) -> Failure:
    """Failure of a run whose process has ended: from its file, the last error in its log, or the exit code.

    The file names the process that failed first, also where it has ended this one. On a full disk, it cannot be
    written. A killed process (negative code) prints no error.
    """
    with contextlib.suppress(OSError):
        if (failure := read_failure(directory.failure)) is not None:
            return failure
        lines = directory.log.read_text(errors="replace").splitlines() if code > 0 else []
        errors = [line.removeprefix(ERROR_PREFIX) for line in lines if line.startswith(ERROR_PREFIX)]
        if errors:
            return Failure(one_line(errors[-1]), code)
    if free_bytes(directory.path) < FULL:
        return Failure(f"the disk of {directory.path} is full; free space there or {REMEDY}", code)
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may be out of memory" if name == "SIGKILL" else ""
        return Failure(f"the process was ended by {name}{hint}; run the same command again to go on", code)
    return Failure(f"the process ended with exit code {code}", code)
