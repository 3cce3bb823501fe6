"""Benchmark cases of the 3D deformable transformer: as a whole, its windows, and its token search.

The published sizes are 12 frames of 112 x 112 pixels, 256 channels, 8 heads and 2 blocks, our defaults.
B batch, T frames, R joints, D width.
"""

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn

from benchmarks.bench import NUM_CLASSES, TRAINING, Aims, Bench, Case, Forward, Sizes, classification_step
from benchmarks.deform3d import reference
from benchmarks.formulations import Formulations, all_macs
from benchmarks.formulations import pairs as formulation_pairs
from benchmarks.timing import WARM_UP, Implementation, Pair, matmul_rate
from interface.sizes import PoseClipSize
from interface.targets import ClassTarget
from models.deform3d.backbone import STRIDE, MixedConvNet
from models.deform3d.deformable import reference_places, search
from models.deform3d.model import DeformableTransformer
from models.deform3d.stage import StageSettings
from models.deform3d.stride import StrideStage, stride_macs
from models.deform3d.windows import Windows

TARGET = ClassTarget(NUM_CLASSES)
JOINTS, JOINTS_OF_TWO = 13, 50  # of one body in Penn Action, and of two in NTU RGB+D
AIMS: Aims = {
    ("cpu", "deform3d, forward", "float32"): 1.0,
    ("cpu", "deform3d, training step", "float32"): 1.0,
    ("cpu", "deform3d-windows frames, forward", "float32"): 1.0,
    ("cpu", "deform3d-windows frames, training step", "float32"): 1.0,
    ("cpu", "deform3d-search against all cells, forward", "float32"): 1.0,
    ("cpu", "deform3d-search against all cells, training step", "float32"): 1.0,
}
PARTS = {"forward": 1, "training step": TRAINING}


