"""Trajectory attention: spatial attention to each frame gives a trajectory, temporal attention pools along it.

Equations 4 to 6 of Motionformer (https://arxiv.org/abs/2106.05392) and the ablations of its Tables 3 and 4.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H, G = B*H, M = T*S*B.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from models.mixers.attention import (
    Mixer,
    MixerConfig,
    attend,
    cls_attention,
    split_heads,
    strided_attention,
    with_zero_gradients,
)
from models.mixers.trajectory_space import Approximation, ExactSpace
from models.mixers.trajectory_time import Pooling, stored_temporal_attention, temporal_attention
from models.tokens import Grid


class TrajectoryAttention(Mixer):
    """Spatial attention within each frame, then temporal attention along the resulting trajectories."""

    @dataclass(frozen=True, kw_only=True)
    class Config(MixerConfig):
        """Ablations of the paper, and one that it does not print."""

        label: ClassVar[str] = "Trajectory"
        temporal: Literal["attention", "average"] = "attention"
        normalize_over: Literal["space", "space-time"] = "space"
        project_values: bool = False
        """Whether values along a trajectory are projected, as in equation 6. They are not in the released weights, from
        which the printed numbers come."""
        approximation: Approximation | None = field(default=None, metadata={"omit_if": None})
        """Approximation of the attention within frames. Attention of CLS and temporal attention are exact."""
        stores_maps: bool = field(default=False, metadata={"omit_if": False})
        """Whether both stages are the published formulation, to be measured: attention maps, and the projections of
        every trajectory, stay in memory, and CLS is not computed alone. Results are equal."""

        def build(self, width: int, heads: int) -> "list[TrajectoryAttention]":
            return [TrajectoryAttention(self, width, heads)]

        def check(self, grid: Grid, heads: int) -> None:
            if self.approximation is not None:
                if self.normalize_over != "space":
                    raise ValueError("attention: an approximation works within frames; set normalize_over=space")
                self.approximation.check(grid)

        def tiny(self) -> Self:
            return replace(self, approximation=self.approximation.tiny()) if self.approximation is not None else self

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Published multiply-adds: the second stage projects keys and values for every frame of every query.

            The authors project values even if they are not used, and count this in their printed numbers.
            """
            n, T, D = grid.tokens, grid.frames, width
            maps = self.approximation.macs(grid, D, heads) if self.approximation is not None else 2 * n**2 * D
            space = 4 * (1 + n) * D**2 + maps + 2 * (1 + n) * D
            time = n * D**2 + 2 * n * T * D**2 + 2 * n * T * D
            return space + time if self.temporal == "attention" else space

    def __init__(self, config: Config, width: int, heads: int) -> None:
        super().__init__()
        self.config = config
        self.heads = heads
        approximation, stored = config.approximation, config.stores_maps
        self.space = approximation.build(heads, stores_maps=stored) if approximation else ExactSpace(stores_map=stored)
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        if config.temporal == "attention":
            self.proj_q = nn.Linear(width, width)
            # With unprojected values, the lower half exists, as in the released weights, but is not used.
            self.proj_kv = nn.Linear(width, 2 * width)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D). CLS attends to all tokens, and no patch attends to CLS."""
        qkv = self.qkv(x).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # (3, B, H, N, K)
        heads = qkv.flatten(1, 2)  # (3, G, N, K): for one clip a view, for several a copy
        if self.recompute and torch.is_grad_enabled():
            output = checkpoint(self.attention, heads, len(x), grid, use_reentrant=False)
        else:
            output = self.attention(heads, len(x), grid)
        assert isinstance(output, Tensor)
        return self.proj(output)  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        if self.config.stores_maps:
            return self.forward(x, grid)[:, :1]
        unused = (*self.proj_q.parameters(), *self.proj_kv.parameters()) if self.attends_in_time else ()
        return self.proj(with_zero_gradients(cls_attention(x, self.qkv, self.heads), unused))

    @property
    def attends_in_time(self) -> bool:
        return self.config.temporal == "attention"

    def attention(self, qkv: Tensor, clips: int, grid: Grid) -> Tensor:
        """Output before the last projection, from queries, keys and values (3, G, N, K) of B clips: (B, N, D)."""
        q, k, v = qkv.unbind()  # (G, N, K) each
        cls = attend(q[:, :1], k.unsqueeze(0), v.unsqueeze(0)).reshape(clips, 1, -1)  # (B, 1, D)
        trajectories = self.trajectories(q[:, 1:], k[:, 1:], v[:, 1:], grid)  # (T, T*S, G, K)
        trajectories = trajectories.unflatten(2, (clips, -1)).flatten(3).flatten(1, 2)  # (T, M, D)
        if self.attends_in_time:
            pooling = Pooling(self.heads, self.config.project_values)
            attention = stored_temporal_attention if self.config.stores_maps else temporal_attention
            patches = attention(trajectories, self.proj_q, self.proj_kv, pooling)  # (M, D)
        else:
            patches = trajectories.mean(dim=0)  # (M, D)
        patches = patches.unflatten(0, (-1, clips)).transpose(0, 1)  # (B, T*S, D)
        return torch.cat([cls, patches], dim=1)

    def trajectories(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Output of each query for each frame (equation 4): heads (G, T*S, K) to (T, T*S, G, K)."""
        trajectories = self.space(q, k, v, grid)
        if self.config.normalize_over == "space":
            return trajectories
        return trajectories * frame_weights(q, k, grid).permute(2, 1, 0).unsqueeze(-1)

    def spatial_map(self, x: Tensor, grid: Grid, query: int) -> Tensor:
        """Attention map of one patch for each frame, A of equation 4: tokens x (B, N, D) to (B, H, T, S).

        Normalised as in the mixer: over the patches of each frame, or over the patches of all frames.

        Args:
            query: index of the patch, frame after frame, without CLS.
        """
        assert self.config.approximation is None, "an approximation has no attention map"
        q, k = self.queries(x[:, 1 + query, None])[:, :, 0], self.keys(x[:, 1:])  # (B, H, K), (B, H, T*S, K)
        scores = torch.einsum("bhk,bhnk->bhn", q, k)  # (B, H, T*S)
        if self.config.normalize_over == "space-time":
            return scores.softmax(dim=-1).unflatten(-1, (grid.frames, grid.patches))  # (B, H, T, S)
        return scores.unflatten(-1, (grid.frames, grid.patches)).softmax(dim=-1)  # (B, H, T, S)

    def queries(self, x: Tensor) -> Tensor:
        """Scaled queries (B, H, L, K) of tokens x (B, L, D)."""
        q = split_heads(F.linear(x, self.qkv.weight.chunk(3)[0], self.qkv.bias.chunk(3)[0]), self.heads)
        return q * q.shape[-1] ** -0.5

    def keys(self, x: Tensor) -> Tensor:
        """Keys (B, H, L, K) of tokens x (B, L, D)."""
        return split_heads(F.linear(x, self.qkv.weight.chunk(3)[1], self.qkv.bias.chunk(3)[1]), self.heads)


def frame_weights(q: Tensor, k: Tensor, grid: Grid) -> Tensor:
    """Sum of the attention weights of each query on each frame, normalised over space and time: (G, T*S, T).

    It is attention with one-hot frame indices as values: a second pass over the keys, but no map in memory.
    """
    # The fused kernels require values as wide as the keys.
    one_hot = torch.eye(grid.frames, max(grid.frames, k.shape[-1]), dtype=k.dtype, device=k.device)
    one_hot_frames = one_hot.repeat_interleave(grid.patches, dim=0)  # (T*S, at least T)
    q, k = q.unsqueeze(0), k.unsqueeze(0)  # the fused kernels take four dimensions
    return strided_attention(q, k, one_hot_frames.expand(*k.shape[:2], -1, -1))[0, ..., : grid.frames]
