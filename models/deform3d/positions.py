"""Fixed positions in space and time for any number of frames, rows and columns.

A clip with another number of frames or cells than in training spans the same range of positions, in other steps.
T frames, D width.
"""

import math

import torch
from torch import Tensor

from models.tokens import Grid


def sinusoids(places: Tensor, width: int, length: int) -> Tensor:
    """Sines, then cosines of places (...) at width / 2 frequencies, with periods from 2 * length to 2: (..., width)."""
    count = (width + 1) // 2
    frequencies = math.pi * length ** -torch.linspace(1, 0, count, device=places.device)
    angles = places.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[..., :width]


def stretched(count: int, learnt: int, device: torch.device) -> Tensor:
    """Places of `count` cells that span the range of `learnt` cells: (count,). If both are equal, 0, 1, 2, ..."""
    return in_cells((torch.arange(count, device=device) + 0.5) / count, learnt)


def in_cells(shares: Tensor, learnt: int) -> Tensor:
    """Places of shares of the range of `learnt` cells. The middle of the first cell is 0."""
    return shares * learnt - 0.5


def widths(width: int) -> tuple[int, int, int]:
    """Numbers of channels of the positions of frames, rows and columns."""
    of_time = width // 4
    of_row = (width - of_time) // 2
    return of_time, of_row, width - of_time - of_row


def in_time(frames: int, learnt: Grid, width: int, device: torch.device) -> Tensor:
    """Positions (T, 1, D) of frames. Channels of rows and columns are zero."""
    channels, *others = widths(width)
    of_time = sinusoids(stretched(frames, learnt.frames, device), channels, learnt.frames)
    return torch.nn.functional.pad(of_time, (0, sum(others))).unsqueeze(1)


def in_space_time(grid: Grid, learnt: Grid, width: int, device: torch.device) -> Tensor:
    """Positions (T, rows, columns, D) of cells: frame, row and column in separate channels."""
    t, y, x = (
        sinusoids(stretched(count, before, device), channels, before)
        for count, before, channels in zip(grid, learnt, widths(width), strict=True)
    )
    shapes = t[:, None, None], y[None, :, None], x[None, None]
    return torch.cat([each.expand(*grid, -1) for each in shapes], dim=-1)


def of_joints(shares: Tensor, learnt: Grid, width: int) -> Tensor:
    """Positions (B, T, R, D) of joints at places between the cells.

    Args:
        shares: x and y of each joint as shares of the crop, (B, T, R, 2).
    """
    x, y = shares.float().unbind(-1)
    t = stretched(shares.shape[1], learnt.frames, shares.device)[:, None].expand(x.shape)
    places = t, in_cells(y, learnt.height), in_cells(x, learnt.width)
    parts = (
        sinusoids(place, channels, length)
        for place, channels, length in zip(places, widths(width), learnt, strict=True)
    )
    return torch.cat(list(parts), dim=-1)
