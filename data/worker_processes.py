"""Pools of worker processes, which leave Ctrl-C to the process that made them, and end with it."""

import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def worker_pool(
    workers: int, prepare: Callable[..., object] | None = None, *arguments: object
) -> Iterator[ProcessPoolExecutor]:
    """Pool of processes. What is not started at the end of the block is cancelled.

    Args:
        workers: number of processes.
        prepare: function that each process calls first, with the arguments.
    """
    # Forked processes have the memory of this one, and do not import the main module again.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (os.getpid(), prepare, arguments))
    try:
        with ctrl_c_later():
            pool.submit(os.getpid)  # starts the processes
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def ctrl_c_later() -> Iterator[None]:
    """Hold Ctrl-C back from this thread until the end of the block, and from processes that are started in it."""
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


def _start(parent: int, prepare: Callable[..., object] | None, arguments: tuple[object, ...]) -> None:
    exit_with_parent(parent)
    if prepare is not None:
        prepare(*arguments)


def exit_with_parent(parent: int) -> None:
    """Ignore Ctrl-C, which the parent handles, and exit as soon as the parent process has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
