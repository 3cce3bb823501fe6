"""What every attention mixer has: the interface of its Config, and tokens split into heads.

A mixer maps (B, N, D) tokens and their Grid to (B, N, D). N = 1 + T*S: CLS first, then frame after frame.
B batch, T frames, S patches per frame, N tokens, D width, H heads, K = D / H.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from models.tokens import Grid


class Mixer(nn.Module, ABC):
    """Lets tokens look at one another."""

    drops_path: ClassVar[bool] = True

    @abstractmethod
    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Mix the tokens x (B, N, D), laid out as `grid` after CLS."""


@dataclass(frozen=True, kw_only=True)
class MixerConfig(ABC):
    """How the tokens of a block are mixed: by one mixer, or by several one after another."""

    label: ClassVar[str]
    num_mixers: ClassVar[int] = 1

    @abstractmethod
    def build(self, width: int, heads: int) -> Sequence[Mixer]:
        """The mixers of one block, in the order in which they run."""

    @abstractmethod
    def macs(self, grid: Grid, width: int) -> int:
        """Multiply-adds of one block's mixers as published, which may be more than ours execute."""


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(..., N, D) as heads (..., H, N, K)."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def merge_heads(x: Tensor) -> Tensor:
    """Heads (..., H, N, K) side by side again: (..., N, D)."""
    return x.transpose(-3, -2).flatten(-2)
