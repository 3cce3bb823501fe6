"""Multi-head cross-attention with positions of its own (equation 7 of CAST, with the output projection of its code).

It is between the patches of two streams within a window of space, of time, or of both.
B batch, T frames, S patches per frame, W width, H heads, K = W / H.
"""

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

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


class WindowPositions(nn.Module):
    """Learnt positions within a window: in time, in space, or the sum of both."""

    def __init__(self, width: int, window: Window, grid: Grid, std: float) -> None:
        super().__init__()
        in_time, in_space = window != "space", window != "time"
        self.time = nn.Parameter(std * torch.randn(grid.frames, width)) if in_time else None
        self.space = nn.Parameter(std * torch.randn(grid.patches, width)) if in_space else None

    def forward(self, x: Tensor) -> Tensor:
        """Patches (B, T, S, W) plus positions."""
        if self.time is not None:
            x = x + self.time.unsqueeze(1)
        return x if self.space is None else x + self.space


class CrossAttention(nn.Module):
    """Attention of the patches of one stream to those of another within a window."""

    def __init__(self, width: int, heads: int, window: Window, grid: Grid, *, positions: bool) -> None:
        super().__init__()
        self.heads = heads
        self.window: Window = window
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        std = (width // heads) ** -0.5
        self.query_positions = WindowPositions(width, window, grid, std) if positions else None
        self.key_positions = WindowPositions(width, window, grid, std) if positions else None

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Output (B, T, S, W) for patches (B, T, S, W) that attend to those of the other stream (B, T, S, W)."""
        q, k, v = self.projected(queries, context)
        return self.proj(window_attention(q, k, v, self.heads, self.window))

    def attention_map(self, queries: Tensor, context: Tensor, frame: int, place: int) -> Tensor:
        """Attention weights of one patch for the patches of the other stream: (H, T, S), 0 outside of the window.

        Args:
            queries, context: patches (T, S, W) of one clip.
            frame, place: token frame of the patch and its index in the frame.
        """
        queries, context = self.with_positions(queries, context)
        within = patches_within(self.window, frame, place)
        keys = self.kv(context[within]).chunk(2, dim=-1)[0]  # (..., W)
        weights = query_weights(self.q(queries[frame, place]), keys, self.heads)  # (H, ...)
        maps = weights.new_zeros(self.heads, *context.shape[:2])  # (H, T, S)
        maps[:, *within] = weights
        return maps

    def projected(self, queries: Tensor, context: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Queries, keys and values (B, T, S, W) each."""
        queries, context = self.with_positions(queries, context)
        weights, biases = self.kv.weight.chunk(2), self.kv.bias.chunk(2)
        # Two products in place of one, so that windows of keys and of values are views.
        k, v = (F.linear(context, weight, bias) for weight, bias in zip(weights, biases, strict=True))
        return self.q(queries), k, v

    def with_positions(self, queries: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """Patches of both streams plus their positions, if there are any."""
        if self.query_positions is None or self.key_positions is None:
            return queries, context
        return self.query_positions(queries), self.key_positions(context)


def query_weights(query: Tensor, keys: Tensor, heads: int) -> Tensor:
    """Attention weights (H, ...) of one query (W) for all keys (..., W)."""
    q, k = query.unflatten(-1, (heads, -1)), keys.unflatten(-1, (heads, -1))  # (H, K), (..., H, K)
    scores = torch.einsum("hk,...hk->h...", q * q.shape[-1] ** -0.5, k)
    return scores.flatten(1).softmax(dim=1).view_as(scores)


def cross_attention_macs(grid: Grid, width: int, window: Window) -> int:
    length = {"time": grid.frames, "space": grid.patches, "space-time": grid.tokens}[window]
    return grid.tokens * (4 * width**2 + 2 * length * width)
