"""Learnt positions of frame-wise ViTs. T frames, S patches per frame, D width."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.positions import LearntPositions, check_frames, resized, square_side
from models.ranges import check_range
from models.tokens import Grid


class FramePositions(nn.Module):
    """Position in space of each token of a frame, CLS included, and optionally one in time of each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(LearntPositions):
        """Settings.

        `in_time`: whether there are positions in time, which all tokens of a frame get.
        `period`: number of learnt positions in time, which repeat; None for the number of frames of the clip.
        """

        label: ClassVar[str] = "Frame-wise"
        in_time: bool = False
        period: int | None = None

        def check(self, grid: Grid) -> None:
            super().check(grid)
            check_range("model.positions.period", self.period, least=1)
            if self.period is not None and grid.frames % self.period:
                raise ValueError(
                    f"model.positions.period is {self.period}; it must divide the {grid.frames} frames of a clip"
                )

        def build(self, width: int, grid: Grid) -> "FramePositions":
            """Positions for clips of this grid; space is random, time is zero."""
            return FramePositions(self, width, self.period or grid.frames, square_side(self.side, grid))

    def __init__(self, config: Config, width: int, frames: int, side: int) -> None:
        super().__init__()
        self.repeats = config.period is not None
        self.side = side
        self.space = nn.Parameter(torch.empty(1, 1 + side**2, width))
        self.time = nn.Parameter(torch.zeros(1, frames, width)) if config.in_time else None
        nn.init.trunc_normal_(self.space, std=0.02)

    def forward(self, grid: Grid) -> Tensor:
        """Positions (T, 1 + S, D) of the tokens of all frames; (1, 1 + S, D) without positions in time."""
        cls, space = self.space.split([1, self.side**2], dim=1)
        frame = torch.cat([cls, resized(space, self.side, grid)], dim=1)  # (1, 1 + S, D)
        if self.time is None:
            return frame
        learnt = self.time.shape[1]
        if not self.repeats or grid.frames % learnt:
            check_frames(learnt, grid)
        return frame + self.time.transpose(0, 1).repeat(grid.frames // learnt, 1, 1)
