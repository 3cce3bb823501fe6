import multiprocessing
import os

import pytest
import torch

from benchmarks.cases import Bench, Sizes
from benchmarks.fresh import pairs_of_fresh_processes, send

SMALL = Sizes(depth=2, width=32, heads=2, frames=4, crop=64, repeats=1)


def bench(done: list[float], sizes: Sizes = SMALL) -> Bench:
    return Bench(sizes=sizes, device=torch.device("cpu"), precisions=("float32",), advance=done.append)


def test_pairs_and_progress_come_from_other_processes() -> None:
    done: list[float] = []
    names = ["selection", "joint"]
    pairs = list(pairs_of_fresh_processes(bench(done), names))
    assert [pair.name for pair in pairs] == [pair.name for pair in bench([]).pairs(names)]
    assert sum(done) == pytest.approx(bench([]).macs(names))


def test_an_error_over_there_is_raised_here() -> None:
    with pytest.raises(ValueError, match="width 33 does not divide into 2 heads"):
        list(pairs_of_fresh_processes(bench([], Sizes(depth=2, width=33, heads=2, frames=4, crop=64)), ["joint"]))


def test_a_process_that_dies_is_named() -> None:
    dying = Bench(sizes=SMALL, device=torch.device("cpu"), precisions=(Dying(),), advance=float)
    with pytest.raises(OSError, match="joint: the process that measured it ended with code 9"):
        list(pairs_of_fresh_processes(dying, ["joint"]))


def test_a_process_for_which_nobody_waits_ends_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    here, there = multiprocessing.Pipe(duplex=False)
    here.close()
    send(there, bench([]), "selection", torch.get_num_threads())  # pyright: ignore[reportArgumentType]: Windows has another


class Dying(str):
    """Ends the process that it is sent to."""

    def __reduce__(self):  # noqa: ANN204
        return os._exit, (9,)
