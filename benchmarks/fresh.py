"""Comparisons one after another, each in a process of its own.

What one leaves in the heap changes the next: a large tensor that fits into memory which was freed there costs no fresh
pages, and the published formulation then takes up to a third less CPU time. So each starts from the same state.
"""

import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection

import torch

from benchmarks.cases import Bench
from benchmarks.timing import Pair


def pairs_of_fresh_processes(bench: Bench, names: list[str]) -> Iterator[Pair]:
    """What `bench.pairs(names)` gives.

    Raises:
        OSError: where a process ended before it was done, as when the system ran out of memory.
    """
    context = get_context("spawn")
    for name in names:
        here, there = context.Pipe(duplex=False)
        # Its progress is told through the pipe: nothing that draws a bar can be sent to a process.
        silent = replace(bench, advance=float)
        process = context.Process(target=send, args=(there, silent, name, torch.get_num_threads()))
        process.start()
        there.close()
        try:
            yield from received(here.recv, bench)
        except EOFError:
            process.join()
            raise OSError(f"{name}: the process that measured it ended with code {process.exitcode}") from None
        finally:
            process.terminate()
            process.join()


def received(receive: Callable[[], object], bench: Bench) -> Iterator[Pair]:
    """The pairs that come through a pipe, until None or an error does; progress is passed on."""
    while (message := receive()) is not None:
        match message:
            case int() | float():
                bench.advance(message)
            case Pair():
                yield message
            case Exception():
                raise message


def send(pipe: Connection, bench: Bench, name: str, threads: int) -> None:
    """Measure in this process and send what comes of it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who waits for the pairs is interrupted, and ends this process
    torch.set_num_threads(threads)
    try:
        for pair in replace(bench, advance=pipe.send).pairs([name]):
            pipe.send(pair)
    except BrokenPipeError:
        return  # nobody waits any more
    except Exception as error:
        pipe.send(error)
    else:
        pipe.send(None)