def clip_size(sizes: Sizes) -> PoseClipSize:
    """Size of a clip: three quarters of the frames and half of the sides of the other papers' clips."""
    side = max(STRIDE, sizes.crop // 2 // STRIDE * STRIDE)
    return PoseClipSize(max(1, sizes.frames * 3 // 4), side, side, JOINTS)


def sized(sizes: Sizes) -> DeformableTransformer.Config:
    """Model of the benchmark's size: a third of ViT-B's width, two thirds of its heads and a sixth of its depth."""
    return DeformableTransformer.Config(
        backbone=MixedConvNet.Config(width=max(1, sizes.width // 12)),
        heads=max(1, sizes.heads * 2 // 3),
        depth=max(1, sizes.depth // 6),
    )


def whole(bench: Bench) -> Iterator[Pair]:
    """Comparisons of the model with its published formulation."""
    torch.manual_seed(0)
    model = sized(bench.sizes).build(clip_size(bench.sizes), TARGET).to(bench.device).eval()
    clips, joints = clip_size(bench.sizes).example(bench.sizes.clips, bench.device)
    compared = Formulations(
        "deform3d",
        model,
        partial(reference.logits, clips, joints, model),
        partial(model, clips, joints),
        {},
        *whole_macs(bench),
    )
    yield from formulation_pairs(compared, bench, AIMS)


def whole_macs(bench: Bench) -> tuple[float, float]:
    """Multiply-adds of a forward pass of all clips; those of the published formulation are a little more."""
    macs = bench.sizes.clips * sized(bench.sizes).macs(clip_size(bench.sizes), TARGET)
    return macs, macs


class Strided(nn.Module):
    """Stage whose windows slide over places with several tokens each."""

    def __init__(self, settings: StageSettings, windows: Windows) -> None:
        super().__init__()
        self.stage = StrideStage(settings)
        self.windows = windows

    def forward(self, x: Tensor) -> Tensor:
        """Tokens (B, L, M, D) after the stage."""
        return self.stage.strided(x, self.windows, 0, None)


def axes(sizes: Sizes) -> dict[str, tuple[int, int]]:
    """Numbers of places of each axis, and of tokens at a place."""
    clip = clip_size(sizes)
    return {
        f"{JOINTS} joints": (JOINTS, clip.frames),
        f"{JOINTS_OF_TWO} joints": (JOINTS_OF_TWO, clip.frames),
        "frames": (clip.frames, sized(sizes).tokens_per_frame(clip)),
    }


def compared_windows(sizes: Sizes, length: int, at_a_place: int) -> list[tuple[Windows, int]]:
    """One window of all places, and our windows, each with the multiply-adds of its stage for a clip."""
    settings = sized(sizes).settings()
    every, ours = Windows.Config(window=length).build(length), Windows.Config().build(length)
    return [(windows, stride_macs(settings, windows, 0, at_a_place)) for windows in (every, ours)]


def windows_against_full_attention(bench: Bench) -> Iterator[Pair]:
    """Comparisons of the stride attentions with attention over all tokens, which are other models."""
    sizes, device = bench.sizes, bench.device
    settings = sized(sizes).settings()
    for axis, (length, at_a_place) in axes(sizes).items():
        torch.manual_seed(0)
        x = torch.randn(sizes.clips, length, at_a_place, settings.width, device=device)
        compared = compared_windows(sizes, length, at_a_place)
        models = [Strided(settings, windows).to(device) for windows, _ in compared]
        for precision in bench.precisions:
            dtype = getattr(torch, precision)
            for part, passes in PARTS.items():
                full, ours = (
                    Implementation(
                        partial(
                            runner(part, device, dtype, model, sizes.clips), pooled(partial(model, x), sizes.clips)
                        ),
                        passes * sizes.clips * macs,
                    )
                    for model, (_, macs) in zip(models, compared, strict=True)
                )
                yield from bench.compared(
                    full,
                    {f"deform3d-windows {axis}, {part}": ours},
                    precision=precision,
                    difference=None,
                    rate=matmul_rate(device, dtype),
                    aims=AIMS,
                )


def macs_of_windows(bench: Bench) -> float:
    """Multiply-adds of all calls of the comparisons of windows."""
    each = sum(
        macs
        for length, tokens in axes(bench.sizes).values()
        for _, macs in compared_windows(bench.sizes, length, tokens)
    )
    return len(bench.precisions) * bench.sizes.clips * (1 + TRAINING) * each * (WARM_UP + bench.sizes.repeats)


def runner(
    part: str, device: torch.device, dtype: torch.dtype, model: nn.Module, num_clips: int
) -> Callable[[Callable[[], Tensor]], object]:
    return Forward(device, dtype) if part == "forward" else classification_step(device, dtype, model, num_clips)


def pooled(tokens: Callable[[], Tensor], num_clips: int) -> Callable[[], Tensor]:
    """Stand-in for logits (B, C): the mean of all tokens (..., D), for each clip."""
    return lambda: tokens().flatten(0, -2).mean(0)[:NUM_CLASSES].expand(num_clips, -1)


class Searched(nn.Module):
    """Tokens and the places where they are searched, both trained."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        config, clip = sized(sizes), clip_size(sizes)
        grid = config.grid(clip)
        self.z = nn.Parameter(torch.randn(sizes.clips, *grid, config.width))
        places = reference_places(grid, torch.device("cpu"))
        self.places = nn.Parameter(places + 0.5 * torch.randn(sizes.clips, *grid, 3))


def searches(bench: Bench) -> Iterator[Pair]:
    """Comparisons of the token search with the printed sum over all cells, and with eight gathers."""
    sizes = bench.sizes
    torch.manual_seed(0)
    model = Searched(sizes).to(bench.device)
    others = {"all cells": reference.all_cells, "eight gathers": reference.eight_gathers}
    for (name, other), macs in zip(others.items(), search_macs(sizes), strict=True):
        compared = Formulations(
            f"deform3d-search against {name}",
            model,
            pooled(partial(other, model.z, model.places), sizes.clips),
            pooled(partial(search, model.z, model.places), sizes.clips),
            {},
            macs,
            search_macs(sizes)[1],
        )
        yield from formulation_pairs(compared, bench, AIMS)


def search_macs(sizes: Sizes) -> tuple[float, float]:
    """Multiply-adds of a search in all clips: as a sum over all cells, and over eight tokens."""
    tokens, width = sized(sizes).grid(clip_size(sizes)).tokens, sized(sizes).width
    return sizes.clips * tokens**2 * width, sizes.clips * tokens * 8 * width


def macs_of_searches(bench: Bench) -> float:
    """Multiply-adds of all calls of the comparisons of searches."""
    every, eight = search_macs(bench.sizes)
    return all_macs(every, eight, 0, bench) + all_macs(eight, eight, 0, bench)


CASES = {
    "deform3d": Case(whole, lambda bench: all_macs(*whole_macs(bench), 0, bench)),
    "deform3d-windows": Case(windows_against_full_attention, macs_of_windows),
    "deform3d-search": Case(searches, macs_of_searches),
}
