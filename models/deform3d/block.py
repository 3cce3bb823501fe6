"""Transformer block: 3D deformable attention, joint stride attention, temporal stride attention.

https://arxiv.org/abs/2212.05638 and Algorithms A1 to A3 of its supplementary.
"""

from typing import Literal

from torch import nn

from models.deform3d.stage import Stage
from models.deform3d.tokens import Tokens

StageName = Literal["deformable", "joint", "temporal"]
# CLS of the third stage: that of the second ("chain"), or that of the first, of which the second reads a copy ("copy").
ClsRoute = Literal["chain", "copy"]


class Block(nn.Module):
    """Stages in order, any of which may be absent."""

    def __init__(self, stages: dict[StageName, Stage], cls_route: ClsRoute) -> None:
        super().__init__()
        self.stages = nn.ModuleDict({**stages})
        self.cls_route: ClsRoute = cls_route

    def forward(self, tokens: Tokens) -> Tokens:
        for name in self.stages:
            tokens = self.after(name, tokens)
        return tokens

    def after(self, name: str, tokens: Tokens) -> Tokens:
        """Tokens after a stage, given those before it."""
        new = self.stages[name](tokens)
        return new._replace(cls=tokens.cls) if name == "joint" and self.cls_route == "copy" else new

    def before(self, name: str, tokens: Tokens) -> Tokens:
        """Tokens before a stage, given those before the block."""
        for previous in self.stages:
            if previous == name:
                break
            tokens = self.after(previous, tokens)
        return tokens
