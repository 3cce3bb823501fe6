"""Runs carried out in the process of a test, or in forked ones: to import the libraries again takes seconds."""

import contextlib
import io
import multiprocessing
import os
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

import pytest
import torch

from experiments.spec.run import RunConfig
from runner.jobs import run_process
from runner.jobs.run_server import ForkedProcess, RunServer
from runner.machine.request import Request
from runner.machine.resources import Resources
from runner.machine.signals import StopRequest

ONE_THREAD = Resources(threads=1)
SECONDS = 60
FORKED = pytest.mark.skipif(torch.cuda.is_available(), reason="a process that uses CUDA cannot be forked")


def train_here(run: RunConfig, runs: Path, resources: Resources = ONE_THREAD) -> int:
    """Train and test a run in this process, of which the signal handlers are kept; returns the exit code."""
    file = runs / "request.json"
    Request(run=run, resources=resources, runs=runs).save(file)
    return start_here(file)


def start_here(file: Path) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StopRequest, "install_handlers", lambda _: None)
        return run_process.main([str(file)])


class Process:
    """What a launcher sees of a process: one that has ended when it starts."""

    def __init__(self, request: Path, log: IO[bytes], *_: object) -> None:
        text = io.TextIOWrapper(log, write_through=True)
        with contextlib.redirect_stdout(text), contextlib.redirect_stderr(text):
            self.returncode = start_here(request)
        text.detach()

    def poll(self) -> int:
        return self.returncode


def forked(server: RunServer, run: RunConfig, runs: Path, resources: Resources = ONE_THREAD) -> ForkedProcess:
    """Process of a run, which a server forks. Its log is beside the folders of the runs."""
    Request(run=run, resources=resources, runs=runs).save(runs / "request.json")
    with (runs / "log.txt").open("ab") as log:
        return server.start(runs / "request.json", log, dict(os.environ))


def until(condition: Callable[[], bool], process: ForkedProcess, runs: Path) -> None:
    """Wait for a condition while a process runs."""
    deadline = time.monotonic() + 240
    while not condition():
        assert process.poll() is None, (runs / "log.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def exit_codes(execute: Callable[[int], object]) -> Sequence[int | None]:
    """Exit codes of two forked processes that execute a function of their rank; None for one that did not end in time.

    They share a run on CPUs, as those of two devices do.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def execute_rank(rank: int) -> None:
        os.environ.update(LOCAL_RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
        execute(rank)

    processes = [multiprocessing.get_context("fork").Process(target=execute_rank, args=(rank,)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(timeout=SECONDS)
    codes = [process.exitcode for process in processes]
    for process in processes:
        process.kill()
    return codes
