"""Divided space-time attention: over time at each position of the frame, then over space within each frame.

Equation 3 of Motionformer (https://arxiv.org/abs/2106.05392) in the order of its released code, which is TimeSformer's
(https://arxiv.org/abs/2102.05095). In both steps, a patch attends to CLS and its group, and CLS to all tokens.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H, G groups, L tokens in a group.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from models.mixers.attention import MixerConfig, merge_heads, split_heads, strided_attention
from models.mixers.joint import JointAttention
from models.tokens import Grid


class GroupAttention(JointAttention):
    """Softmax attention of patches within groups. CLS belongs to every group, so that it attends to all tokens."""

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D)."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)  # (B, N, D)
        return self.proj(torch.cat([self.cls_output(q, k, v), self.patch_outputs(q, k, v, grid)], dim=1))  # (B, N, D)

    def cls_output(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Output of attention to all tokens for CLS, before the last projection: (B, 1, D)."""
        q, k, v = (split_heads(t, self.heads) for t in (q[:, :1], k, v))  # (B, H, 1, K), (B, H, N, K) twice
        return merge_heads(strided_attention(q, k, v))

    def patch_outputs(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Outputs of attention to CLS and their groups for patches, before the last projection: (B, T*S, D)."""
        queries = self.groups(q[:, 1:], grid)  # (B, G, L, D)
        keys, values = (
            torch.cat([t[:, None, :1].expand(-1, queries.shape[1], -1, -1), self.groups(t[:, 1:], grid)], dim=2)
            for t in (k, v)
        )  # (B, G, 1 + L, D)
        # Groups become part of the batch, because the fused kernels take four dimensions.
        q, k, v = (split_heads(t.flatten(0, 1), self.heads) for t in (queries, keys, values))  # (B*G, H, ., K)
        outputs = merge_heads(strided_attention(q, k, v)).unflatten(0, queries.shape[:2])  # (B, G, L, D)
        return self.ungrouped(outputs)

    @abstractmethod
    def groups(self, patches: Tensor, grid: Grid) -> Tensor:
        """Patches (B, T*S, D) by group: (B, G, L, D)."""

    @abstractmethod
    def ungrouped(self, groups: Tensor) -> Tensor:
        """Groups (B, G, L, D) as patches: (B, T*S, D)."""


class TimeAttention(GroupAttention):
    """Attention over time. A group is one position of the frame at all times."""

    # Not in the paper: the released model has no stochastic depth here, and no extra projection, unlike TimeSformer.
    drops_path = False

    def groups(self, patches: Tensor, grid: Grid) -> Tensor:
        """Patches (B, T*S, D) by position: (B, S, T, D)."""
        return patches.unflatten(1, (grid.frames, grid.patches)).transpose(1, 2)

    def ungrouped(self, groups: Tensor) -> Tensor:
        """Groups (B, S, T, D) as patches: (B, T*S, D)."""
        return groups.transpose(1, 2).flatten(1, 2)


class SpaceAttention(GroupAttention):
    """Attention over space. A group is one frame."""

    def groups(self, patches: Tensor, grid: Grid) -> Tensor:
        """Patches (B, T*S, D) by frame: (B, T, S, D)."""
        return patches.unflatten(1, (grid.frames, grid.patches))

    def ungrouped(self, groups: Tensor) -> Tensor:
        """Groups (B, T, S, D) as patches: (B, T*S, D)."""
        return groups.flatten(1, 2)


class DividedAttention:
    """Attention over time, then over space."""

    @dataclass(frozen=True, kw_only=True)
    class Config(MixerConfig):
        label: ClassVar[str] = "Divided Space-Time"
        num_mixers: ClassVar[int] = 2

        def build(self, width: int, heads: int) -> list[GroupAttention]:
            return [TimeAttention(width, heads), SpaceAttention(width, heads)]

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds of both: eight projections, CLS against all tokens, patches against their groups."""
            N, D = 1 + grid.tokens, width
            groups = 2 * grid.tokens * (grid.frames + 1) * D + 2 * grid.tokens * (grid.patches + 1) * D
            return 8 * N * D**2 + 4 * N * D + groups
