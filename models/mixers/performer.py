"""Performer: softmax attention approximated by random positive features of queries and keys.

The method is https://arxiv.org/abs/2009.14794. Motionformer (https://arxiv.org/abs/2106.05392) compares it in Table 3a.
The reshapes of this path fail in the released code; this file follows its intent.
T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, M features.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
from torch import Tensor

from interface.batches import sent
from interface.ranges import Count
from models.mixers.trajectory_space import (
    Approximation,
    SpatialStage,
    by_frame,
    masked,
    random_generator,
    without_autocast,
)
from models.tokens import Grid

# Prevents division by zero for a token whose features all vanish.
EPSILON = 1e-6
LEAST = -1e9  # exponent of a vector that does not count


class Performer(SpatialStage):
    """Features of queries, times the product of the features of keys with values, in each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """Features, and their kernel."""

        label: ClassVar[str] = "Performer"
        num_features: Count = 256
        """Number of random features; always 256 in the released code, whatever its settings."""
        kernel: Literal["released", "softmax", "two-sided"] = field(default="released", metadata={"omit_if": "softmax"})
        """"released": positive features exp(<w, x> - |x|^2 / 2 - m) + 1e-6 of directions with the lengths of normal
        vectors, where m is the maximum of <w, x>: that of a query, or of all keys. "softmax": m is the maximum of <w,
        x> - |x|^2 / 2, so that some feature of every query is far above 1e-6. "two-sided": exp(<w, x> - |x|^2 / 2) and
        exp(-<w, x> - |x|^2 / 2) of half as many directions of length sqrt(K), the regularised kernel of the method's
        paper."""
        scales_twice: bool = field(default=False, metadata={"omit_if": False})
        """Whether queries and keys are scaled by K^-1/4 twice, as in a released port of the method: it then
        approximates exp(<q, k> / K)."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.kernel == "two-sided" and self.num_features % 2:
                raise ValueError(
                    f"attention.approximation.num_features={self.num_features}: the kernel needs an even one"
                )

        def build(self, heads: int, grid: Grid | None = None, *, stores_maps: bool = False) -> "Performer":
            """Spatial stage, which has features and no maps."""
            return Performer(self)

        @property
        def num_directions(self) -> int:
            return self.num_features // 2 if self.kernel == "two-sided" else self.num_features

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds: features of queries and keys, sums of values, products, and their normalisation.

            The released code of the two-sided kernel counts more: squared lengths, a normaliser as wide as the values,
            and in the first pass four products of square matrices that draw the directions.
            """
            n, T, M, D = grid.tokens, grid.frames, self.num_features, width
            if self.kernel == "two-sided":
                return (
                    2 * n * self.num_directions * D + 2 * n * D + 4 * self.num_directions**3 + 2 * n * (1 + T) * M * D
                )
            return 3 * n * M * D + n * T * M * D + n * T * M * heads + n * T * D

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Trajectories, computed at least in float32 because features span many orders of magnitude."""
        exact = torch.promote_types(q.dtype, torch.float32)
        with without_autocast(q):
            # (M, K), or (M/2, K) of the two-sided kernel
            directions = sent(self.directions(q.shape[-1]).to(exact), q.device)
            q_features = self.features(q.to(exact), directions, over=(-1,))  # (G, n, M)
            k_features = self.features(k.to(exact), directions, over=(-2, -1), mask=mask)  # (G, n, M)
            k_features = by_frame(masked(k_features, mask), grid)  # (T, G, S, M)
            values = by_frame(v.to(exact), grid)  # (T, G, S, K)
            # One product for all frames: broadcasting would copy the features of queries for each frame.
            sums = torch.einsum("gnm,tgmk->tngk", q_features, k_features.mT @ values)  # (T, n, G, K)
            total = torch.einsum("gnm,tgm->tng", q_features, k_features.sum(dim=2))  # (T, n, G)
            return (sums / total.unsqueeze(-1)).to(v.dtype).contiguous()

    def features(self, x: Tensor, directions: Tensor, over: tuple[int, ...], mask: Tensor | None = None) -> Tensor:
        """Features (..., M) of vectors (..., K) by the kernel of the config."""
        x = x * x.shape[-1] ** -0.25 if self.config.scales_twice else x
        if self.config.kernel == "two-sided":
            return two_sided_features(x, directions)
        return features(x, directions, over, mask, of_exponents=self.config.kernel == "softmax")

    def directions(self, size: int) -> Tensor:
        """Random directions (M, K), orthogonal in blocks of K, with the lengths of random normal vectors.

        Those of the two-sided kernel have the length sqrt(K).
        """
        generator = random_generator(self.training)
        count = self.config.num_directions
        num_blocks = -(-count // size)
        bases, triangles = torch.linalg.qr(torch.randn(num_blocks, size, size, generator=generator))
        # Differs from the released code, which keeps the signs of QR. They favour one side of every axis: with more
        # features, the result would not converge to exact attention.
        blocks = (bases * triangles.diagonal(dim1=1, dim2=2).sign().unsqueeze(1)).mT
        if self.config.kernel == "two-sided":
            return blocks.flatten(0, 1)[:count] * size**0.5
        lengths = torch.randn(count, size, generator=generator).norm(dim=1, keepdim=True)
        return blocks.flatten(0, 1)[:count] * lengths


def features(
    x: Tensor, directions: Tensor, over: tuple[int, ...], mask: Tensor | None = None, *, of_exponents: bool
) -> Tensor:
    """Positive features (..., M) of vectors (..., K). Their products approximate exp(<x, y> / sqrt(K)).

    Args:
        over: dimensions of the subtracted maximum. Beside `EPSILON`, the normalisation does not cancel it.
        mask: (...), whether a vector counts for the maximum; None if all do.
        of_exponents: whether the maximum is that of the exponents, without gradients, instead of that of <w, x>.
    """
    x = x * x.shape[-1] ** -0.25
    projected = x @ directions.mT
    exponents = projected - x.square().sum(dim=-1, keepdim=True) / 2
    counted = exponents.detach() if of_exponents else projected
    if mask is not None:
        counted = counted.masked_fill(~mask.unsqueeze(-1), LEAST)
    exponents = exponents - counted.amax(dim=over, keepdim=True)
    if mask is not None:
        exponents = exponents.masked_fill(~mask.unsqueeze(-1), 0.0)  # of vectors that do not count, which may overflow
    return len(directions) ** -0.5 * (exponents.exp() + EPSILON)


def two_sided_features(x: Tensor, directions: Tensor) -> Tensor:
    """Features (..., M) of vectors (..., K) from M/2 directions. Their products approximate exp(<x, y> / sqrt(K))."""
    x = x * x.shape[-1] ** -0.25
    projected, offset = x @ directions.mT, x.square().sum(dim=-1, keepdim=True) / 2
    both = torch.cat([projected - offset, -projected - offset], dim=-1)
    return (2 * len(directions)) ** -0.5 * (both + EPSILON).exp()
