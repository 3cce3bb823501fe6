import multiprocessing
import os

import pytest
import torch

from benchmarks.bench import Bench, Sizes
from benchmarks.cases import CASES
from benchmarks.isolated import pairs_in_isolation, send

SMALL = Sizes(depth=2, width=32, heads=2, frames=4, crop=64, repeats=1)


def bench(done: list[float], sizes: Sizes = SMALL) -> Bench:
    return Bench(sizes=sizes, device=torch.device("cpu"), precisions=("float32",), advance=done.append)


def test_pairs_and_progress_come_from_other_processes() -> None:
    done: list[float] = []
    names = ["selection", "joint"]
    pairs = list(pairs_in_isolation(bench(done), names))
    assert [pair.name for pair in pairs] == [pair.name for name in names for pair in CASES[name].pairs(bench([]))]
    assert sum(done) == pytest.approx(sum(CASES[name].macs(bench([])) for name in names))


def test_an_error_in_the_process_is_raised_in_the_parent() -> None:
    with pytest.raises(ValueError, match=r"^model\.width is 33; it does not divide into 2 heads$"):
        list(pairs_in_isolation(bench([], Sizes(depth=2, width=33, heads=2, frames=4, crop=64)), ["joint"]))


def test_a_process_that_dies_is_named() -> None:
    dying = Bench(sizes=SMALL, device=torch.device("cpu"), precisions=(Dying(),), advance=float)
    with pytest.raises(OSError, match="joint: the process that measured it ended with code 9"):
        list(pairs_in_isolation(dying, ["joint"]))


def test_a_process_whose_parent_has_ended_ends_silently(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    here, there = multiprocessing.Pipe(duplex=False)
    here.close()
    send(there, bench([]), "selection", torch.get_num_threads())  # pyright: ignore[reportArgumentType]: Windows has another


class Dying(str):
    """String whose unpickling ends the process."""

    def __reduce__(self):  # noqa: ANN204
        return os._exit, (9,)
