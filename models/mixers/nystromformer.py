"""Nyströmformer: attention through landmarks, which are segment means, and the pseudoinverse of their attention map.

Algorithm 2 of Motionformer (https://arxiv.org/abs/2106.05392); the method is https://arxiv.org/abs/2102.03902.
The reshapes of this path fail in the released code; this file follows its intent.
T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, R segments.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

from models.mixers.attention import attend
from models.mixers.space import (
    Approximation,
    SpatialStage,
    by_frame,
    check_counts,
    segment_means,
    space_major,
    without_autocast,
)
from models.tokens import Grid


class Nystromformer(SpatialStage):
    """Attention of queries to mean keys, times a pseudoinverse, times attention of mean queries to each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """`num_prototypes`: number of segments, each of neighbouring positions in all frames.

        `num_iterations`: number of iterations of the pseudoinverse.
        """

        label: ClassVar[str] = "Nyströmformer"
        num_prototypes: int = 128
        num_iterations: int = 6

        def __post_init__(self) -> None:
            """Refuse counts below 1."""
            check_counts(self, "num_prototypes", "num_iterations")

        def build(self, heads: int) -> "Nystromformer":
            """Spatial stage."""
            return Nystromformer(self)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds in the released order, in which the map of the queries is multiplied by the inverse."""
            n, T, R, D = grid.tokens, grid.frames, self.num_prototypes, width
            inverse = 4 * self.num_iterations * heads * R**3
            return 3 * n * R * D + R**2 * D + inverse + heads * n * R**2 + n * R * T * D

        def check(self, grid: Grid) -> None:
            """Refuse clips with fewer tokens than segments."""
            if grid.tokens < self.num_prototypes:
                counts = f"{self.num_prototypes} prototypes, but {grid.tokens} tokens"
                raise ValueError(f"attention.approximation: {counts}; set num_prototypes to no more than that")

        def tiny(self) -> Self:
            """Config with an eighth of the prototypes."""
            return replace(self, num_prototypes=self.num_prototypes // 8)

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Algorithm 2, multiplied from right to left."""
        with torch.no_grad():
            q_means, k_means = self.means(q, grid), self.means(k, grid)  # (G, R, K)
            inverse = self.inverse(q_means, k_means).to(v.dtype)  # (G, R, R)
        values = attend(q_means.to(q.dtype), by_frame(k, grid), by_frame(v, grid)).transpose(1, 2)  # (T, G, R, K)
        values = inverse @ values
        return attend(q, k_means.to(k.dtype).expand(len(values), -1, -1, -1), values)

    def means(self, x: Tensor, grid: Grid) -> Tensor:
        """Landmarks (G, R, K) of heads (G, n, K), at least in float32."""
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        return segment_means(space_major(exact, grid), self.config.num_prototypes)

    def inverse(self, q_means: Tensor, k_means: Tensor) -> Tensor:
        """Iterated pseudoinverse of the attention map between landmarks: (G, R, R)."""
        with without_autocast(q_means):
            scores = q_means @ k_means.mT * q_means.shape[-1] ** -0.5
            return iterated_inverse(scores.softmax(dim=-1), self.config.num_iterations)


def iterated_inverse(a: Tensor, num_iterations: int) -> Tensor:
    """Pseudoinverse of attention maps (..., R, R) by matrix products: equation 11 of Nyströmformer."""
    identity = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    z = a.mT / a.sum(dim=-2).amax(dim=-1)[..., None, None]
    for _ in range(num_iterations):
        az = a @ z
        z = 0.25 * z @ (13 * identity - az @ (15 * identity - az @ (7 * identity - az)))
    return z
