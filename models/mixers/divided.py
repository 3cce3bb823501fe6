"""Divided space-time attention: first along time at each place, then within each frame.

Equation 3 of Motionformer (https://arxiv.org/abs/2106.05392) in the order of its released code, which is TimeSformer's
(https://arxiv.org/abs/2102.05095). A patch sees CLS and its own group; CLS sees everything, in both steps.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H, G groups, L tokens in a group.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.mixers.attention import Mixer, MixerConfig, cls_attention, merge_heads, split_heads, strided_attention
from models.tokens import Grid


class GroupAttention(Mixer):
    """Softmax attention of patches within groups; CLS belongs to every group."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Mix each group and CLS."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)  # (B, N, D)
        return self.proj(torch.cat([self.overview(q, k, v), self.patches(q, k, v, grid)], dim=1))  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """What CLS finds among all tokens: (B, 1, D)."""
        return self.proj(cls_attention(x, self.qkv, self.heads))

    def overview(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """What CLS sees of all tokens: (B, 1, D)."""
        q, k, v = (split_heads(t, self.heads) for t in (q[:, :1], k, v))  # (B, H, 1, K), (B, H, N, K) twice
        return merge_heads(strided_attention(q, k, v))

    def patches(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """What each patch sees of CLS and its own group: (B, T*S, D)."""
        queries = self.groups(q[:, 1:], grid)  # (B, G, L, D)
        keys, values = (
            torch.cat([t[:, None, :1].expand(-1, queries.shape[1], -1, -1), self.groups(t[:, 1:], grid)], dim=2)
            for t in (k, v)
        )  # (B, G, 1 + L, D)
        # Groups stand in the batch: the fused kernels take four dimensions.
        q, k, v = (split_heads(t.flatten(0, 1), self.heads) for t in (queries, keys, values))  # (B*G, H, ., K)
        mixed = merge_heads(strided_attention(q, k, v)).unflatten(0, queries.shape[:2])  # (B, G, L, D)
        return self.ungrouped(mixed)

    @abstractmethod
    def groups(self, patches: Tensor, grid: Grid) -> Tensor:
        """Patches (B, T*S, D) by group: (B, G, L, D)."""

    @abstractmethod
    def ungrouped(self, groups: Tensor) -> Tensor:
        """Groups (B, G, L, D) as patches again: (B, T*S, D)."""


class TimeAttention(GroupAttention):
    """Each place of the frame is a group through time."""

    # Not in the paper: the released model drops no path here, and has no extra projection after it as TimeSformer has.
    drops_path = False

    def groups(self, patches: Tensor, grid: Grid) -> Tensor:
        """Patches (B, T*S, D) by place: (B, S, T, D)."""
        return patches.unflatten(1, (grid.frames, grid.patches)).transpose(1, 2)

    def ungrouped(self, groups: Tensor) -> Tensor:
        """Groups (B, S, T, D) as patches again: (B, T*S, D)."""
        return groups.transpose(1, 2).flatten(1, 2)


class SpaceAttention(GroupAttention):
    """Each frame is a group."""

    def groups(self, patches: Tensor, grid: Grid) -> Tensor:
        """Patches (B, T*S, D) by frame: (B, T, S, D)."""
        return patches.unflatten(1, (grid.frames, grid.patches))

    def ungrouped(self, groups: Tensor) -> Tensor:
        """Groups (B, T, S, D) as patches again: (B, T*S, D)."""
        return groups.flatten(1, 2)


class DividedAttention:
    """Attention along time, then within frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(MixerConfig):
        """Nothing to choose."""

        label: ClassVar[str] = "Divided Space-Time"
        num_mixers: ClassVar[int] = 2

        def build(self, width: int, heads: int) -> list[GroupAttention]:
            """Two mixers a block."""
            return [TimeAttention(width, heads), SpaceAttention(width, heads)]

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds of both: eight projections, CLS against all, patches against their groups."""
            N, D = 1 + grid.tokens, width
            groups = 2 * grid.tokens * (grid.frames + 1) * D + 2 * grid.tokens * (grid.patches + 1) * D
            return 8 * N * D**2 + 4 * N * D + groups
