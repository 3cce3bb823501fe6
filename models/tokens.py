"""Tokenisation of clips into patches or cubes of pixels.

Follows Motionformer (https://arxiv.org/abs/2106.05392), section 3 and Table 2.
B batch, F frames, T token frames, S patches per frame, D width.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, NamedTuple, Self

from torch import Tensor, nn

from interface.ranges import CheckedConfig, Count


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
    """Token grid of a clip, which must divide evenly."""
    if frames % tubelet:
        raise ValueError(f"clip: {frames} frames do not divide into cubes of {tubelet} frames")
    if height % patch or width % patch:
        raise ValueError(f"clip: {height}x{width} pixels do not divide into patches of {patch}x{patch}")
    return Grid(frames // tubelet, height // patch, width // patch)


@dataclass(frozen=True, kw_only=True)
class TokensConfig(CheckedConfig, ABC):
    config_path: ClassVar[str] = "model.tokens"

    label: ClassVar[str]

    patch: Count = 16

    @property
    def frames_per_token(self) -> int:
        return 1

    @abstractmethod
    def build(self, width: int) -> nn.Module:
        """Tokeniser: clips (B, F, 3, height, width) to patch tokens (B, T*S, D), frame after frame, and their Grid."""

    def tiny(self) -> Self:
        """Config for a model of `tiny()` size."""
        return replace(self, patch=self.patch // 2)

    def grid(self, frames: int, height: int, width: int) -> Grid:
        """Token grid of a clip of this size, which must divide evenly."""
        return token_grid(frames, height, width, patch=self.patch, tubelet=self.frames_per_token)

    def macs(self, grid: Grid, width: int) -> int:
        """Published multiply-adds for one clip."""
        return grid.tokens * width * 3 * self.frames_per_token * self.patch**2


class CubicTokens(nn.Module):
    """Projection of cubes of `tubelet` frames by patch x patch pixels to one token each."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokensConfig):
        label: ClassVar[str] = "Cubic"
        tubelet: Count = 2

        @property
        def frames_per_token(self) -> int:
            return self.tubelet

        def build(self, width: int) -> "CubicTokens":
            return CubicTokens(self, width)

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
    class Config(TokensConfig):
        label: ClassVar[str] = "Square"

        def build(self, width: int) -> "SquareTokens":
            return SquareTokens(self, width)

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
