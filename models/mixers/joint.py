"""Joint space-time attention: every token attends to every token.

Equation 2 of Motionformer (https://arxiv.org/abs/2106.05392).
B batch, N tokens, D width, H heads, K = D / H.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from models.mixers.attention import Mixer, MixerConfig, cls_attention, merge_heads, split_heads
from models.tokens import Grid


class JointAttention(Mixer):
    """Softmax attention over all tokens of the clip."""

    @dataclass(frozen=True, kw_only=True)
    class Config(MixerConfig):
        label: ClassVar[str] = "Joint Space-Time"
        needs_cls: ClassVar[bool] = False

        def build(self, width: int, heads: int) -> "list[JointAttention]":
            return [JointAttention(width, heads)]

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds: four projections, scores and values."""
            N, D = 1 + grid.tokens, width
            return 4 * N * D**2 + 2 * N**2 * D

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D), independent of the grid."""
        q, k, v = (split_heads(t, self.heads) for t in self.qkv(x).chunk(3, dim=-1))  # (B, H, N, K)
        return self.proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        return self.proj(cls_attention(x, self.qkv, self.heads))
