"""Benchmark cases of CAST: against its published formulation."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from benchmarks.bench import Aims, Bench, Case, Sizes
from benchmarks.cast import reference
from benchmarks.formulations import Formulations, all_macs
from benchmarks.formulations import pairs as formulation_pairs
from benchmarks.shifts import TARGET, clip_size
from benchmarks.timing import Pair
from models.cast.expert import ExpertConfig
from models.cast.model import CAST

AIMS: Aims = {
    ("cpu", "cast, forward", "float32"): 1.3,
    ("cpu", "cast, training step", "float32"): 1.3,
}


def sized(sizes: Sizes) -> CAST.Config:
    """CAST with experts of the benchmark's size."""

    def expert(config: ExpertConfig) -> ExpertConfig:
        return replace(config, width=sizes.width, depth=sizes.depth, heads=sizes.heads)

    default = CAST.Config()
    return replace(default, spatial=expert(default.spatial), temporal=expert(default.temporal))


def equations(bench: Bench) -> Iterator[Pair]:
    """Comparisons of CAST with its published formulation."""
    size = clip_size(bench.sizes)
    torch.manual_seed(0)
    model = sized(bench.sizes).build(size, TARGET).to(bench.device).eval()  # without stochastic depth
    for parameter in model.parameters():  # so that no branch is zero
        if parameter.requires_grad:
            torch.nn.init.trunc_normal_(parameter, std=0.02)
    (clips,) = size.example(bench.sizes.clips, bench.device)
    published, ours = macs(bench)
    compared = Formulations(
        "cast", model, partial(reference.logits, clips, model), partial(model, clips), {}, published, ours
    )
    yield from formulation_pairs(compared, bench, AIMS)


def macs(bench: Bench) -> tuple[float, float]:
    """Multiply-adds of a forward pass of all clips, published and ours."""
    config, size = sized(bench.sizes), clip_size(bench.sizes)
    return bench.sizes.clips * config.macs(size, TARGET), bench.sizes.clips * config.executed_macs(size, TARGET)


CASES = {"cast": Case(equations, lambda bench: all_macs(*macs(bench), 0, bench))}
