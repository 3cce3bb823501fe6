"""Performer: softmax attention approximated by random positive features of queries and keys.

The method is https://arxiv.org/abs/2009.14794. Motionformer (https://arxiv.org/abs/2106.05392) compares it in Table 3a.
The reshapes of this path fail in the released code; this file follows its intent.
T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, M features.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from models.mixers.space import (
    Approximation,
    SpatialStage,
    by_frame,
    check_counts,
    random_generator,
    without_autocast,
)
from models.tokens import Grid

# Prevents division by zero for a token whose features all vanish.
EPSILON = 1e-6


class Performer(SpatialStage):
    """Features of queries, times the product of the features of keys with values, in each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """`num_features`: number of random features; always 256 in the released code, whatever its settings."""

        label: ClassVar[str] = "Performer"
        num_features: int = 256

        def __post_init__(self) -> None:
            """Refuse a number of features below 1."""
            check_counts(self, "num_features")

        def build(self, heads: int) -> "Performer":
            """Spatial stage."""
            return Performer(self)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds: features of queries and keys, sums of values, products, and their normalisation."""
            n, T, M, D = grid.tokens, grid.frames, self.num_features, width
            return 3 * n * M * D + n * T * M * D + n * T * M * heads + n * T * D

        def check(self, grid: Grid) -> None:
            """Accept any clip."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Trajectories, computed at least in float32 because features span many orders of magnitude."""
        exact = torch.promote_types(q.dtype, torch.float32)
        with without_autocast(q):
            directions = self.directions(q.shape[-1]).to(q.device, exact)  # (M, K)
            q_features = features(q.to(exact), directions, over=(-1,))  # (G, n, M)
            k_features = by_frame(features(k.to(exact), directions, over=(-2, -1)), grid)  # (T, G, S, M)
            values = by_frame(v.to(exact), grid)  # (T, G, S, K)
            # One product for all frames: broadcasting would copy the features of queries for each frame.
            sums = torch.einsum("gnm,tgmk->tngk", q_features, k_features.mT @ values)  # (T, n, G, K)
            total = torch.einsum("gnm,tgm->tng", q_features, k_features.sum(dim=2))  # (T, n, G)
            return (sums / total.unsqueeze(-1)).to(v.dtype).contiguous()

    def directions(self, size: int) -> Tensor:
        """Random directions (M, K), orthogonal in blocks of K, with the lengths of random normal vectors."""
        generator = random_generator(self.training)
        num_blocks = -(-self.config.num_features // size)
        bases, triangles = torch.linalg.qr(torch.randn(num_blocks, size, size, generator=generator))
        # Differs from the released code, which keeps the signs of QR. They favour one side of every axis: with more
        # features, the result would not converge to exact attention.
        blocks = (bases * triangles.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)).mT
        lengths = torch.randn(self.config.num_features, size, generator=generator).norm(dim=1, keepdim=True)
        return blocks.flatten(0, 1)[: self.config.num_features] * lengths


def features(x: Tensor, directions: Tensor, over: tuple[int, ...]) -> Tensor:
    """Positive features (..., M) of vectors (..., K). Their products approximate exp(<x, y> / sqrt(K)).

    Args:
        over: dimensions of which the maximal exponent is subtracted; the normalisation cancels it.
    """
    x = x * x.shape[-1] ** -0.25
    exponents = x @ directions.mT - x.square().sum(dim=-1, keepdim=True) / 2
    largest = exponents.detach().amax(dim=over, keepdim=True)
    return len(directions) ** -0.5 * ((exponents - largest).exp() + EPSILON)
