"""Two processes on CPUs that share a run, as those of two devices do."""

import multiprocessing
import os
import socket
from collections.abc import Callable, Sequence

import pytest
import torch

FORKED = pytest.mark.skipif(torch.cuda.is_available(), reason="a process that uses CUDA cannot be forked")
SECONDS = 60


def exit_codes(execute: Callable[[int], object]) -> Sequence[int | None]:
    """Exit codes of two processes that execute a function of their rank; None for one that did not end in time.

    They are forked, because to import the libraries again takes seconds.
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
