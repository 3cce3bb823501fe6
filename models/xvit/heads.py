"""Temporal attention head of X-ViT (https://arxiv.org/abs/2106.05968), as released.

B batch, T frames, D width, H heads, C classes.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import Count, ShareBelowOne
from models.block import Block
from models.heads import Head, HeadConfig
from models.mixers.joint import JointAttention
from models.tokens import Grid

NORM_EPS = 1e-5  # of all LayerNorms of the head, differing from the trunk


class TemporalAttentionHead(Head):
    """Transformer blocks on the CLS of all frames and one of the clip, then an MLP on the latter.

    There is no position in time: the logits do not depend on the order of the frames.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(HeadConfig):
        heads: Count = 12
        depth: Count = 1
        dropout: ShareBelowOne = 0.5
        """Rate, on the CLS of each frame and on the hidden layer of the classifier."""

        def check(self, width: int) -> None:
            if width % self.heads:
                raise ValueError(f"model.head.heads is {self.heads}; it does not divide the width of {width}")

        def build(self, width: int, num_classes: int) -> "TemporalAttentionHead":
            return TemporalAttentionHead(self, width, num_classes)

        def macs(self, grid: Grid, width: int, num_classes: int) -> int:
            N, D = 1 + grid.frames, width
            return self.depth * (12 * N * D**2 + 2 * N**2 * D + 10 * N * D) + 5 * D + D**2 + D * num_classes

    def __init__(self, config: Config, width: int, num_classes: int) -> None:
        super().__init__()
        self.cls = nn.Parameter(torch.zeros(1, 1, width))
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(
            Block([UnbiasedAttention(width, config.heads)], width, 4.0, 0.0, eps=NORM_EPS) for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.hidden = nn.Linear(width, width)
        self.classifier = nn.Linear(width, num_classes)

    def reset(self) -> None:
        """Initialise all Linear layers as PyTorch does, as released."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                module.reset_parameters()

    def forward(self, cls: Tensor) -> Tensor:
        """Logits (B, C) of the CLS of all frames (B, T, D)."""
        x = torch.cat([self.cls.expand(len(cls), -1, -1), self.dropout(cls)], dim=1)  # (B, 1 + T, D)
        grid = Grid(cls.shape[1], 1, 1)
        *before, last = self.blocks
        for block in before:
            x = block(x, grid)
        assert isinstance(last, Block)
        hidden = F.gelu(self.hidden(self.norm(last.cls(x, grid)[:, 0])))  # (B, D)
        return self.classifier(self.dropout(hidden))


class UnbiasedAttention(JointAttention):
    """Joint attention without biases of queries, keys and values."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=False)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        return self.forward(x, grid)[:, :1]
