"""Space-time mixing attention: attention within frames, whose keys and values contain channels of other frames.

Equations 7 to 10 of X-ViT (https://arxiv.org/abs/2106.05968), and its released code.
T frames, N tokens of a frame with CLS first, D width, H heads, K = D / H.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor

from interface.ranges import Count, CountOrZero, Share
from models.framewise.frame_attention import INPUT, PROJECTIONS, Shifted, ShiftedAttention
from models.mixers.joint import JointAttention
from models.tokens import Grid


class SpaceTimeMixing:
    """Attention whose keys and values contain channels of the neighbouring frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ShiftedAttention.Config):
        label: ClassVar[str] = "Space-time mixing"
        of: str = "kv"
        """Projections with channels of other frames, e.g. "kv", or "x" for the common input of all three."""
        window: CountOrZero = 1
        """Largest distance of the frames that channels come from; 0 for attention within frames."""
        only_farthest: bool = False
        """Whether channels come from the farthest frames of the window only."""
        fraction: Share = 0.5
        """Fraction of the channels that come from other frames, in equal parts from each."""
        per_head: bool = False
        """Whether each head contains channels of all frames, as printed. The released code, which is the default,
        splits the concatenated channels of all heads, so that most heads belong to one frame."""
        segment_frames: Count | None = None
        """Number of successive frames that are mixed; None for all of a clip. Released Kinetics models mix two halves
        of 8 frames each."""
        summary: Literal["patches", "tokens"] | None = None
        """Whether all frames also attend to a summary of each frame of the segment: the mean of its patches, or of all
        its tokens. The paper sums over all tokens and divides by the number of patches."""

        def build(self, width: int, heads: int) -> list[JointAttention]:
            return [(ShiftedAttention if self.summary is None else SummaryAttention)(self, width, heads)]

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            summaries = 0 if self.summary is None else self.segment(grid.frames)
            return super().macs(grid, width, heads) + 2 * grid.frames * (1 + grid.patches) * summaries * width

        def check(self, grid: Grid, heads: int) -> None:
            if self.of != INPUT and (not self.of or any(self.of.count(n) > 1 or n not in PROJECTIONS for n in self.of)):
                raise ValueError(f"model.attention.of is '{self.of}'; it is x, or some of q, k and v once each")
            if grid.frames % self.segment(grid.frames):
                raise ValueError(
                    f"model.attention.segment_frames is {self.segment_frames}; it must divide the {grid.frames} frames "
                    f"of a clip"
                )

        def segment(self, frames: int) -> int:
            return self.segment_frames or frames

        @property
        def sources(self) -> tuple[int, ...]:
            """Frames that channels come from, relative to their own, in the order of the channels."""
            nearest = self.window if self.only_farthest else 1
            return tuple(sign * step for step in range(nearest, self.window + 1) if step for sign in (1, -1))

        def shifted(self, width: int, heads: int) -> Sequence[Shifted]:
            if not self.sources:
                return ()
            channels = width // heads if self.per_head else width
            count = int(channels * self.fraction / len(self.sources))
            return [
                Shifted(self.of, source, heads=heads_of_part, channels=channels_of_part)
                for index, source in enumerate(self.sources)
                for heads_of_part, channels_of_part in self._places(index * count, (index + 1) * count, width // heads)
            ]

        def _places(self, start: int, stop: int, per_head: int) -> Iterator[tuple[slice, slice]]:
            """Heads and their channels that make up a range of channels of each head, or of all concatenated heads."""
            if self.per_head:
                yield slice(None), slice(start, stop)
                return
            while start < stop:
                head, first = divmod(start, per_head)
                whole = (stop - start) // per_head if first == 0 else 0
                length = whole * per_head or min(per_head - first, stop - start)
                yield slice(head, head + max(whole, 1)), slice(first, min(first + length, per_head))
                start += length


class SummaryAttention(ShiftedAttention):
    """Space-time mixing attention, also to a summary of each frame of the segment.

    The summaries are tokens of each frame before the projection, which costs less than copies of keys and values.
    """

    def __init__(self, config: SpaceTimeMixing.Config, width: int, heads: int) -> None:
        super().__init__(config, width, heads)
        self.first_token = 1 if config.summary == "patches" else 0

    def _context(self, x: Tensor, grid: Grid) -> Tensor:
        """Tokens (B*T, N + segment, D): those of the frame, shifted if the input is, then the summaries."""
        segment = self._segment(grid)
        summaries = x[:, self.first_token :].mean(dim=1).unflatten(0, (-1, segment))  # (B*T/segment, segment, D)
        summaries = summaries.repeat_interleave(segment, dim=0)  # (B*T, segment, D)
        return torch.cat([super()._context(x, grid), summaries], dim=1)
