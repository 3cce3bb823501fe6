"""Trajectory attention: pool each frame where a query's object is likely to be, then pool along that trajectory.

Equations 4 to 6 of Motionformer (https://arxiv.org/abs/2106.05392) and the ablations of its Table 4.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.mixers.attention import Mixer, MixerConfig, merge_heads, split_heads
from models.tokens import Grid


class TrajectoryAttention(Mixer):
    """Attention in space, one frame at a time, then in time along the trajectories it found."""

    @dataclass(frozen=True, kw_only=True)
    class Config(MixerConfig):
        """The paper's ablations, and one that it does not print.

        `project_values`: the values along a trajectory are projected, as equation 6 says, or not, as in the released
        weights, with which the printed numbers were made.
        """

        label: ClassVar[str] = "Trajectory"
        temporal: Literal["attention", "average"] = "attention"
        normalize_over: Literal["space", "space-time"] = "space"
        project_values: bool = False

        def build(self, width: int, heads: int) -> "list[TrajectoryAttention]":
            """One mixer a block."""
            return [TrajectoryAttention(self, width, heads)]

        def macs(self, grid: Grid, width: int) -> int:
            """Multiply-adds as published: keys and values of the second stage projected for every frame of every query.

            The authors project the values whether or not they are used, and their printed numbers count it.
            """
            n, T, D = grid.tokens, grid.frames, width
            space = 4 * (1 + n) * D**2 + 2 * n**2 * D + 2 * (1 + n) * D
            time = n * D**2 + 2 * n * T * D**2 + 2 * n * T * D
            return space + time if self.temporal == "attention" else space

    def __init__(self, config: Config, width: int, heads: int) -> None:
        super().__init__()
        self.config = config
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        if config.temporal == "attention":
            self.proj_q = nn.Linear(width, width)
            # With unprojected values the lower half is held, as in the released weights, but never computed with.
            self.proj_kv = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Mix patches along their trajectories; CLS sees all tokens, and no patch sees CLS."""
        q, k, v = (split_heads(t, self.heads) for t in self.qkv(x).chunk(3, dim=-1))  # (B, H, N, K)
        cls = merge_heads(F.scaled_dot_product_attention(q[:, :, :1], k, v))  # (B, 1, D)
        trajectories = self.trajectories(q[:, :, 1:], k[:, :, 1:], v[:, :, 1:], grid)  # (B, T*S, T, D)
        attends = self.config.temporal == "attention"
        patches = self.pooled(trajectories, grid) if attends else trajectories.mean(dim=2)  # (B, T*S, D)
        return self.proj(torch.cat([cls, patches], dim=1))  # (B, N, D)

    def trajectories(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """What each query finds in each frame (equation 4): heads (B, H, T*S, K) to (B, T*S, T, D)."""
        frames = zip(k.split(grid.patches, dim=2), v.split(grid.patches, dim=2), strict=True)
        found = [merge_heads(F.scaled_dot_product_attention(q, k_t, v_t)) for k_t, v_t in frames]  # T of (B, T*S, D)
        trajectories = torch.stack(found, dim=2)  # (B, T*S, T, D)
        if self.config.normalize_over == "space":
            return trajectories
        shares = frame_shares(q, k, grid).permute(0, 2, 3, 1)  # (B, T*S, T, H)
        return (trajectories.unflatten(-1, (self.heads, -1)) * shares.unsqueeze(-1)).flatten(-2)  # (B, T*S, T, D)

    def pooled(self, trajectories: Tensor, grid: Grid) -> Tensor:
        """Each trajectory (B, T*S, T, D) pooled over time, asked by its own frame (equations 5, 6): (B, T*S, D)."""
        by_frame = trajectories.unflatten(1, (grid.frames, grid.patches))  # (B, T, S, T, D)
        reference = by_frame.diagonal(dim1=1, dim2=3).movedim(-1, 1).flatten(1, 2)  # (B, T*S, D)
        query = self.proj_q(reference).unsqueeze(2)  # (B, T*S, 1, D)
        if self.config.project_values:
            key, value = self.proj_kv(trajectories).chunk(2, dim=-1)  # (B, T*S, T, D)
        else:
            width = trajectories.shape[-1]
            key = F.linear(trajectories, self.proj_kv.weight[:width], self.proj_kv.bias[:width])  # (B, T*S, T, D)
            value = trajectories
        # Trajectories and heads stand in one dimension: the fused kernels take four.
        q, k, v = (split_heads(t, self.heads).flatten(1, 2) for t in (query, key, value))  # (B, T*S*H, ., K)
        pooled = F.scaled_dot_product_attention(q, k, v)  # (B, T*S*H, 1, K)
        return pooled.flatten(2).unflatten(1, (-1, self.heads)).flatten(2)  # (B, T*S, D)


def frame_shares(q: Tensor, k: Tensor, grid: Grid) -> Tensor:
    """How much of its attention over all of space and time each query spends on each frame: (B, H, T*S, T).

    Attention to values that say which frame a key stands in: a second pass over the keys, but no map in memory.
    """
    frame_of_key = torch.arange(grid.frames, device=k.device).repeat_interleave(grid.patches)  # (T*S,)
    # The fused kernels want values as wide as the keys.
    indicators = F.one_hot(frame_of_key, max(grid.frames, k.shape[-1])).to(k.dtype)  # (T*S, at least T)
    return F.scaled_dot_product_attention(q, k, indicators.expand(*k.shape[:2], -1, -1))[..., : grid.frames]
