"""First stage of trajectory attention: attention of each query to each frame, exact or approximate.

Section 3.2 of Motionformer (https://arxiv.org/abs/2106.05392).
B batch, T frames, S patches per frame, n = T*S, D width, H heads, K = D / H, G = B*H, R prototypes.
"""

import contextlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig
from models.mixers.attention import attend
from models.tokens import Grid


class SpatialStage(nn.Module, ABC):
    """Attention of each query to each frame, which gives its trajectory."""

    @abstractmethod
    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Trajectories (T, n, G, K) from queries, keys and values (G, n, K) of B clips in time-major order.

        Args:
            mask: (G, n), whether a position is a token and not padding; None if all are.
        """


class ExactSpace(SpatialStage):
    """Softmax attention within each frame: equation 4. Its settings are those of `attend`; dropout is of training."""

    def __init__(self, dropout: float = 0.0, *, stores_map: bool = False) -> None:
        super().__init__()
        self.dropout = dropout
        self.stores_map = stores_map

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        rate = self.dropout if self.training else 0.0
        keys, values, kept = by_frame(k, grid), by_frame(v, grid), mask_by_frame(mask, grid)
        return attend(q, keys, values, kept, rate, stores_map=self.stores_map)


@dataclass(frozen=True, kw_only=True)
class Approximation(CheckedConfig, ABC):
    """Config of an approximate spatial stage."""

    config_path: ClassVar[str] = "attention.approximation"
    label: ClassVar[str]

    @abstractmethod
    def build(self, heads: int, grid: Grid | None = None, *, stores_maps: bool = False) -> SpatialStage:
        """Spatial stage.

        Args:
            grid: grid of all inputs, for stages with parameters that depend on it.
            stores_maps: whether its attention maps stay in memory for the backward pass, as published.
        """

    @abstractmethod
    def macs(self, grid: Grid, width: int, heads: int) -> int:
        """Multiply-adds of the released code."""

    def check(self, grid: Grid) -> None:
        """Refuse clips that are too small; by default, none is."""

    def tiny(self) -> Self:
        """Config for a model of `tiny()` size; by default the same."""
        return self


def by_frame(x: Tensor, grid: Grid) -> Tensor:
    """Heads (G, n, K) by frame: (T, G, S, K)."""
    return x.unflatten(1, (grid.frames, grid.patches)).transpose(0, 1)


def mask_by_frame(mask: Tensor | None, grid: Grid) -> Tensor | None:
    """Mask (G, n) of tokens by frame: (T, G, S); None without a mask."""
    return None if mask is None else mask.unflatten(1, (grid.frames, grid.patches)).transpose(0, 1)


def masked(x: Tensor, mask: Tensor | None) -> Tensor:
    """Heads (G, n, K) with zeros in place of padding, given a mask (G, n)."""
    return x if mask is None else x * mask.unsqueeze(-1)


def space_major(x: Tensor, grid: Grid) -> Tensor:
    """Heads (G, n, K) in space-major order: all frames of a position, then those of the next position."""
    return x.unflatten(1, (grid.frames, grid.patches)).transpose(1, 2).flatten(1, 2)


def segment_means(x: Tensor, num_segments: int) -> Tensor:
    """Means of R segments of consecutive tokens: (G, L, K) to (G, R, K).

    If L is not divisible by R, the last L % R segments are one token longer.
    """
    length = x.shape[1] // num_segments
    num_short = (length + 1) * num_segments - x.shape[1]
    short, long = x.split([num_short * length, x.shape[1] - num_short * length], dim=1)
    means = [short.unflatten(1, (num_short, length)).mean(dim=2)]
    if long.shape[1]:
        means.append(long.unflatten(1, (-1, length + 1)).mean(dim=2))
    return torch.cat(means, dim=1)


def random_generator(training: bool) -> torch.Generator | None:
    """Random generator of prototypes and features; None for torch's default generator.

    Training uses the default generator, which a training step seeds. Evaluation uses a new generator with a fixed seed
    each time, so that the logits of a clip depend on the clip alone. Both are CPU generators, so that random numbers
    are the same on every device.
    """
    return None if training else torch.Generator().manual_seed(0)


def without_autocast(x: Tensor) -> contextlib.AbstractContextManager[object]:
    """Context without mixed precision on the device of x."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else contextlib.nullcontext()
