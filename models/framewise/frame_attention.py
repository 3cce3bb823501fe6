"""Attention within each frame, whose queries, keys and values may come from other frames.

B batch, T frames, S patches per frame, N = 1 + S tokens of a frame with its CLS first, M >= N tokens with keys
and values, D width, H heads, K = D / H.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch.nn.functional as F
from torch import Tensor

from models.framewise.frame_shift import Boundary, Part, shifted_projections
from models.mixers.attention import merge_heads
from models.mixers.joint import JointAttention
from models.tokens import Grid

WHOLE = slice(None)
PROJECTIONS = "qkv"
INPUT = "x"  # in place of projections: the common input of all three


class FrameAttention:
    """Joint attention of the tokens of each frame, (B*T, N, D), by itself."""

    @dataclass(frozen=True, kw_only=True)
    class Config(JointAttention.Config):
        label: ClassVar[str] = "Space"

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            return grid.frames * super().macs(Grid(1, grid.height, grid.width), width, heads)


class Shifted(NamedTuple):
    """A part of the projected tokens of a frame that comes from another frame."""

    of: str
    """Projections, e.g. "kv", or "x" for their common input."""
    source: int
    """Frame that the part is taken from, relative to its own."""
    tokens: slice = WHOLE
    """Of N, CLS included."""
    heads: slice = WHOLE
    """Of H."""
    channels: slice = WHOLE
    """Of the K of each head."""


class ShiftedAttention(JointAttention):
    """Attention within each frame, with parts of its queries, keys and values shifted between frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FrameAttention.Config):
        boundary: Boundary = "zero"
        """What the first or last frame gets in place of a frame outside of the clip."""

        def build(self, width: int, heads: int) -> "list[JointAttention]":
            return [ShiftedAttention(self, width, heads)]

        @abstractmethod
        def shifted(self, width: int, heads: int) -> Sequence[Shifted]:
            """Parts that come from other frames. They do not overlap."""

        def segment(self, frames: int) -> int:
            """Number of successive frames that are connected; by default all of a clip's."""
            return frames

    def __init__(self, config: Config, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.config = config
        self.shifted = config.shifted(width, heads)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B*T, N, D) of tokens x (B*T, N, D)."""
        q, k, v = self._heads(self.qkv(self._context(x, grid)), PROJECTIONS, grid)  # (B*T, H, M, K)
        return self._attend(q[:, :, : x.shape[1]], k, v)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `forward` for CLS alone: (B*T, 1, D). Keys and values are projected for all tokens."""
        context, width = self._context(x, grid), x.shape[-1]  # (B*T, M, D)
        of_q, of_kv = self.qkv.weight.split([width, 2 * width])
        [q] = self._heads(F.linear(context[:, :1], of_q, self.qkv.bias[:width]), "q", grid)  # (B*T, H, 1, K)
        k, v = self._heads(F.linear(context, of_kv, self.qkv.bias[width:]), "kv", grid)  # (B*T, H, M, K)
        return self._attend(q, k, v)

    def _context(self, x: Tensor, grid: Grid) -> Tensor:
        """Tokens (B*T, M, D) that are projected: x (B*T, N, D), shifted if the input is, and any further tokens."""
        parts = self._parts(INPUT, grid)
        if not parts:
            return x
        [heads] = shifted_projections(x.clone(), (1, self.heads), self._segment(grid), parts, self.config.boundary)
        return merge_heads(heads)

    def _heads(self, x: Tensor, projections: str, grid: Grid) -> tuple[Tensor, ...]:
        """Heads (B*T, H, n, K) of each projection of x (B*T, n, len(projections)*D), shifted. Tokens after N stay."""
        parts, shape = self._parts(projections, grid), (len(projections), self.heads)
        return shifted_projections(x, shape, self._segment(grid), parts, self.config.boundary)

    def _parts(self, projections: str, grid: Grid) -> list[Part]:
        """Parts of (B, T, n, projections, H, K) that come from other frames."""
        num_tokens = 1 + grid.patches
        return [
            Part(
                (slice(*part.tokens.indices(num_tokens)), projections.index(projection), part.heads, part.channels),
                part.source,
            )
            for part in self.shifted
            for projection in part.of
            if projection in projections
        ]

    def _segment(self, grid: Grid) -> int:
        """Number of successive frames that are connected. It must divide the frames: segments are of one clip."""
        segment = self.config.segment(grid.frames)
        if grid.frames % segment:
            raise ValueError(f"clip: {grid.frames} frames; segments of {segment} frames must divide them")
        return segment

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Output (B*T, n, D) of queries (B*T, H, n, K), keys and values (B*T, H, M, K)."""
        return self.proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))
