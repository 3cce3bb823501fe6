"""Multi-head self/cross-attention: some heads, or some tokens, attend with projections of the neighbouring frames.

Equations 17 to 23 of MSCA (https://arxiv.org/abs/2204.00452).
N tokens of a frame with CLS first, D width, H heads.
"""

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from interface.ranges import CountOrZero
from models.framewise.frame_attention import PROJECTIONS, Shifted, ShiftedAttention
from models.tokens import Grid

Neighbour = Literal["past", "future"]
TOKENS, TINY_TOKENS = 197, 17  # of a frame with CLS, at the paper's size and at scale `tiny`


@dataclass(frozen=True, kw_only=True)
class NeighbourAttention(ShiftedAttention.Config):
    """Settings that both directions share."""

    of: str = "kv"
    """Projections that are shifted, e.g. "kv"."""
    first: Neighbour
    """Neighbour that the first group comes from; the second group comes from the other one."""

    @property
    @abstractmethod
    def past_and_future(self) -> tuple[int, int]:
        """Numbers of heads or tokens that come from the previous and from the next frame."""

    @property
    def counts(self) -> tuple[int, int]:
        """Sizes of the first and of the second group."""
        past, future = self.past_and_future
        return (past, future) if self.first == "past" else (future, past)

    def share(self, grid: Grid, heads: int) -> float:
        return sum(self.counts) / self.available(grid, heads)

    @abstractmethod
    def available(self, grid: Grid, heads: int) -> int:
        """Number of heads or tokens."""

    def check(self, grid: Grid, heads: int) -> None:
        if not self.of or any(self.of.count(name) > 1 or name not in PROJECTIONS for name in self.of):
            raise ValueError(f"model.attention.of is '{self.of}'; it names some of q, k and v once each")

    @property
    def sources(self) -> tuple[int, int]:
        """Frames that the first and the second group come from, relative to their own."""
        return (-1, 1) if self.first == "past" else (1, -1)


class HeadShift:
    """Heads that attend to the neighbouring frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(NeighbourAttention):
        """Numbers of heads that come from the previous and from the next frame.

        Differs from the paper, whose printed ranges start at 1 and would shift one head less. As in the authors' code,
        unlike Equation 17, the first heads come from the next frame, and the last ones from the previous frame.
        """

        label: ClassVar[str] = "MSCA"
        first: Neighbour = "future"
        past_heads: CountOrZero = 1
        future_heads: CountOrZero = 1
        at_ends: bool = True
        """Whether the second group consists of the last heads, not of those after the first group."""

        @property
        def past_and_future(self) -> tuple[int, int]:
            return self.past_heads, self.future_heads

        def available(self, grid: Grid, heads: int) -> int:
            return heads

        def check(self, grid: Grid, heads: int) -> None:
            super().check(grid, heads)
            if sum(self.counts) > heads:
                raise ValueError(f"model.attention shifts {sum(self.counts)} heads; the model has {heads}")

        def shifted(self, width: int, heads: int) -> Sequence[Shifted]:
            first, second = self.counts
            start = heads - second if self.at_ends else first
            groups = (slice(0, first), slice(start, start + second))
            return [Shifted(self.of, source, heads=group) for group, source in zip(groups, self.sources, strict=True)]


class TokenGroupShift:
    """Tokens at the same place of a frame that come from the neighbouring frames, in all heads."""

    @dataclass(frozen=True, kw_only=True)
    class Config(NeighbourAttention):
        """Numbers of tokens that come from the previous and from the next frame. CLS is the first token."""

        label: ClassVar[str] = "MSCA, patches"
        first: Neighbour = "past"
        past_tokens: CountOrZero = 8
        future_tokens: CountOrZero = 8

        @property
        def past_and_future(self) -> tuple[int, int]:
            return self.past_tokens, self.future_tokens

        def available(self, grid: Grid, heads: int) -> int:
            return 1 + grid.patches

        def check(self, grid: Grid, heads: int) -> None:
            super().check(grid, heads)
            if sum(self.counts) > 1 + grid.patches:
                raise ValueError(
                    f"model.attention shifts {sum(self.counts)} tokens; a frame has {1 + grid.patches} with CLS"
                )

        def tiny(self) -> Self:
            """The same fraction of the tokens of a tiny frame, rounded up, so that all numbers in the paper differ."""
            number = self.past_tokens + self.future_tokens
            tiny = math.ceil(number * TINY_TOKENS / TOKENS)
            past = math.ceil(tiny * self.past_tokens / max(number, 1))
            return replace(self, past_tokens=past, future_tokens=tiny - past)

        def shifted(self, width: int, heads: int) -> Sequence[Shifted]:
            first, second = self.counts
            groups = (slice(0, first), slice(first, first + second))
            return [Shifted(self.of, source, tokens=group) for group, source in zip(groups, self.sources, strict=True)]
