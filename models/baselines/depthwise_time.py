"""Convolution over three frames, with weights of its own for each channel.

B batch, T frames, C channels.
"""

import torch
from torch import Tensor, nn


class DepthwiseTimeConvolution(nn.Module):
    """Sum of the previous, the same and the next frame, with weights (3, C). Frames outside of the clip are zero."""

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)

    def forward(self, x: Tensor) -> Tensor:
        """Weighted sums of frames (B, T, C, height, width)."""
        previous, same, following = self.weight[..., None, None]  # (C, 1, 1) each
        total = same * x
        total[:, 1:].addcmul_(previous, x[:, :-1])
        total[:, :-1].addcmul_(following, x[:, 1:])
        return total


def identity(channels: int) -> Tensor:
    """Weights (3, C) that leave frames unchanged."""
    weight = torch.zeros(3, channels)
    weight[1] = 1
    return weight


def shift(channels: int) -> Tensor:
    """Weights (3, C) that take half of the channels from the next frame and half from the previous one."""
    weight = torch.zeros(3, channels)
    weight[2, : channels // 2] = 1
    weight[0, channels // 2 :] = 1
    return weight
