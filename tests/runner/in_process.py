"""Jobs of the launcher, carried out in the process of a test: to import the libraries again takes seconds."""

import contextlib
import io
from typing import IO

import pytest

from runner.jobs import run_process
from runner.machine.signals import StopRequest

TRAIN = "runner.jobs.run_process"


def train_here(arguments: list[str]) -> int:
    """Train and test a run in this process, of which the signal handlers are kept; returns the exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopRequest, "install_handlers", lambda _: None)
        return run_process.main(arguments)


class Process:
    """What a launcher sees of a process: one that has ended when it starts."""

    def __init__(self, command: list[str], log: IO[bytes], environment: dict[str, str]) -> None:
        text = io.TextIOWrapper(log, write_through=True)
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            self.returncode = train_here(command[command.index(TRAIN) + 1 :])
        text.detach()

    def poll(self) -> int:
        return self.returncode
