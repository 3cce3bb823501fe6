"""Benchmark cases of CAST: against its published formulation, as a whole and part by part.

B batch, N tokens, D width, C classes.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor

from benchmarks.bench import NUM_CLASSES, Aims, Bench, Case, Sizes
from benchmarks.cast import reference
from benchmarks.formulations import Formulations, all_macs
from benchmarks.formulations import pairs as formulation_pairs
from benchmarks.shifts import TARGET, clip_size
from benchmarks.timing import Pair
from models.cast.bottleneck import BottleneckExchange
from models.cast.expert import ExpertConfig
from models.cast.model import CAST

PARTS = ("spatial attention", "temporal attention", "exchange")
AIMS: Aims = {
    ("cpu", "cast, forward", "float32"): 1.3,
    ("cpu", "cast, training step", "float32"): 1.3,
    **{
        ("cpu", f"cast-parts {part}, {step}", "float32"): 1.0 for part in PARTS for step in ("forward", "training step")
    },
}


def sized(sizes: Sizes) -> CAST.Config:
    """CAST with experts of the benchmark's size."""

    def expert(config: ExpertConfig) -> ExpertConfig:
        return replace(config, width=sizes.width, depth=sizes.depth, heads=sizes.heads)

    default = CAST.Config()
    return replace(default, spatial=expert(default.spatial), temporal=expert(default.temporal))


def built(bench: Bench) -> CAST:
    """CAST with random weights, none of whose branches is zero, and without stochastic depth."""
    torch.manual_seed(0)
    model = sized(bench.sizes).build(clip_size(bench.sizes), TARGET).to(bench.device).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:
            torch.nn.init.trunc_normal_(parameter, std=0.02)
    return model


def whole(bench: Bench) -> Iterator[Pair]:
    """Comparisons of CAST with its published formulation."""
    model = built(bench)
    (clips,) = clip_size(bench.sizes).example(bench.sizes.clips, bench.device)
    compared = Formulations(
        "cast", model, partial(reference.logits, clips, model), partial(model, clips), {}, *macs(bench)
    )
    yield from formulation_pairs(compared, bench, AIMS)


def parts(bench: Bench) -> Iterator[Pair]:
    """Comparisons of the parts of a block with attention: within each expert, and between the experts."""
    model = built(bench)
    (clips,) = clip_size(bench.sizes).example(bench.sizes.clips, bench.device)
    with torch.no_grad():
        s, t = model.spatial.embedded(clips), model.temporal.embedded(clips)
    s.requires_grad_()
    t.requires_grad_()
    exchange = model.exchanges["0"]
    assert isinstance(exchange, BottleneckExchange)
    formulations: dict[str, tuple[Callable[[], Tensor], Callable[[], Tensor]]] = {
        "spatial attention": (
            lambda: reference.attended(0, s, model.spatial),
            lambda: model.spatial.attend(0, s),
        ),
        "temporal attention": (
            lambda: reference.attended(0, t, model.temporal),
            lambda: model.temporal.attend(0, t),
        ),
        "exchange": (
            lambda: torch.cat([x.flatten(0, 1) for x in reference.exchanged(s, t, exchange)]),
            lambda: torch.cat([(x + y).flatten(0, 1) for x, y in zip((s, t), exchange(s, t), strict=True)]),
        ),
    }
    for part, (published, ours) in formulations.items():
        count = part_macs(bench)[part]
        theirs, own = (partial(pooled, formulation, bench.sizes.clips) for formulation in (published, ours))
        compared = Formulations(f"cast-parts {part}", model, theirs, own, {}, count, count)
        yield from formulation_pairs(compared, bench, AIMS)


def pooled(tokens: Callable[[], Tensor], num_clips: int) -> Tensor:
    """Stand-in for logits (B, C): the mean of all tokens (..., D), for each clip."""
    return tokens().flatten(0, -2).mean(0)[:NUM_CLASSES].expand(num_clips, -1)


def macs(bench: Bench) -> tuple[float, float]:
    """Multiply-adds of a forward pass of all clips, published and ours."""
    config, size = sized(bench.sizes), clip_size(bench.sizes)
    return bench.sizes.clips * config.macs(size, TARGET), bench.sizes.clips * config.executed_macs(size, TARGET)


def part_macs(bench: Bench) -> dict[str, float]:
    """Multiply-adds of a forward pass of each part of a block, for all clips."""
    config, size = sized(bench.sizes), clip_size(bench.sizes)
    streams, D = config.streams(size), config.spatial.width
    assert config.adapters is not None and config.exchange is not None
    adapter = config.adapters.macs(D)
    attention = [
        expert.attention_macs(layout.num_tokens, layout.num_connected) + layout.num_tokens * adapter
        for expert, layout in ((config.spatial, streams.spatial), (config.temporal, streams.temporal))
    ]
    return dict(
        zip(PARTS, (bench.sizes.clips * each for each in (*attention, config.exchange.macs(streams))), strict=True)
    )


def macs_of_parts(bench: Bench) -> float:
    return sum(all_macs(each, each, 0, bench) for each in part_macs(bench).values())


CASES = {
    "cast": Case(whole, lambda bench: all_macs(*macs(bench), 0, bench)),
    "cast-parts": Case(parts, macs_of_parts),
}
