"""Comparisons in sequence, each in its own process.

In one process, the heap of a comparison would affect the next. A large tensor that fits into freed memory needs no new
pages, and the published formulation then takes up to a third less CPU time. New processes start from the same state.
"""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch

from benchmarks.bench import Bench
from benchmarks.cases import CASES
from benchmarks.timing import Pair


def pairs_in_isolation(bench: Bench, names: list[str]) -> Iterator[Pair]:
    """Pairs of the cases of these names.

    Raises:
        OSError: if a process ends early, e.g. because the system is out of memory.
    """
    context = get_context("spawn")
    for name in names:
        receiver, sender = context.Pipe(duplex=False)
        # Progress is sent through the pipe, because a progress bar cannot be sent to a process.
        sendable = replace(bench, advance=float)
        process = context.Process(target=send, args=(sender, sendable, name, torch.get_num_threads()))
        process.start()
        sender.close()
        try:
            yield from received(receiver.recv, bench)
        except EOFError:
            process.join()
            raise OSError(f"{name}: the process that measured it ended with code {process.exitcode}") from None
        finally:
            process.terminate()
            process.join()


def received(receive: Callable[[], object], bench: Bench) -> Iterator[Pair]:
    """Pairs received from a pipe, until it sends None. Progress is passed on to `bench`.

    Raises:
        Exception: an error of the process, which it sends.
    """
    while (message := receive()) is not None:
        match message:
            case int() | float():
                bench.advance(message)
            case Pair():
                yield message
            case Exception():
                raise message


def send(pipe: Connection, bench: Bench, name: str, threads: int) -> None:
    """Measure in this process and send progress, pairs and an error, or None at the end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent process handles it and ends this process
    torch.set_num_threads(threads)
    try:
        for pair in CASES[name].pairs(replace(bench, advance=pipe.send)):
            pipe.send(pair)
    except BrokenPipeError:
        return  # the parent process has ended
    except Exception as error:
        pipe.send(error)
    else:
        pipe.send(None)
