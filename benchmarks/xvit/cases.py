"""Benchmark cases of X-ViT: against its published formulation, and its cost relative to the frame-wise ViT."""

from collections.abc import Iterator

import torch

from benchmarks import shifts
from benchmarks.bench import Aims, Bench, Case
from benchmarks.formulations import Formulations, all_macs
from benchmarks.formulations import pairs as formulation_pairs
from benchmarks.shifts import TARGET, clip_size, sized
from benchmarks.timing import Pair
from benchmarks.xvit import reference
from models.framewise.model import FramewiseViT
from models.xvit.mixing import SpaceTimeMixing
from models.xvit.model import TSMViT, XViT

AIMS: Aims = {
    ("cpu", "xvit, forward", "float32"): 1.0,
    ("cpu", "xvit, training step", "float32"): 1.0,
}


def equations(bench: Bench) -> Iterator[Pair]:
    """Comparisons of X-ViT with its published formulation."""
    sizes, size = bench.sizes, clip_size(bench.sizes)
    torch.manual_seed(0)
    model = sized(XViT.Config(), sizes).build(size, TARGET).to(bench.device).eval()  # without dropout
    assert isinstance(model, FramewiseViT)
    (clips,) = size.example(sizes.clips, bench.device)
    published, ours = macs(bench)
    yield from formulation_pairs(
        Formulations("xvit", model, lambda: reference.logits(clips, model), lambda: model(clips), {}, published, ours),
        bench,
        AIMS,
    )


def macs(bench: Bench) -> tuple[float, float]:
    """Multiply-adds of a forward pass of all clips, published and ours."""
    config, size = sized(XViT.Config(), bench.sizes), clip_size(bench.sizes)
    return bench.sizes.clips * config.macs(size, TARGET), bench.sizes.clips * config.executed_macs(size, TARGET)


CASES = {
    "xvit": Case(equations, lambda bench: all_macs(*macs(bench), 0, bench)),
    **shifts.cases(
        {
            "xvit-mixing": XViT.Config(),
            "xvit-summary": XViT.Config(attention=SpaceTimeMixing.Config(summary="patches")),
            "tsm-vit": TSMViT.Config(),
        }
    ),
}
