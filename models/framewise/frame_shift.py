"""Shift of parts of a tensor between the frames of a clip, as in TSM (https://arxiv.org/abs/1811.08383).

B batch, T frames, N tokens per frame, C channels.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

# What a frame gets whose source lies outside of the clip: zeros, its own values, or those from the other end.
Boundary = Literal["zero", "copy", "circular"]


class Part(NamedTuple):
    """A part of a tensor (B, T, N, ...) and the frame that it is taken from.

    `place`: slices of the dimensions from N on; missing ones are whole.
    `source`: frame that it is taken from, relative to its own: 1 is the next frame.
    """

    place: tuple[slice | int, ...]
    source: int


def shift_(
    x: Tensor, frames: int, parts: Sequence[Part], boundary: Boundary = "zero", channels: tuple[int, ...] = (-1,)
) -> Tensor:
    """Shift parts of x (B*T, N, C) between the frames in place. Only these parts are copied.

    Args:
        x: a tensor whose values no other operation needs for its gradient, such as the output of a Linear layer.
        parts: parts that do not overlap.
        channels: shape that the channels are split into for the indices of the parts, e.g. (heads, channels of a head).

    Returns:
        x, with the gradient of the shift.
    """
    return _Shift.apply(x, frames, tuple(parts), boundary, channels)  # pyright: ignore[reportReturnType]


def regions(x: Tensor, frames: int, parts: Sequence[Part], channels: tuple[int, ...]) -> list[Tensor]:
    """Views of the parts of x (B*T, N, C): (B, T, ...) each."""
    clips = x.unflatten(0, (-1, frames)).unflatten(-1, channels)
    return [clips[(slice(None), slice(None), *part.place)] for part in parts]


def moved(x: Tensor, source: int, boundary: Boundary) -> Tensor:
    """x (B, T, ...) with the values of each frame t taken from frame t + source."""
    out = x.roll(-source, dims=1)
    if boundary != "circular":
        edge = _edge(x.shape[1], source)
        out[:, edge] = 0 if boundary == "zero" else x[:, edge]
    return out


def moved_back(gradient: Tensor, source: int, boundary: Boundary) -> Tensor:
    """Gradient (B, T, ...) of the input of `moved`, given that of its output."""
    if boundary == "circular":
        return gradient.roll(source, dims=1)
    edge = _edge(gradient.shape[1], source)
    inner = gradient.clone()
    inner[:, edge] = 0
    out = inner.roll(source, dims=1)
    if boundary == "copy":
        out[:, edge] += gradient[:, edge]
    return out


def _edge(frames: int, source: int) -> slice:
    """Frames whose source lies outside of the clip."""
    return slice(max(frames - source, 0), None) if source > 0 else slice(0, min(-source, frames))


class _Shift(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, frames: int, parts: tuple[Part, ...], boundary: Boundary, channels: tuple[int, ...]
    ) -> Tensor:
        ctx.settings = (frames, parts, boundary, channels)  # pyright: ignore[reportAttributeAccessIssue]
        ctx.mark_dirty(x)
        for part, region in zip(parts, regions(x, frames, parts, channels), strict=True):
            region.copy_(moved(region, part.source, boundary))
        return x

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: as torch documents it
        ctx: FunctionCtx, gradient: Tensor
    ) -> tuple[Tensor | None, ...]:
        frames, parts, boundary, channels = ctx.settings  # pyright: ignore[reportAttributeAccessIssue]
        gradient = gradient.clone(memory_format=torch.contiguous_format)
        for part, region in zip(parts, regions(gradient, frames, parts, channels), strict=True):
            region.copy_(moved_back(region, part.source, boundary))
        return gradient, None, None, None, None
