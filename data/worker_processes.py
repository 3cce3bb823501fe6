"""Cores that may be used, and pools of worker processes, which leave Ctrl-C to their parent and end with it."""

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

CONTROL_GROUPS, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def available_cores() -> int:
    """Number of cores that this process may use: those it is bound to, or fewer by the CPU quota of a container."""
    # Linux alone says to which cores a process is bound.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min([cores, *cpu_quotas()])


def cpu_quotas() -> Iterator[int]:
    """CPU quotas, in cores rounded up, of this process's control groups of both versions and of those above them."""

    def text(*files: Path) -> str:
        return " ".join(file.read_text() for file in files if file.is_file())

    paths = {PurePosixPath(line.split(":", 2)[2].lstrip("/")) for line in text(OWN_GROUPS).splitlines()}
    for group in {group for path in paths for group in (path, *path.parents)}:
        first, second = CONTROL_GROUPS / "cpu" / group, CONTROL_GROUPS / group
        for limit in (text(first / "cpu.cfs_quota_us", first / "cpu.cfs_period_us"), text(second / "cpu.max")):
            match limit.split():
                case [quota, period] if quota.isdigit():  # no quota is -1 in version 1, and max in version 2
                    yield math.ceil(int(quota) / int(period))


# Signals that end a run after its current step: Ctrl-C, and what clusters send before they end a job.
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)


@contextmanager
def worker_pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """Pool of this number of processes. What is not started at the end of the block is cancelled."""
    # Forked processes have the memory of this one, and do not import the main module again.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(workers, context, exit_with_parent, (os.getpid(),))
    try:
        with signals_later(signal.SIGINT):
            pool.submit(os.getpid)  # starts the processes
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def signals_later(*numbers: signal.Signals) -> Iterator[None]:
    """Hold signals back from this thread until the end of the block, and for good from processes started in it."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def exit_with_parent(parent: int) -> None:
    """Ignore Ctrl-C, which the parent handles, and exit as soon as the parent process has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
