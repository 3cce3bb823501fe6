"""Joint tokens: features of a frame under a Gaussian map around each joint.

https://arxiv.org/abs/2212.05638 has pose tokens as wide as the features. That they are sums of features is our reading.
B batch, T frames, S cells per frame, R joints, D width.
"""

import torch
from torch import Tensor

from models.tokens import Grid


def joint_maps(places: Tensor, grid: Grid, sigma: float, *, normalised: bool) -> Tensor:
    """Gaussian maps (B, T, R, S) around joints, float32: exp(-d^2 / 2 sigma^2), with the distance d in cells.

    Args:
        places: x and y of each joint in cells (B, T, R, 2). The middle of the first cell is 0.5, 0.5.
        normalised: whether the weights of a joint sum to one.
    """
    places = places.float()
    rows = torch.arange(grid.height, device=places.device) + 0.5
    columns = torch.arange(grid.width, device=places.device) + 0.5
    squares_x = (places[..., 0, None] - columns).square()  # (B, T, R, columns)
    squares_y = (places[..., 1, None] - rows).square()  # (B, T, R, rows)
    squares = (squares_y.unsqueeze(-1) + squares_x.unsqueeze(-2)).flatten(-2)  # (B, T, R, S)
    exponents = squares / (-2 * sigma**2)
    return exponents.softmax(dim=-1) if normalised else exponents.exp()


def pooled(features: Tensor, maps: Tensor) -> Tensor:
    """Sums (B, T, R, D) of features (B, T, S, D), weighted by maps (B, T, R, S)."""
    return maps.to(features.dtype) @ features
