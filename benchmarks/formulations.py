"""Comparisons of the published formulation of a model with ours, on the same weights and clips."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks.bench import TRAINING, Aims, Bench, Forward, classification_step
from benchmarks.timing import WARM_UP, Implementation, Pair, matmul_rate


class Formulations(NamedTuple):
    """Two formulations of a model.

    `published`, `ours`: functions that return the logits. `trained`: further variants of ours for training steps, by
    the ends of their names. `published_macs`, `our_macs`: multiply-adds of a forward pass of all clips.
    """

    name: str
    model: nn.Module
    published: Callable[[], Tensor]
    ours: Callable[[], Tensor]
    trained: Mapping[str, Callable[[], Tensor]]
    published_macs: float
    our_macs: float


def pairs(formulations: Formulations, bench: Bench, aims: Aims) -> Iterator[Pair]:
    """Comparisons of the forward pass and of the training step."""
    name, model, published, ours, trained, published_macs, our_macs = formulations
    for precision in bench.precisions:
        dtype = getattr(torch, precision)
        rate = matmul_rate(bench.device, dtype)
        forward = Forward(bench.device, dtype)
        step = classification_step(bench.device, dtype, model, bench.sizes.clips)
        difference = (forward(published) - forward(ours)).abs().max().item()
        for part, run, passes in (("forward", forward, 1), ("training step", step, TRAINING)):
            variants = {"": ours, **(trained if run is step else {})}
            yield from bench.compared(
                Implementation(partial(run, published), passes * published_macs),
                {
                    f"{name}, {part}{end}": Implementation(partial(run, variant), passes * our_macs)
                    for end, variant in variants.items()
                },
                precision=precision,
                difference=difference,
                rate=rate,
                aims=aims,
            )


def all_macs(published: float, ours: float, num_trained: int, bench: Bench) -> float:
    """Multiply-adds of all calls of a comparison, given those of the forward passes."""
    each = (1 + TRAINING) * (published + ours) + num_trained * TRAINING * ours
    return len(bench.precisions) * each * (WARM_UP + bench.sizes.repeats)
