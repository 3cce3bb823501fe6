"""Nystroemformer: attention through the means of segments, undone where they overlap by a pseudoinverse.

Algorithm 2 of Motionformer (https://arxiv.org/abs/2106.05392) as its released code means it, whose reshapes of this
path fail; the method is https://arxiv.org/abs/2102.03902.
T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, R segments.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from models.mixers.attention import attend
from models.mixers.space import (
    Approximation,
    SpatialStage,
    by_frame,
    check_counts,
    in_full_precision,
    place_by_place,
    segment_means,
)
from models.tokens import Grid


class Nystromformer(SpatialStage):
    """Queries attend to means of keys, means of queries attend to each frame, and a pseudoinverse stands between."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """How many segments, each of neighbouring places in all frames, and how far the inverse is iterated."""

        label: ClassVar[str] = "Nyströmformer"
        num_prototypes: int = 128
        num_iterations: int = 6

        def __post_init__(self) -> None:
            """There are landmarks."""
            check_counts(self, "num_prototypes")

        def build(self, heads: int) -> "Nystromformer":
            """The stage."""
            return Nystromformer(self)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds in the released order: the inverse is multiplied into the map of the queries."""
            n, T, R, D = grid.tokens, grid.frames, self.num_prototypes, width
            inverse = 4 * self.num_iterations * heads * R**3
            return 3 * n * R * D + R**2 * D + inverse + heads * n * R**2 + n * R * T * D

        def check(self, grid: Grid) -> None:
            """No segment may be empty."""
            if grid.tokens < self.num_prototypes:
                few = f"{self.num_prototypes} prototypes, but {grid.tokens} tokens"
                raise ValueError(f"attention.approximation: {few}; set num_prototypes to no more than that")

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Algorithm 2, from the right."""
        with torch.no_grad():
            q_means, k_means = self.means(q, grid), self.means(k, grid)  # (G, R, K)
            inverse = self.inverse(q_means, k_means).to(v.dtype)  # (G, R, R)
        found = attend(q_means.to(q.dtype), by_frame(k, grid), by_frame(v, grid)).transpose(1, 2)  # (T, G, R, K)
        found = inverse @ found
        return attend(q, k_means.to(k.dtype).expand(len(found), -1, -1, -1), found)

    def means(self, x: Tensor, grid: Grid) -> Tensor:
        """Landmarks (G, R, K) of heads (G, n, K), in single precision at the least."""
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        return segment_means(place_by_place(exact, grid), self.config.num_prototypes)

    def inverse(self, q_means: Tensor, k_means: Tensor) -> Tensor:
        """Pseudoinverse of the landmarks' attention to one another, by iteration."""
        with in_full_precision(q_means):
            scores = q_means @ k_means.mT * q_means.shape[-1] ** -0.5
            return iterated_inverse(scores.softmax(dim=-1), self.config.num_iterations)


def iterated_inverse(a: Tensor, num_iterations: int) -> Tensor:
    """Equation 11 of Nystroemformer: a pseudoinverse of maps (..., R, R) by products alone."""
    identity = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    z = a.mT / a.sum(dim=-2).amax(dim=-1)[..., None, None]
    for _ in range(num_iterations):
        az = a @ z
        z = 0.25 * z @ (13 * identity - az @ (15 * identity - az @ (7 * identity - az)))
    return z
