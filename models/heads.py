"""Classification heads, from the features of a trunk to logits.

B batch, T token frames, D width, C classes.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig
from models.tokens import Grid


@dataclass(frozen=True, kw_only=True)
class HeadConfig(CheckedConfig):
    """Settings of a head; by itself none, for trunks whose features are the outputs."""

    config_path: ClassVar[str] = "model.head"

    def check(self, width: int) -> None:
        """Refuse a width of the features that `build` does not support."""

    def build(self, width: int, num_classes: int) -> nn.Module:
        """Head: features (B, D) to logits (B, C). Features of a frame-wise trunk are (B, T, D)."""
        return nn.Identity()

    def macs(self, grid: Grid, width: int, num_classes: int) -> int:
        """Published multiply-adds for one clip."""
        return 0


class Head(nn.Module):
    """Classification head with initial values of its own, in place of those of the trunk's Linear layers."""

    def reset(self) -> None:
        """Initialise the parameters; by default they stay."""


class TanhHead(nn.Module):
    """Hidden layer with tanh before the classifier, as in ViT's pretraining (https://arxiv.org/abs/2010.11929).

    Models of verbs and nouns have one classifier. Its outputs are the verbs, then the nouns.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(HeadConfig):
        def build(self, width: int, num_classes: int) -> "TanhHead":
            return TanhHead(width, num_classes)

        def macs(self, grid: Grid, width: int, num_classes: int) -> int:
            return width**2 + width * num_classes

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.pre_logits = nn.Linear(width, width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, cls: Tensor) -> Tensor:
        """Logits (B, C) of CLS tokens (B, D)."""
        return self.classifier(torch.tanh(self.pre_logits(cls)))


class LinearHead(nn.Module):
    """Classifier on the features, without a hidden layer."""

    @dataclass(frozen=True, kw_only=True)
    class Config(HeadConfig):
        def build(self, width: int, num_classes: int) -> "LinearHead":
            return LinearHead(width, num_classes)

        def macs(self, grid: Grid, width: int, num_classes: int) -> int:
            return width * num_classes

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, cls: Tensor) -> Tensor:
        """Logits (B, C) of CLS tokens (B, D)."""
        return self.classifier(cls)
