"""Cross-attention between the patches of two streams within a window of space, of time, or of both.

B batch, T frames, S patches per frame, W width, H heads, K = W / H.
"""

from typing import Literal

from torch import Tensor

from models.mixers.attention import strided_attention
from models.tokens import Grid

# Tokens that a query attends to: those of its place at all times, of its frame, or all.
Window = Literal["time", "space", "space-time"]


def windows(x: Tensor, heads: int, window: Window) -> Tensor:
    """View (groups, heads, length, K) of contiguous patches (B, T, S, W): the tokens of a window along `length`."""
    x = x.unflatten(-1, (heads, -1))  # (B, T, S, H, K)
    match window:
        case "time":
            return x.flatten(2, 3).transpose(1, 2)  # (B, S*H, T, K)
        case "space":
            return x.flatten(0, 1).transpose(1, 2)  # (B*T, H, S, K)
        case "space-time":
            return x.flatten(1, 2).transpose(1, 2)  # (B, H, T*S, K)


def patches_of(x: Tensor, grid: Grid, heads: int, window: Window) -> Tensor:
    """Windows (groups, heads, length, K) back as patches (B, T, S, W)."""
    x = x.transpose(1, 2)
    match window:
        case "time":
            x = x.unflatten(2, (grid.patches, heads))
        case "space":
            x = x.unflatten(0, (-1, grid.frames))
        case "space-time":
            x = x.unflatten(1, (grid.frames, grid.patches))
    return x.flatten(3)


def window_attention(q: Tensor, k: Tensor, v: Tensor, heads: int, window: Window) -> Tensor:
    """Attention of queries (B, T, S, W) to the keys and values (B, T, S, W) of their windows: (B, T, S, W)."""
    grid = Grid(q.shape[1], 1, q.shape[2])
    out = strided_attention(*(windows(x, heads, window) for x in (q, k, v)))
    return patches_of(out, grid, heads, window)


def patches_within(window: Window, frame: int, place: int) -> tuple[slice | int, slice | int]:
    """Index into (T, S) of the patches that a patch attends to, given its frame and its index in the frame."""
    every = slice(None)
    match window:
        case "time":
            return every, place
        case "space":
            return frame, every
        case "space-time":
            return every, every


def window_length(window: Window, grid: Grid) -> int:
    return {"time": grid.frames, "space": grid.patches, "space-time": grid.tokens}[window]
