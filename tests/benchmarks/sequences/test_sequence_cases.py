"""Benchmark cases of token sequences."""

import torch

from benchmarks.bench import Bench, Sizes
from benchmarks.sequences import cases
from benchmarks.sequences.cases import CASES, LENGTHS, OURS, all_macs, pairs


def bench(done: list[float]) -> Bench:
    return Bench(
        sizes=Sizes(clips=1, repeats=1), device=torch.device("cpu"), precisions=("float32",), advance=done.append
    )


def test_each_attention_is_timed_and_its_saved_bytes_are_counted() -> None:
    done: list[float] = []
    found = list(pairs(256, bench(done)))
    assert [pair.name for pair in found] == [f"sequences-256 {name}, training step" for name in OURS]
    assert all(pair.length == 256 and pair.ours_saved and pair.published_saved for pair in found)
    assert sum(done) == all_macs(256, bench([]))


def test_a_case_is_a_length() -> None:
    assert list(CASES) == [f"sequences-{length}" for length in LENGTHS] == [cases.case_name(n) for n in LENGTHS]
