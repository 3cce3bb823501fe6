"""Nyströmformer: attention through landmarks, which are segment means, and the pseudoinverse of their attention map.

Algorithm 2 of Motionformer (https://arxiv.org/abs/2106.05392); the method is https://arxiv.org/abs/2102.03902.
The reshapes of this path fail in the released code; this file follows its intent.
T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, R segments.
"""

from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Literal, Self

import torch
from torch import Tensor, nn

from interface.ranges import Count, Range
from models.mixers.attention import attend, attention_maps
from models.mixers.trajectory_space import (
    Approximation,
    SpatialStage,
    by_frame,
    mask_by_frame,
    masked,
    segment_means,
    space_major,
    without_autocast,
)
from models.tokens import Grid

Kernel = Annotated[int, Range(least=1, most=4095)]


class Nystromformer(SpatialStage):
    """Attention of queries to mean keys, times a pseudoinverse, times attention of mean queries to each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """Settings of Algorithm 2, and parts of the original method that it lacks."""

        label: ClassVar[str] = "Nyströmformer"
        num_prototypes: Count = 128
        """Number of segments, each of neighbouring positions in all frames."""
        num_iterations: Count = 6
        """Number of iterations of the pseudoinverse."""
        inverse_start: Literal["each map", "all maps"] = field(default="each map", metadata={"omit_if": "each map"})
        """Largest column sum that scales the start of the iterations: that of each attention map, or that of all maps
        of the batch, so that the output for an item depends on the batch."""
        trains_landmarks: bool = field(default=False, metadata={"omit_if": False})
        """Whether gradients pass through the means, and through their attention map."""
        conv_kernel: Kernel | None = field(default=None, metadata={"omit_if": None})
        """Size of the depthwise convolution over values, which is added to the output; None for none."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.conv_kernel is not None and self.conv_kernel % 2 == 0:
                raise ValueError(f"attention.approximation.conv_kernel={self.conv_kernel}: it must be odd")

        def build(self, heads: int, grid: Grid | None = None, *, stores_maps: bool = False) -> "Nystromformer":
            return Nystromformer(self, heads, stores_maps=stores_maps)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds in the released order, in which the map of the queries is multiplied by the inverse."""
            n, T, R, D = grid.tokens, grid.frames, self.num_prototypes, width
            inverse = 4 * self.num_iterations * heads * R**3
            convolution = n * D * (self.conv_kernel or 0)
            return 3 * n * R * D + R**2 * D + inverse + heads * n * R**2 + n * R * T * D + convolution

        def check(self, grid: Grid) -> None:
            if grid.tokens < self.num_prototypes:
                counts = f"{self.num_prototypes} prototypes, but {grid.tokens} tokens"
                raise ValueError(f"attention.approximation: {counts}; set num_prototypes to no more than that")

        def tiny(self) -> Self:
            return replace(self, num_prototypes=max(1, self.num_prototypes // 8))

    def __init__(self, config: Config, heads: int, *, stores_maps: bool) -> None:
        super().__init__()
        self.config = config
        self.heads = heads
        self.stores_maps = stores_maps
        if (size := config.conv_kernel) is not None:
            self.conv = nn.Conv2d(heads, heads, (size, 1), padding=(size // 2, 0), bias=False, groups=heads)

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Algorithm 2, multiplied from right to left. Padding counts as zeros in the means, as in the original code.

        With stored maps, that of the queries is multiplied by the inverse first, as published.
        """
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.config.trains_landmarks):
            q_means, k_means = (self.means(masked(t, mask), grid) for t in (q, k))  # (G, R, K)
            inverse = self.inverse(q_means, k_means).to(v.dtype)  # (G, R, R)
        keys, frame_values = by_frame(k, grid), by_frame(v, grid)  # (T, G, S, K)
        kept, stored = mask_by_frame(mask, grid), self.stores_maps
        values = attend(q_means.to(q.dtype), keys, frame_values, kept, stores_map=stored)  # (T, R, G, K)
        values = values.transpose(1, 2)  # (T, G, R, K)
        k_means = k_means.to(k.dtype)
        if stored:
            inverted = torch.einsum("gntr,grs->gnts", attention_maps(q, k_means), inverse)  # (G, n, 1, R)
            y = torch.einsum("gntr,tgrk->tngk", inverted, values)
        else:
            y = attend(q, k_means, inverse @ values)  # (T, n, G, K)
        return y if self.config.conv_kernel is None else y + self.convolved(masked(v, mask)).transpose(0, 1)

    def convolved(self, v: Tensor) -> Tensor:
        """Convolution of values (G, n, K) over positions, with a filter per head."""
        return self.conv(v.unflatten(0, (-1, self.heads))).flatten(0, 1)

    def means(self, x: Tensor, grid: Grid) -> Tensor:
        """Landmarks (G, R, K) of heads (G, n, K), at least in float32."""
        exact = x.to(torch.promote_types(x.dtype, torch.float32))
        return segment_means(space_major(exact, grid), self.config.num_prototypes)

    def inverse(self, q_means: Tensor, k_means: Tensor) -> Tensor:
        """Iterated pseudoinverse of the attention map between landmarks: (G, R, R)."""
        with without_autocast(q_means):
            scores = q_means @ k_means.mT * q_means.shape[-1] ** -0.5
            together = self.config.inverse_start == "all maps"
            return iterated_inverse(scores.softmax(dim=-1), self.config.num_iterations, together=together)


def iterated_inverse(a: Tensor, num_iterations: int, *, together: bool = False) -> Tensor:
    """Pseudoinverse of attention maps (..., R, R) by matrix products: equation 11 of Nyströmformer.

    Args:
        together: whether the largest column sum of all maps scales the start of each, in place of its own.
    """
    identity = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    largest = a.sum(dim=-2).amax(dim=-1)[..., None, None]
    z = a.mT / (largest.max() if together else largest)
    for _ in range(num_iterations):
        az = a @ z
        z = 0.25 * z @ (13 * identity - az @ (15 * identity - az @ (7 * identity - az)))
    return z
