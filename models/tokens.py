"""Tokenisation of clips into patches or cubes of pixels, and learnt position embeddings in space and time.

Follows Motionformer (https://arxiv.org/abs/2106.05392), section 3 and Table 2.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width.
"""

from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.model import check_range


class Grid(NamedTuple):
    """Numbers of token frames, and of rows and columns of patches per frame."""

    frames: int
    height: int
    width: int

    @property
    def patches(self) -> int:
        """Number of patches per frame, S."""
        return self.height * self.width

    @property
    def tokens(self) -> int:
        """Number of patch tokens of the clip, T*S, without CLS."""
        return self.frames * self.patches


def token_grid(frames: int, height: int, width: int, *, patch: int, tubelet: int) -> Grid:
    """Token grid of a clip.

    Raises:
        ValueError: if the clip does not divide evenly.
    """
    if frames % tubelet:
        raise ValueError(f"clip: {frames} frames do not divide into cubes of {tubelet} frames")
    if height % patch or width % patch:
        raise ValueError(f"clip: {height}x{width} pixels do not divide into patches of {patch}x{patch}")
    return Grid(frames // tubelet, height // patch, width // patch)


class CubicTokens(nn.Module):
    """Projection of cubes of `tubelet` frames by patch x patch pixels to one token each."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Size of a cube."""

        label: ClassVar[str] = "Cubic"
        patch: int = 16
        tubelet: int = 2

        def build(self, width: int) -> "CubicTokens":
            """Tokeniser, with torch's default initial values as in the authors' code."""
            return CubicTokens(self, width)

        def check(self) -> None:
            """Refuse sizes below 1."""
            check_range("model.tokens.patch", self.patch, least=1)
            check_range("model.tokens.tubelet", self.tubelet, least=1)

        def tiny(self) -> Self:
            """Config with patches of half the side."""
            return replace(self, patch=self.patch // 2)

        def grid(self, frames: int, height: int, width: int) -> Grid:
            """Token grid of a clip of this size."""
            return token_grid(frames, height, width, patch=self.patch, tubelet=self.tubelet)

        def macs(self, grid: Grid, width: int) -> int:
            """Multiply-adds of the projection."""
            return grid.tokens * width * 3 * self.tubelet * self.patch**2

        def unused_parameters(self, width: int) -> int:
            """Number of unused parameters of the authors' model: the 2D projection of the ViT."""
            return width * 3 * self.patch**2 + width

    def __init__(self, config: Config, width: int) -> None:
        super().__init__()
        self.config = config
        size = (config.tubelet, config.patch, config.patch)
        self.projection = nn.Conv3d(3, width, kernel_size=size, stride=size)

    def forward(self, clip: Tensor) -> tuple[Tensor, Grid]:
        """Tokens of a clip (B, F, 3, height, width), frame after frame, row after row."""
        grid = self.config.grid(clip.shape[1], clip.shape[3], clip.shape[4])
        cubes = self.projection(clip.transpose(1, 2))  # (B, D, T, rows, columns)
        return cubes.flatten(2).transpose(1, 2), grid  # (B, T*S, D)


class SquareTokens(nn.Module):
    """Projection of patches of single frames to one token each."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Size of a patch."""

        label: ClassVar[str] = "Square"
        tubelet: ClassVar[int] = 1
        patch: int = 16

        def build(self, width: int) -> "SquareTokens":
            """Tokeniser, with torch's default initial values as in the authors' code."""
            return SquareTokens(self, width)

        def check(self) -> None:
            """Refuse sizes below 1."""
            check_range("model.tokens.patch", self.patch, least=1)

        def tiny(self) -> Self:
            """Config with patches of half the side."""
            return replace(self, patch=self.patch // 2)

        def grid(self, frames: int, height: int, width: int) -> Grid:
            """Token grid of a clip of this size."""
            return token_grid(frames, height, width, patch=self.patch, tubelet=1)

        def macs(self, grid: Grid, width: int) -> int:
            """Multiply-adds of the projection."""
            return grid.tokens * width * 3 * self.patch**2

        def unused_parameters(self, width: int) -> int:
            """Number of unused parameters of the authors' model: a 3D projection of depth one frame."""
            return width * 3 * self.patch**2 + width

    def __init__(self, config: Config, width: int) -> None:
        super().__init__()
        self.config = config
        self.projection = nn.Conv2d(3, width, kernel_size=config.patch, stride=config.patch)

    def forward(self, clip: Tensor) -> tuple[Tensor, Grid]:
        """Tokens of a clip (B, F, 3, height, width), frame after frame, row after row."""
        B, frames, _, height, width = clip.shape
        grid = self.config.grid(frames, height, width)
        patches = self.projection(clip.flatten(0, 1))  # (B*F, D, rows, columns)
        patches = patches.flatten(2).transpose(1, 2)  # (B*F, S, D)
        return patches.reshape(B, grid.tokens, -1), grid  # (B, T*S, D)


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
    """Number of rows and columns of the learnt positions: `side`, or that of the clip's grid.

    Raises:
        ValueError: if `side` is None and the grid is not square.
    """
    if side is not None:
        return side
    if grid.height != grid.width:
        raise ValueError(f"positions: a {grid.height}x{grid.width} grid is not square; give positions.side")
    return grid.height


def check_frames(learnt: int, grid: Grid) -> None:
    """Refuse clips with another number of token frames than the learnt positions in time.

    Raises:
        ValueError: with both numbers.
    """
    if grid.frames != learnt:
        raise ValueError(f"positions: learnt for {learnt} token frames, the clip has {grid.frames}")


class SeparatePositions(nn.Module):
    """Sum of a position in space, which CLS has too, and a position in time: z = x + e_s + e_t."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """`side`: rows and columns of the learnt grid; None for those of the clip (14 in the released models)."""

        label: ClassVar[str] = "Separate ST"
        side: int | None = None

        def tiny(self) -> Self:
            """Config with a learnt grid of side 4, if it sets a side."""
            return self if self.side is None else replace(self, side=4)

        def build(self, width: int, grid: Grid) -> "SeparatePositions":
            """Positions for clips of this grid; space is random, time is zero."""
            return SeparatePositions(width, grid.frames, square_side(self.side, grid))

        def unused_parameters(self, width: int, grid: Grid) -> int:
            """Number of unused parameters of the authors' model: none."""
            return 0

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
    class Config:
        """`side`: rows and columns of the learnt grid; None for those of the clip."""

        label: ClassVar[str] = "Joint ST"
        side: int | None = None

        def tiny(self) -> Self:
            """Config with a learnt grid of side 4, if it sets a side."""
            return self if self.side is None else replace(self, side=4)

        def build(self, width: int, grid: Grid) -> "JointPositions":
            """Random positions for clips of this grid."""
            return JointPositions(width, grid.frames, square_side(self.side, grid))

        def unused_parameters(self, width: int, grid: Grid) -> int:
            """Number of unused parameters of the authors' model: the positions of the ViT."""
            return (1 + square_side(self.side, grid) ** 2) * width

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
