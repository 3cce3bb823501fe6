"""All cases run at small sizes, and comparisons of a made-up case."""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmarks import compare, motionformer
from benchmarks.__main__ import CASES
from benchmarks.compare import (
    FORWARD,
    NUM_CLASSES,
    PARTS,
    STEP,
    Comparison,
    Pair,
    Sizes,
    classification_step,
    formulations,
    forward,
    measured,
    on_cpu,
    seconds_in_turns,
)
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.framewise.model import FramewiseViT
from models.msca.model import MSCA, TokenShift
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT, XViT
from runner.measure.memory import bytes_saved

CPU = torch.device("cpu")
SMALL = Sizes(depth=2, width=96, heads=12, frames=4, crop=64, clips=2, repeats=1)
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
SMALL_CASES = {name: case for name, case in CASES.items() if not name.startswith("sequences")}
SMALL_CASES["sequences-256"] = partial(motionformer.sequences, 256)


def pairs_of(comparison: Comparison, sizes: Sizes = SMALL, precision: str = "float32") -> list[Pair]:
    return list(measured(comparison, sizes, CPU, [precision], commit="abc", date="2026-01-02"))


@pytest.mark.parametrize("name", SMALL_CASES)
def test_every_case_runs_and_equal_computations_agree(name: str) -> None:
    for comparison in SMALL_CASES[name](SMALL, CPU):
        pairs = pairs_of(comparison)
        assert all(pair.name.split(",")[0].split(" ")[0] == name for pair in pairs)
        assert [pair.difference is None for pair in pairs] == [not comparison.is_equal] * len(comparison.parts)
        assert all(pair.difference is None or pair.difference < 1e-4 for pair in pairs)
        assert name != "selection" or [pair.difference for pair in pairs] == [0]


@pytest.mark.parametrize("name", ["joint", "trajectory", "divided", "xvit"])
def test_models_run_and_train_under_mixed_precision(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "matmul_rate", lambda device, dtype: 1e9)  # a minute where bfloat16 is not native
    for comparison in CASES[name](SMALL, CPU):
        for pair in pairs_of(comparison, precision="bfloat16"):
            assert pair.precision == "bfloat16" and pair.difference is not None and 0 < pair.difference < 1e-1


def test_every_case_is_committed_as_measured_on_a_cpu() -> None:
    pairs = [pair for file in RESULTS.glob("*cpu-2-cores.json") for pair in json.loads(file.read_text())["pairs"]]
    assert {pair["name"].partition(",")[0].partition(" ")[0] for pair in pairs} == set(CASES)


@pytest.mark.parametrize(
    "config",
    [
        TokenShift.Config(),
        MSCA.Config(),
        XViT.Config(),
        XViT.Config(attention=SpaceTimeMixing.Config(summary="patches")),
        TSMViT.Config(),
    ],
    ids=["tokenshift", "msca", "xvit", "summary", "tsm"],
)
def test_shifts_save_at_most_five_percent_more_at_the_papers_size(config: FramewiseViT.Config) -> None:
    size, target = ClipSize(8, 224, 224), ClassTarget(400)
    plain, shifted = (
        bytes_saved(each, size, target) for each in (FramewiseViT.Config(head=config.head, init=None), config)
    )
    assert plain <= shifted < 1.05 * plain


def one_class_at_a_time(model: nn.Linear, rows: Tensor) -> Tensor:
    pairs = zip(model.weight, model.bias, strict=True)
    return torch.stack([rows @ weight + bias for weight, bias in pairs], dim=1)  # (B, C)


def made_up(sizes: Sizes, device: torch.device) -> Comparison:
    """Linear classifier; the published formulation computes one class at a time."""
    torch.manual_seed(0)
    model, rows = nn.Linear(sizes.width, NUM_CLASSES), torch.randn(sizes.clips, sizes.width)
    published, ours = partial(one_class_at_a_time, model, rows), partial(model, rows)
    return formulations("made-up", model, published, ours, 1e6, on_cpu(1.5, 2.0))


def test_a_comparison_is_a_pair_for_each_part_with_its_own_aim() -> None:
    sizes = Sizes(clips=7, repeats=3)  # published sizes have any number of clips and turns
    assert sizes.are_published and not SMALL.are_published and not Sizes(frames=32).are_published
    forward_pair, step = pairs_of(made_up(sizes, CPU), sizes)
    assert (forward_pair.name, step.name) == tuple(f"made-up, {part}" for part in PARTS)
    assert all(len(pair.published) == len(pair.ours) == 3 and pair.clips == 7 for pair in (forward_pair, step))
    assert (forward_pair.aim, step.aim) == (1.5, 2.0)
    assert forward_pair.least_seconds and step.least_seconds == pytest.approx(3 * forward_pair.least_seconds)
    assert forward_pair.memory is None


def test_small_comparisons_have_no_aims_models_that_differ_no_difference_and_selections_one_part() -> None:
    differing = replace(made_up(SMALL, CPU), is_equal=False, parts=(STEP,))
    (pair,) = pairs_of(differing)
    assert (pair.name, pair.aim, pair.difference) == ("made-up, training step", None, None)
    selection = replace(made_up(SMALL, CPU), models=None, parts=(FORWARD,))
    assert [pair.name for pair in pairs_of(selection)] == ["made-up"]
    assert not pairs_of(selection, precision="bfloat16")


def test_computations_run_in_turns_and_the_first_calls_do_not_count() -> None:
    called: list[str] = []

    def call(name: str) -> Callable[[], None]:
        return lambda: called.append(name)

    taken = seconds_in_turns([call("published"), call("ours")], CPU, 2)
    assert called == (["published"] * 3 + ["ours"] * 3) * 2
    assert [len(turns) for turns in taken] == [2, 2]


def test_the_ratio_is_the_median_of_the_turns() -> None:
    (pair,) = pairs_of(replace(made_up(SMALL, CPU), parts=(FORWARD,)))
    pair = replace(pair, published=[3.0, 8.0, 4.0], ours=[1.0, 2.0, 2.0], least_seconds=0.5)
    assert (pair.ratios, pair.ratio, pair.bound) == ([3.0, 4.0, 2.0], 3.0, 8.0)


def test_a_training_step_trains_without_gradients_left_and_a_forward_pass_builds_no_graph() -> None:
    model, rows = nn.Linear(8, NUM_CLASSES), torch.randn(2, 8)
    before = model.weight.detach().clone()
    classification_step(model, 2, CPU, torch.float32)(lambda: model(rows))
    assert not torch.equal(model.weight, before)
    assert all(parameter.grad is None for parameter in model.parameters())
    logits = forward(partial(model, rows), CPU, torch.bfloat16)
    assert logits.dtype == torch.bfloat16 and not logits.requires_grad
