"""Fixed positions of masked autoencoders of clips, which are neither trained nor saved.

T token frames, S patches per frame, D width.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.positions import PositionsConfig, check_frames
from models.tokens import Grid

BASE = 10000.0


def sinusoids(places: Tensor, width: int) -> Tensor:
    """Angles of places (n,) at `width` frequencies: (n, width), float64. Neighbouring pairs have the same frequency."""
    pairs = torch.arange(width, dtype=torch.float64) // 2
    return places[:, None].double() / BASE ** (2 * pairs / width)


class SequencePositions(nn.Module):
    """Sines and cosines of the place in the sequence of all patches, as in VideoMAE (https://arxiv.org/abs/2203.12602).

    Computed in float64. They do not depend on the grid, but on the number of its patches alone.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(PositionsConfig):
        """No options."""

        label: ClassVar[str] = "Sequence"
        of_cls: ClassVar[bool] = False

        def build(self, width: int, grid: Grid) -> "SequencePositions":
            return SequencePositions(width, grid)

    def __init__(self, width: int, grid: Grid) -> None:
        super().__init__()
        angles = sinusoids(torch.arange(grid.tokens), width)  # (T*S, D)
        even = torch.arange(width) % 2 == 0
        table = torch.where(even, angles.sin(), angles.cos()).float()
        self.table = nn.Buffer(table.unsqueeze(0), persistent=False)
        self.grid = grid

    def forward(self, grid: Grid) -> Tensor:
        """Positions (1, T*S, D)."""
        check_grid(grid, self.grid)
        return self.table


class SpaceTimePositions(nn.Module):
    """Sines and cosines of frame, row and column in separate channels, as in MVD (https://arxiv.org/abs/2212.04500)."""

    @dataclass(frozen=True, kw_only=True)
    class Config(PositionsConfig):
        """No options."""

        label: ClassVar[str] = "Space and time"
        of_cls: ClassVar[bool] = False

        def check(self, grid: Grid) -> None:
            """Accept any grid."""

        def build(self, width: int, grid: Grid) -> "SpaceTimePositions":
            return SpaceTimePositions(width, grid)

    def __init__(self, width: int, grid: Grid) -> None:
        super().__init__()
        in_time = width // 4
        in_space = width - in_time
        t, y, x = (torch.arange(size) for size in grid)
        time = half_and_half(t, in_time)[:, None, None].expand(*grid, -1)
        column = half_and_half(x, in_space // 2)[None, None].expand(*grid, -1)
        row = half_and_half(y, in_space // 2)[None, :, None].expand(*grid, -1)
        table = torch.cat([time, column, row], dim=-1).flatten(0, 2)  # (T*S, D)
        self.table = nn.Buffer(table.float().unsqueeze(0), persistent=False)
        self.grid = grid

    def forward(self, grid: Grid) -> Tensor:
        """Positions (1, T*S, D)."""
        check_grid(grid, self.grid)
        return self.table


def half_and_half(places: Tensor, width: int) -> Tensor:
    """Sines, then cosines of places (n,) at width / 2 frequencies: (n, width), float64."""
    half = width // 2
    angles = places[:, None].double() / BASE ** (torch.arange(half, dtype=torch.float64) / half)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


def check_grid(grid: Grid, built_for: Grid) -> None:
    """Refuse clips of another grid.

    Raises:
        ValueError: with both grids.
    """
    check_frames(built_for.frames, grid)
    if grid != built_for:
        raise ValueError(
            f"positions: fixed for {built_for.height}x{built_for.width} patches, and the clip has "
            f"{grid.height}x{grid.width}"
        )
