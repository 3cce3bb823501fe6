"""Multi-head cross-attention with positions of its own (equation 7 of CAST, with the output projection of its code).

B batch, T frames, S patches per frame, W width, H heads, K = W / H.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.cast.attention_window import Window, patches_within, window_attention, window_length
from models.tokens import Grid


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
    return grid.tokens * (4 * width**2 + 2 * window_length(window, grid) * width)
