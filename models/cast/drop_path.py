"""Stochastic depth (https://arxiv.org/abs/1603.09382) of the residual branches of two layouts of tokens."""

from typing import Literal

import torch
from torch import Tensor, nn

from models.cast.layout import Layout

# What is dropped at once in a frame-wise layout: the tokens of a clip, or those of one place in all frames of a batch.
DropUnit = Literal["token", "sample"]


class DropPath(nn.Module):
    """Random removal of branches during training. Those that remain are scaled by 1 / (1 - rate)."""

    def __init__(self, rate: float, layout: Layout, unit: DropUnit) -> None:
        super().__init__()
        self.rate = rate
        self.layout = layout
        self.unit = unit

    def forward(self, x: Tensor) -> Tensor:
        """Branch x in the layout. A part of its tokens from the first on is also accepted."""
        if self.rate == 0 or not self.training:
            return x
        keep = 1 - self.rate
        if self.layout.framewise and self.unit == "token":
            return x * x.new_empty(1, x.shape[1], 1).bernoulli_(keep).div_(keep)
        frames = self.layout.grid.frames if self.layout.framewise else 1
        kept = x.new_empty(len(x) // frames, 1, 1).bernoulli_(keep).div_(keep)
        return x * torch.repeat_interleave(kept, frames, dim=0)
