"""TimeSformer's divided attention: over time at each position, with a further projection, then within frames.

Follows TimeSformer (https://arxiv.org/abs/2102.05095) and its released code. CLS takes no part in the attention over
time. Each frame has a copy of CLS in the attention over space, and its output is the mean over the frames.
B batch, T frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, H heads, K = D / H.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.mixers.attention import (
    Mixer,
    MixerConfig,
    merge_heads,
    split_heads,
    strided_attention,
    with_zero_gradients,
)
from models.mixers.joint import JointAttention
from models.tokens import Grid


class PatchTimeAttention(JointAttention):
    """Attention of each patch to the patches at its position at all times, followed by two projections."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.residual = nn.Linear(width, width)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D), zero for CLS."""
        positions = x[:, 1:].unflatten(1, (grid.frames, grid.patches)).transpose(1, 2)  # (B, S, T, D)
        q, k, v = (split_heads(t.flatten(0, 1), self.heads) for t in self.qkv(positions).chunk(3, -1))  # (B*S, H, T, K)
        outputs = merge_heads(strided_attention(q, k, v)).unflatten(0, positions.shape[:2])  # (B, S, T, D)
        patches = self.residual(self.proj(outputs)).transpose(1, 2).flatten(1, 2)  # (B, T*S, D)
        return torch.cat([torch.zeros_like(x[:, :1]), patches], dim=1)  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output for CLS alone (B, 1, D): zero."""
        return with_zero_gradients(torch.zeros_like(x[:, :1]), list(self.parameters()))


class FrameSpaceAttention(JointAttention):
    """Attention of each patch to CLS and to its frame. CLS attends to each frame, and its outputs are averaged."""

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        q, k, v = (self.frames(t, grid) for t in self.qkv(x).chunk(3, dim=-1))  # (B*T, H, 1 + S, K)
        frames = merge_heads(strided_attention(q, k, v)).unflatten(0, (len(x), grid.frames))  # (B, T, 1 + S, D)
        cls = frames[:, :, 0].mean(dim=1, keepdim=True)  # (B, 1, D)
        return self.proj(torch.cat([cls, frames[:, :, 1:].flatten(1, 2)], dim=1))  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        q, k, v = (self.frames(t, grid) for t in self.qkv(x).chunk(3, dim=-1))  # (B*T, H, 1 + S, K)
        frames = merge_heads(strided_attention(q[:, :, :1], k, v)).unflatten(0, (len(x), grid.frames))  # (B, T, 1, D)
        return self.proj(frames.mean(dim=1))

    def frames(self, x: Tensor, grid: Grid) -> Tensor:
        """Heads (B*T, H, 1 + S, K) of the tokens (B, N, D) of each frame, with CLS in each."""
        patches = x[:, 1:].unflatten(1, (grid.frames, grid.patches))  # (B, T, S, D)
        cls = x[:, None, :1].expand(-1, grid.frames, -1, -1)  # (B, T, 1, D)
        return split_heads(torch.cat([cls, patches], dim=2).flatten(0, 1), self.heads)


class TimeSformerAttention:
    """Attention over time, then over space."""

    @dataclass(frozen=True, kw_only=True)
    class Config(MixerConfig):
        label: ClassVar[str] = "Divided Space-Time"
        num_mixers: ClassVar[int] = 2

        def build(self, width: int, heads: int) -> list[Mixer]:
            return [PatchTimeAttention(width, heads), FrameSpaceAttention(width, heads)]

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds of both: five and four projections, scores and values. A CLS of each frame is projected."""
            D, patches, tokens = width, grid.tokens, grid.frames * (1 + grid.patches)
            over_time = 5 * patches * D**2 + 2 * patches * grid.frames * D
            return over_time + 4 * tokens * D**2 + 2 * tokens * (1 + grid.patches) * D
