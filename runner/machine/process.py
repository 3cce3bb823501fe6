"""Exit codes and log prefixes by which the process of a run reports to the launcher, and how it is stopped."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence

from data.worker_processes import STOP_SIGNALS

ERROR_PREFIX = "error: "  # of the last line that a failed process prints
NOTE_PREFIX = "note: "  # of lines that the launcher shows to the user
PROGRESS_PREFIX = "progress: "  # of lines that the launcher shows where it draws no bars
CLAIMED_ELSEWHERE = 75  # exit code if another process has locked the run
OUT_OF_MEMORY = 76  # exit code if the memory of a device is exhausted, and a new process goes on with a smaller batch
SECONDS_OF_ONE_STOP = 10.0  # signals within them are one: SLURM and the launcher both send them to a process


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


def stop(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Stop processes of runs, which write their checkpoints. A later signal to this process kills them."""
    alive, began = [process for process in processes if process.poll() is None], time.monotonic()
    signalled = 0
    while True:
        try:
            for process in alive[signalled:]:
                process.send_signal(signal.SIGTERM)
                signalled += 1
            for process in alive:
                process.wait()
            return
        except KeyboardInterrupt:
            if time.monotonic() - began > SECONDS_OF_ONE_STOP:
                for process in alive:
                    with contextlib.suppress(ProcessLookupError):  # it has already ended
                        os.killpg(process.pid, signal.SIGKILL)
                raise
