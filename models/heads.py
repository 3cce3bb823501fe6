"""Classification heads, from the CLS token to logits.

B batch, D width, C classes.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn


class TanhHead(nn.Module):
    """Hidden layer with tanh before the classifier, as in ViT's pretraining (https://arxiv.org/abs/2010.11929).

    Models of verbs and nouns have one classifier. Its outputs are the verbs, then the nouns.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """No options."""

        def build(self, width: int, num_classes: int) -> "TanhHead":
            """Head with torch's default initial values."""
            return TanhHead(width, num_classes)

        def macs(self, width: int, num_classes: int) -> int:
            """Multiply-adds for one clip."""
            return width**2 + width * num_classes

    def __init__(self, width: int, num_classes: int) -> None:
        super().__init__()
        self.pre_logits = nn.Linear(width, width)
        self.classifier = nn.Linear(width, num_classes)

    def forward(self, cls: Tensor) -> Tensor:
        """Logits (B, C) of CLS tokens (B, D)."""
        return self.classifier(torch.tanh(self.pre_logits(cls)))
