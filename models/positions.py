"""Learnt position embeddings in space and time.

Follows Motionformer (https://arxiv.org/abs/2106.05392), section 3 and Table 2.
T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import CheckedConfig, Count
from models.tokens import Grid


def resized(positions: Tensor, side: int, grid: Grid) -> Tensor:
    """Positions (T, side*side, D) as (T, S, D), resized bicubically if `grid` has other rows and columns.

    The authors pass scale_factor=sqrt(S) / side to F.interpolate, whose rounding may lose a patch. The size is passed
    here instead.
    """
    if (grid.height, grid.width) == (side, side):
        return positions
    plane = positions.transpose(1, 2).unflatten(2, (side, side))  # (T, D, side, side)
    plane = F.interpolate(plane, size=(grid.height, grid.width), mode="bicubic")  # (T, D, rows, columns)
    return plane.flatten(2).transpose(1, 2)  # (T, S, D)


def square_side(side: int | None, grid: Grid) -> int:
    """Rows and columns of the learnt positions: `side`, or those of the clip's grid, which must then be square."""
    if side is not None:
        return side
    if grid.height != grid.width:
        raise ValueError(f"positions: a {grid.height}x{grid.width} grid is not square; give positions.side")
    return grid.height


def check_frames(learnt: int, grid: Grid) -> None:
    """Refuse clips with another number of token frames than the learnt positions in time."""
    if grid.frames != learnt:
        raise ValueError(f"positions: learnt for {learnt} token frames, the clip has {grid.frames}")


@dataclass(frozen=True, kw_only=True)
class PositionsConfig(CheckedConfig, ABC):
    """Config of position embeddings, which are added to the tokens."""

    config_path: ClassVar[str] = "model.positions"
    label: ClassVar[str]
    of_cls: ClassVar[bool] = True
    """Whether they include one of CLS."""

    @abstractmethod
    def build(self, width: int, grid: Grid) -> nn.Module:
        """Positions for clips of this grid: a Grid to (1, N, D), with CLS first if `of_cls`.

        The grid of a forward pass may have other rows and columns. A frame-wise trunk takes (T, 1 + S, D).
        """

    def check(self, grid: Grid) -> None:
        """Refuse clips that they do not support."""

    def tiny(self) -> Self:
        """Config for a model of `tiny()` size; by default the same."""
        return self


@dataclass(frozen=True, kw_only=True)
class LearntPositions(PositionsConfig):
    side: Count | None = None
    """Rows and columns of the learnt grid, 14 in the released models; None for those of the clip."""

    def check(self, grid: Grid) -> None:
        square_side(self.side, grid)

    def tiny(self) -> Self:
        return self if self.side is None else replace(self, side=4)


class SeparatePositions(nn.Module):
    """Sum of a position in space, which CLS has too, and a position in time: z = x + e_s + e_t."""

    @dataclass(frozen=True, kw_only=True)
    class Config(LearntPositions):
        label: ClassVar[str] = "Separate ST"

        def build(self, width: int, grid: Grid) -> "SeparatePositions":
            """Positions for clips of this grid; space is random, time is zero."""
            return SeparatePositions(width, grid.frames, square_side(self.side, grid))

    def __init__(self, width: int, frames: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.space = nn.Parameter(torch.empty(1, 1 + side**2, width))
        self.time = nn.Parameter(torch.zeros(1, frames, width))
        nn.init.trunc_normal_(self.space, std=0.02)

    def forward(self, grid: Grid) -> Tensor:
        """Positions of CLS and all patch tokens: (1, N, D)."""
        check_frames(self.time.shape[1], grid)
        cls, space = self.space.split([1, self.side**2], dim=1)
        patches = resized(space, self.side, grid).unsqueeze(1) + self.time.unsqueeze(2)  # (1, T, S, D)
        return torch.cat([cls, patches.flatten(1, 2)], dim=1)  # (1, N, D)


class JointPositions(nn.Module):
    """One position for each patch token of the clip, and one for CLS."""

    @dataclass(frozen=True, kw_only=True)
    class Config(LearntPositions):
        label: ClassVar[str] = "Joint ST"

        def build(self, width: int, grid: Grid) -> "JointPositions":
            return JointPositions(width, grid.frames, square_side(self.side, grid))

    def __init__(self, width: int, frames: int, side: int) -> None:
        super().__init__()
        self.frames = frames
        self.side = side
        self.space_time = nn.Parameter(torch.empty(1, 1 + frames * side**2, width))
        nn.init.trunc_normal_(self.space_time, std=0.02)

    def forward(self, grid: Grid) -> Tensor:
        """Positions of CLS and all patch tokens: (1, N, D)."""
        check_frames(self.frames, grid)
        cls, patches = self.space_time.split([1, self.frames * self.side**2], dim=1)
        frames = patches[0].unflatten(0, (self.frames, self.side**2))  # (T, side*side, D)
        # Differs from the paper: the authors' code fails at other resolutions; ours resizes each frame's positions.
        frames = resized(frames, self.side, grid)  # (T, S, D)
        return torch.cat([cls, frames.flatten(0, 1).unsqueeze(0)], dim=1)  # (1, N, D)
