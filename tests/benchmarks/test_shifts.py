"""Comparisons of frame-wise models with the plain frame-wise ViT, and of X-ViT with its published formulation."""

import pytest
import torch

from benchmarks.bench import Bench, Sizes
from benchmarks.msca.cases import CASES as MSCA_CASES
from benchmarks.shifts import LEAST_RATIO, aims
from benchmarks.xvit.cases import CASES as XVIT_CASES
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.framewise.model import FramewiseViT
from models.msca.model import MSCA, TokenShift
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT, XViT
from runner.measure.measure import saved_per_item

SMALL = Sizes(depth=2, width=96, heads=12, frames=4, crop=64, clips=2, repeats=1)
CASES = {**MSCA_CASES, **XVIT_CASES}
SUMMARY = SpaceTimeMixing.Config(summary="patches")


def bench_of(done: list[float], precision: str = "float32") -> Bench:
    return Bench(sizes=SMALL, device=torch.device("cpu"), precisions=(precision,), advance=done.append)


@pytest.mark.parametrize("name", CASES)
def test_all_comparisons_run_and_progress_adds_up_to_their_macs(name: str) -> None:
    done: list[float] = []
    bench = bench_of(done)
    pairs = list(CASES[name].pairs(bench))
    if name == "xvit":
        assert [pair.name for pair in pairs] == ["xvit, forward", "xvit, training step"]
        assert all(pair.difference is not None and pair.difference < 1e-5 for pair in pairs)
    else:
        assert [pair.name for pair in pairs] == [f"{name} against ViT, forward", f"{name} against ViT, training step"]
        assert all(pair.difference is None and pair.published_saved and pair.ours_saved for pair in pairs)
        assert {pair.name for pair in pairs} == {what for _, what, _ in aims(name)} and LEAST_RATIO > 0.9
    assert sum(done) == pytest.approx(CASES[name].macs(bench))


def test_models_run_under_mixed_precision() -> None:
    pairs = list(CASES["xvit"].pairs(bench_of([], "bfloat16")))
    assert all(pair.difference is not None and 0 < pair.difference < 1e-1 for pair in pairs)


@pytest.mark.parametrize(
    "config",
    [TokenShift.Config(), MSCA.Config(), XViT.Config(), XViT.Config(attention=SUMMARY), TSMViT.Config()],
    ids=["tokenshift", "msca", "xvit", "summary", "tsm"],
)
def test_shifts_save_at_most_five_percent_more_at_the_papers_size(config: FramewiseViT.Config) -> None:

    size, target = ClipSize(8, 224, 224), ClassTarget(400)
    plain, shifted = (
        saved_per_item(each, size, target) for each in (FramewiseViT.Config(head=config.head, init=None), config)
    )
    assert plain <= shifted < 1.05 * plain
