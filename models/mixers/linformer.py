"""Linformer: attention to a few learned linear combinations of keys and of values over all positions.

The method is https://arxiv.org/abs/2006.04768, with one projection for keys and values.
T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, R combinations.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from interface.ranges import Count
from models.mixers.attention import attend
from models.mixers.trajectory_space import Approximation, SpatialStage, by_frame, masked
from models.tokens import Grid


class Linformer(SpatialStage):
    """Attention of queries to R combinations of the keys of each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        label: ClassVar[str] = "Linformer"
        num_prototypes: Count = 256
        """Number of combinations."""

        def build(self, heads: int, grid: Grid | None = None, *, stores_maps: bool = False) -> "Linformer":
            """Spatial stage for a grid, which determines the size of the projection."""
            if grid is None:
                raise ValueError("attention.approximation: Linformer learns weights of positions; use it on sequences")
            return Linformer(self, heads, grid, stores_maps=stores_maps)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds: combinations of keys and values, scores and outputs."""
            return (2 + 2 * grid.frames) * grid.tokens * self.num_prototypes * width

        def check(self, grid: Grid) -> None:
            if grid.patches < self.num_prototypes:
                counts = f"{self.num_prototypes} prototypes, but {grid.patches} tokens"
                raise ValueError(f"attention.approximation: {counts}; set num_prototypes to no more than that")

        def tiny(self) -> Self:
            return replace(self, num_prototypes=max(1, self.num_prototypes // 8))

    def __init__(self, config: Config, heads: int, grid: Grid, *, stores_maps: bool) -> None:
        super().__init__()
        self.heads = heads
        self.stores_maps = stores_maps
        self.projection = nn.Parameter(torch.empty(heads, config.num_prototypes, grid.patches))
        nn.init.normal_(self.projection, std=0.02)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Trajectories (T, n, G, K). Padding counts as zeros in the combinations."""
        keys, values = (self.combined(by_frame(masked(t, mask), grid)) for t in (k, v))
        return attend(q, keys, values, stores_map=self.stores_maps)

    def combined(self, x: Tensor) -> Tensor:
        """Combinations (T, G, R, K) of the heads of frames (T, G, S, K)."""
        by_head = x.unflatten(1, (-1, self.heads))  # (T, B, H, S, K)
        return (self.projection.to(x.dtype) @ by_head).flatten(1, 2)
