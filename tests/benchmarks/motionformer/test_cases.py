import pytest
import torch

from benchmarks.bench import Bench, Sizes
from benchmarks.motionformer.cases import (
    AIMS,
    ATTENTIONS,
    CASES,
    model_macs,
    num_candidates,
    num_prototypes,
    selection_macs,
)
from benchmarks.timing import Pair

SMALL = Sizes(depth=2, width=32, heads=2, frames=4, crop=64, clips=2, repeats=1)
CPU = torch.device("cpu")


def pairs_of(bench: Bench, *names: str) -> list[Pair]:
    return [pair for name in names for pair in CASES[name].pairs(bench)]


def test_all_comparisons_run_and_progress_adds_up_to_their_macs() -> None:
    done: list[float] = []
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=done.append)
    pairs = pairs_of(bench, *CASES)
    names = [pair.name for pair in pairs]
    assert names == [
        "selection from all candidates",
        "selection from 4 R candidates",
        "trajectory, forward",
        "trajectory, training step",
        "trajectory, training step, recomputed",
        "trajectory-projected, forward",
        "trajectory-projected, training step",
        "trajectory-projected, training step, recomputed",
        "joint, forward",
        "joint, training step",
        "divided, forward",
        "divided, training step",
    ]
    assert {what for _, what, _ in AIMS} <= set(names)
    assert all(pair.difference is not None and pair.difference < 1e-4 for pair in pairs)
    assert sum(done) == pytest.approx(sum(case.macs(bench) for case in CASES.values()))


@pytest.mark.parametrize("name", ATTENTIONS)
def test_models_run_and_train_under_mixed_precision(name: str) -> None:
    bench = Bench(sizes=SMALL, device=CPU, precisions=("bfloat16",), advance=lambda macs: None)
    pairs = pairs_of(bench, name)
    assert {pair.precision for pair in pairs} == {"bfloat16"}
    assert all(pair.difference is not None and 0 < pair.difference < 1e-2 for pair in pairs)


def test_selections_are_identical() -> None:
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=lambda macs: None)
    assert [pair.difference for pair in pairs_of(bench, "selection")] == [0, 0]


def test_small_comparisons_have_no_targets() -> None:
    bench = Bench(sizes=SMALL, device=CPU, precisions=("float32",), advance=lambda macs: None)
    assert [pair.aim for pair in pairs_of(bench, "joint")] == [None, None]


def test_multiply_adds_are_those_of_all_clips() -> None:
    one, two = (model_macs(Sizes(clips=clips), "trajectory") for clips in (1, 2))
    assert two == (2 * one[0], 2 * one[1])
    assert one[0] / 1e9 == pytest.approx(369.5, abs=0.1) and one[1] < 0.52 * one[0]
    assert selection_macs(Sizes(clips=2), 512) == 2 * 128 * 512 * 768


@pytest.mark.parametrize(
    ("sizes", "prototypes", "candidates"),
    [
        (Sizes(), 128, {"all": 1568, "4 R": 512}),
        (Sizes(frames=4, crop=64), 16, {"all": 32, "4 R": 32}),
        (Sizes(frames=32, crop=64), 16, {"all": 256, "4 R": 64}),
    ],
    ids=["paper", "short", "small"],
)
def test_prototypes_are_selected_from_all_tokens_and_from_four_times_their_number(
    sizes: Sizes, prototypes: int, candidates: dict[str, int]
) -> None:
    assert num_prototypes(sizes) == prototypes
    assert num_candidates(sizes) == candidates
