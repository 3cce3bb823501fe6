"""Self-attention over a sequence of tokens with padding, exact or approximate.

B batch, N tokens, D width, H heads, K = D / H, G = B*H.
"""

import contextlib

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.mixers.attention import key_bias, split_heads
from models.mixers.space import SpatialStage, without_autocast
from models.tokens import Grid


class SequenceAttention(nn.Module):
    """Projections around the attention of each token to all others.

    A sequence is one frame, so that the spatial stages of trajectory attention compute its attention.

    Args:
        stage: the attention between heads.
        in_float32: whether mixed precision excludes the stage.
    """

    def __init__(self, width: int, heads: int, stage: SpatialStage, *, in_float32: bool) -> None:
        super().__init__()
        self.heads = heads
        self.in_float32 = in_float32
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.stage = stage

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D); `mask` (B, N) tells tokens from padding."""
        B, N, _ = x.shape
        q, k, v = (split_heads(t, self.heads).flatten(0, 1) for t in self.qkv(x).chunk(3, dim=-1))  # (G, N, K)
        of_heads = None if mask is None else mask.repeat_interleave(self.heads, dim=0)  # (G, N)
        with without_autocast(x) if self.in_float32 else contextlib.nullcontext():
            if self.in_float32:
                q, k, v = (t.to(torch.promote_types(t.dtype, torch.float32)) for t in (q, k, v))
            (y,) = self.stage(q, k, v, Grid(1, 1, N), of_heads)  # (N, G, K)
        y = y.unflatten(1, (B, self.heads)).flatten(2).transpose(0, 1)  # (B, N, D)
        return self.proj(y.to(x.dtype))


class StoredMap(SpatialStage):
    """Exact attention as published: with a map of all pairs of tokens, which stays in memory for the backward pass.

    It has the results of `ExactSpace`, and is here to be measured.
    """

    def __init__(self, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Output (1, N, G, K) of heads (G, N, K)."""
        scores = q @ k.mT * q.shape[-1] ** -0.5  # (G, N, N)
        if mask is not None:
            scores = scores + key_bias(mask, q.dtype)
        return (self.dropout(F.softmax(scores, dim=-1)) @ v).transpose(0, 1).unsqueeze(0)
