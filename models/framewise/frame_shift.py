"""Shift of parts of a tensor between the frames of a clip, as in TSM (https://arxiv.org/abs/1811.08383).

B batch, T frames, N tokens per frame, C channels, P projections, H heads, K channels of a head.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

# What a frame gets whose source lies outside of the clip: zeros, its own values, or those from the other end.
Boundary = Literal["zero", "copy", "circular"]


class Part(NamedTuple):
    """A part of a tensor (B, T, N, P, H, K) and the frame that it is taken from."""

    place: tuple[slice | int, ...]
    """Slices of the dimensions from N on."""
    source: int
    """Frame that it is taken from, relative to its own: 1 is the next frame."""


def shifted_projections(
    x: Tensor, shape: tuple[int, int], frames: int, parts: Sequence[Part], boundary: Boundary = "zero"
) -> tuple[Tensor, ...]:
    """Projections of the tokens, with parts shifted between the frames: P tensors (B*T, H, N, K).

    The shift is in place, so that only these parts are copied. The gradient of x is written once.

    Args:
        x: joint projections (B*T, N, P*H*K), the output of a Linear layer, or other tokens whose values no other
            operation needs for its gradient, such as a sum. It is not used elsewhere.
        shape: P and H.
        parts: parts of (B, T, N, P, H, K) that do not overlap.
    """
    return _ShiftedProjections.apply(x, shape, frames, tuple(parts), boundary)  # pyright: ignore[reportReturnType]


def write_shifted(out: Tensor, x: Tensor, source: int, boundary: Boundary) -> None:
    """Write x (B, T, ...) into `out`, with the values of each frame t taken from frame t + source."""
    moves = _Moves(x.shape[1], source, boundary)
    out[:, moves.to] = x[:, moves.origin]
    match boundary:
        case "zero":
            out[:, moves.edge].zero_()
        case "copy":
            out[:, moves.edge] = x[:, moves.edge]
        case "circular":
            out[:, moves.edge] = x[:, moves.unused]


def write_shifted_back(out: Tensor, gradient: Tensor, source: int, boundary: Boundary) -> None:
    """Write into `out` the gradient (B, T, ...) of the input of `write_shifted`, given that of its output."""
    moves = _Moves(gradient.shape[1], source, boundary)
    out[:, moves.origin] = gradient[:, moves.to]
    if boundary == "circular":
        out[:, moves.unused] = gradient[:, moves.edge]
    else:
        out[:, moves.unused].zero_()
    if boundary == "copy":
        out[:, moves.edge] += gradient[:, moves.edge]


class _Moves:
    """Frames of a shift.

    `to`: frames with a source in the clip. `origin`: these sources. `edge`: frames without one. `unused`: frames that
    are no source.
    """

    def __init__(self, frames: int, source: int, boundary: Boundary) -> None:
        if boundary == "circular":
            source %= frames
        inside = max(frames - abs(source), 0)
        first, last = slice(0, inside), slice(frames - inside, frames)
        before, after = slice(0, frames - inside), slice(inside, frames)
        self.to, self.origin = (first, last) if source > 0 else (last, first)
        self.edge, self.unused = (after, before) if source > 0 else (before, after)


class _ShiftedProjections(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx, x: Tensor, shape: tuple[int, int], frames: int, parts: tuple[Part, ...], boundary: Boundary
    ) -> tuple[Tensor, ...]:
        ctx.settings = (x.shape, shape, frames, parts, boundary)  # pyright: ignore[reportAttributeAccessIssue]
        ctx.set_materialize_grads(False)
        projections = x.unflatten(-1, (*shape, -1))  # (B*T, N, P, H, K)
        clips = projections.unflatten(0, (-1, frames))
        for place, source in parts:
            region = _region(clips, place)
            write_shifted(region, region.clone(), source, boundary)
        return tuple(projection.transpose(1, 2) for projection in projections.unbind(2))

    @staticmethod
    @once_differentiable
    def backward(  # pyright: ignore[reportIncompatibleMethodOverride]: as torch documents it
        ctx: FunctionCtx, *gradients: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        size, shape, frames, parts, boundary = ctx.settings  # pyright: ignore[reportAttributeAccessIssue]
        some = next((gradient for gradient in gradients if gradient is not None), None)
        if some is None:
            return None, None, None, None, None
        out = some.new_empty(size)
        projections = out.unflatten(-1, (*shape, -1))
        for projection, gradient in zip(projections.unbind(2), gradients, strict=True):
            projection.copy_(gradient.transpose(1, 2)) if gradient is not None else projection.zero_()
        of_input = projections.unflatten(0, (-1, frames))
        for (tokens, projection, *place), source in parts:
            if (gradient := gradients[projection]) is not None:
                of_output = gradient.transpose(1, 2).unflatten(0, (-1, frames))  # (B, T, N, H, K)
                region = _region(of_input, (tokens, projection, *place))
                write_shifted_back(region, _region(of_output, (tokens, *place)), source, boundary)
        return out, None, None, None, None


def _region(clips: Tensor, place: tuple[slice | int, ...]) -> Tensor:
    """View of a part of (B, T, ...)."""
    return clips[(slice(None), slice(None), *place)]
