"""The first stage of trajectory attention: what each query finds in each frame, exactly or nearly.

Section 3.2 of Motionformer (https://arxiv.org/abs/2106.05392).
B batch, T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, R prototypes.
"""

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.mixers.attention import attend
from models.tokens import Grid


class SpatialStage(nn.Module, ABC):
    """Queries, keys and values of patches to their trajectories."""

    @abstractmethod
    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Heads (G, n, K), time-major, of B clips to what each token finds in each frame: (T, n, G, K)."""


class ExactSpace(SpatialStage):
    """Softmax attention to one frame at a time: equation 4."""

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Attend to each frame."""
        return attend(q, by_frame(k, grid), by_frame(v, grid))


@dataclass(frozen=True, kw_only=True)
class Approximation(ABC):
    """Config of a stage that finds nearly what the exact one finds."""

    label: ClassVar[str]

    @abstractmethod
    def build(self, heads: int) -> SpatialStage:
        """The stage, which has no parameters."""

    @abstractmethod
    def macs(self, grid: Grid, width: int, heads: int) -> int:
        """Multiply-adds as the released code spends them."""

    @abstractmethod
    def check(self, grid: Grid) -> None:
        """Refuse clips that are too small.

        Raises:
            ValueError: saying what would fit.
        """


def check_counts(config: Approximation, *names: str) -> None:
    """Refuse counts of nothing.

    Raises:
        ValueError: naming the first.
    """
    for name in names:
        if (count := getattr(config, name)) is not None and count < 1:
            raise ValueError(f"attention.approximation.{name}={count}: it must be 1 or more")


def by_frame(x: Tensor, grid: Grid) -> Tensor:
    """Heads (G, n, K) as (T, G, S, K)."""
    return x.unflatten(1, (grid.frames, grid.patches)).transpose(0, 1)


def place_by_place(x: Tensor, grid: Grid) -> Tensor:
    """Heads (G, n, K) in another order: all frames of a place, then those of the next."""
    return x.unflatten(1, (grid.frames, grid.patches)).transpose(1, 2).flatten(1, 2)


def segment_means(x: Tensor, num_segments: int) -> Tensor:
    """Means of neighbours, in segments of equal length or, the later ones, of one more: (G, L, K) to (G, R, K)."""
    length = x.shape[1] // num_segments
    num_short = (length + 1) * num_segments - x.shape[1]
    short, long = x.split([num_short * length, x.shape[1] - num_short * length], dim=1)
    means = [short.unflatten(1, (num_short, length)).mean(dim=2)]
    if long.shape[1]:
        means.append(long.unflatten(1, (-1, length + 1)).mean(dim=2))
    return torch.cat(means, dim=1)


def generator_of_draws(training: bool) -> torch.Generator | None:
    """Where random prototypes and features come from.

    In training torch's own generator, which a training step seeds. In evaluation one that starts afresh each time, so
    that the logits of a clip depend on the clip alone. Draws are made on the CPU: they are alike on every device.
    """
    return None if training else torch.Generator().manual_seed(0)


def in_full_precision(x: Tensor) -> contextlib.AbstractContextManager[object]:
    """No mixed precision on the device of x."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else contextlib.nullcontext()
