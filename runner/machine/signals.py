"""Signals that stop a run: how a training notices them after a step, and how a command does at once."""

import contextlib
import math
import os
import signal
import time
from collections.abc import Iterator
from types import FrameType

from data.worker_processes import STOP_SIGNALS

SECONDS_OF_ONE_STOP = 10.0  # signals within them are one: SLURM and the launcher both send them to a process


class Stopped(BaseException):
    """The run stops because of a signal. The checkpoint has been written."""

    def __init__(self, signal_number: int) -> None:
        super().__init__(signal_number)
        self.signal_number = signal_number


class StopRequest:
    """Stop request by a signal. The run stops after the current step; another signal later stops it immediately.

    The exit code is that of the first signal: SLURM ends a job whose time is over with another one.
    """

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.received_at = math.inf
        self.parent = os.getppid()
        self.install_handlers()

    def install_handlers(self) -> None:
        """Install the handlers, also in place of Lightning's: on SIGTERM it stops at once, without a checkpoint."""
        for number in STOP_SIGNALS:
            signal.signal(number, self._handle)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number is None:
            self.signal_number, self.received_at = number, time.monotonic()
        elif time.monotonic() - self.received_at > SECONDS_OF_ONE_STOP:
            raise Stopped(self.signal_number)

    @property
    def pending(self) -> int | None:
        """Number of the signal received, or None. The end of the parent process counts as SIGTERM."""
        if self.signal_number is None and os.getppid() != self.parent:
            self.signal_number = signal.SIGTERM
        return self.signal_number


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Raise KeyboardInterrupt in the block on the signals that stop a run."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt(number)

    previous = {number: signal.signal(number, interrupt) for number in STOP_SIGNALS[1:]}  # Ctrl-C does so anyway
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
