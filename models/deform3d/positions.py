"""Fixed positions in space and time for any number of frames, rows and columns.

A clip with another number of frames or cells than in training spans the same range of positions, in other steps.
T frames, D width.
"""

import torch
from torch import Tensor

from models.tokens import Grid

BASE = 10000.0


def sinusoids(places: Tensor, width: int) -> Tensor:
    """Sines, then cosines of places (n,) at width / 2 frequencies: (n, width)."""
    frequencies = BASE ** -(torch.arange((width + 1) // 2, device=places.device) * 2 / width)
    angles = places[:, None] * frequencies  # (n, ceil(width / 2))
    return torch.cat([angles.sin(), angles.cos()], dim=1)[:, :width]


def stretched(count: int, learnt: int, device: torch.device) -> Tensor:
    """Places of `count` cells that span the range of `learnt` cells: (count,). If both are equal, 0, 1, 2, ..."""
    return (torch.arange(count, device=device) + 0.5) * (learnt / count) - 0.5


def in_time(frames: int, learnt: Grid, width: int, device: torch.device) -> Tensor:
    """Positions (T, 1, D) of frames. Channels of rows and columns are zero."""
    of_time = sinusoids(stretched(frames, learnt.frames, device), width // 4)
    return torch.nn.functional.pad(of_time, (0, width - width // 4)).unsqueeze(1)


def in_space_time(grid: Grid, learnt: Grid, width: int, device: torch.device) -> Tensor:
    """Positions (T, rows, columns, D) of cells: frame, row and column in separate channels."""
    of_time = width // 4
    of_row = (width - of_time) // 2
    widths = (of_time, of_row, width - of_time - of_row)
    t, y, x = (
        sinusoids(stretched(count, before, device), channels)
        for count, before, channels in zip(grid, learnt, widths, strict=True)
    )
    shapes = t[:, None, None], y[None, :, None], x[None, None]
    return torch.cat([each.expand(*grid, -1) for each in shapes], dim=-1)
