"""Texts about jobs: headline metrics, new lines of a log, and the reason of a failure."""

import contextlib
import signal
from pathlib import Path

from experiments.spec.run import RunConfig
from runner.jobs.failure_file import Failure, read_failure
from runner.machine.disk_space import free_bytes
from runner.machine.files import REMEDY
from runner.machine.messages import ERROR_PREFIX, one_line
from runner.store.run_directory import RunDirectory

FULL = 100_000  # bytes: the disk of a run with fewer free ones counts as full


def headline_text(run: RunConfig, metrics: dict) -> str:
    """Headline metrics of a test as text, in percent with one decimal."""
    objective = run.objective
    return ", ".join(f"{name} {metrics[name]:.1f}" for name in objective.metrics[: objective.num_headlines])


def new_lines(log: Path, position: int) -> tuple[list[str], int]:
    """Complete lines of a log from a position on, and the position after them."""
    try:
        with log.open("rb") as file:
            file.seek(position)
            content = file.read()
    except OSError:
        return [], position
    whole = content[: content.rfind(b"\n") + 1]
    return whole.decode(errors="replace").splitlines(), position + len(whole)


def failure_of(directory: RunDirectory, code: int) -> Failure | None:
    """Failure of a run, from its failure file or the last error in its log; None if neither contains any.

    The file names the process that failed first, also where it has ended this one. On a full disk, it cannot be written.
    A killed process (negative code) prints no error.
    """
    with contextlib.suppress(OSError):
        if (failure := read_failure(directory.failure)) is not None:
            return failure
        lines = directory.log.read_text(errors="replace").splitlines() if code > 0 else []
        errors = [line.removeprefix(ERROR_PREFIX) for line in lines if line.startswith(ERROR_PREFIX)]
        return Failure(one_line(errors[-1]), code) if errors else None
    return None


def exit_reason(code: int, folder: Path) -> str:
    """What the exit code of a process says, with the remedy.

    Args:
        folder: folder of the process's files. On a full disk, the process can write no reason.
    """
    if free_bytes(folder) < FULL:
        return f"the disk of {folder} is full; free space there or {REMEDY}"
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may be out of memory" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{hint}; run the same command again to go on"
    return f"the process ended with exit code {code}"
