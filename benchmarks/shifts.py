"""Comparisons of frame-wise models whose frames are connected by shifts with the plain frame-wise ViT."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import torch

from benchmarks.bench import NUM_CLASSES, TRAINING, Aims, Bench, Case, Forward, Sizes, classification_step
from benchmarks.timing import WARM_UP, Implementation, Pair, matmul_rate
from interface.sizes import ClipSize
from interface.targets import ClassTarget
from models.framewise.model import FramewiseViT
from runner.measure.measure import saved_per_item

TARGET = ClassTarget(NUM_CLASSES)
LEAST_RATIO = 1 / 1.1  # a shift costs at most a tenth
PARTS = {"forward": 1, "training step": TRAINING}


def clip_size(sizes: Sizes) -> ClipSize:
    return ClipSize(sizes.frames, sizes.crop, sizes.crop)


def sized(config: FramewiseViT.Config, sizes: Sizes) -> FramewiseViT.Config:
    return replace(config, width=sizes.width, depth=sizes.depth, heads=sizes.heads, init=None)


def pair_name(name: str, part: str) -> str:
    return f"{name} against ViT, {part}"


def pairs(name: str, config: FramewiseViT.Config, bench: Bench) -> Iterator[Pair]:
    """Comparisons of the forward pass and the training step of a model with those of the plain ViT with its head."""
    sizes, device, size = bench.sizes, bench.device, clip_size(bench.sizes)
    configs = [sized(FramewiseViT.Config(head=config.head), sizes), sized(config, sizes)]
    torch.manual_seed(0)
    models = [each.build(size, TARGET).to(device) for each in configs]
    macs = [sizes.clips * each.executed_macs(size, TARGET) for each in configs]
    plain_saved, saved = (saved_per_item(each, size, TARGET) for each in configs)
    (clips,) = size.example(sizes.clips, device)
    for precision in bench.precisions:
        dtype = getattr(torch, precision)
        for part, passes in PARTS.items():
            plain, ours = (
                Implementation(
                    partial(
                        Forward(device, dtype)
                        if part == "forward"
                        else classification_step(device, dtype, model, sizes.clips),
                        partial(model, clips),
                    ),
                    passes * count,
                )
                for model, count in zip(models, macs, strict=True)
            )
            yield from bench.compared(
                plain,
                {pair_name(name, part): ours},
                precision=precision,
                difference=None,
                rate=matmul_rate(device, dtype),
                aims=aims(name),
                saved=(plain_saved, saved),
            )


def aims(name: str) -> Aims:
    """Target ratios of a model."""
    return {
        (device, pair_name(name, part), precision): LEAST_RATIO
        for part in PARTS
        for device, precision in (("cpu", "float32"), ("cuda", "float32"), ("cuda", "bfloat16"))
    }


def all_macs(config: FramewiseViT.Config, bench: Bench) -> float:
    """Multiply-adds of all calls of a comparison."""
    sizes, size = bench.sizes, clip_size(bench.sizes)
    both = sum(
        sized(each, sizes).executed_macs(size, TARGET) for each in (FramewiseViT.Config(head=config.head), config)
    )
    return len(bench.precisions) * (1 + TRAINING) * sizes.clips * both * (WARM_UP + sizes.repeats)


def cases(models: dict[str, FramewiseViT.Config]) -> dict[str, Case]:
    return {name: Case(partial(pairs, name, config), partial(all_macs, config)) for name, config in models.items()}
