"""Classification heads on the modal tokens of the last block.

https://arxiv.org/abs/2212.05638 classifies from the last cross-modal token and does not say how its T frames are
combined; both heads take the mean.
B batch, M modal tokens, D width, C classes.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig, ShareBelowOne


@dataclass(frozen=True, kw_only=True)
class ModalHeadConfig(CheckedConfig, ABC):
    config_path: ClassVar[str] = "model.head"

    dropout: ShareBelowOne = 0.0
    """Rate before the classifier."""

    @abstractmethod
    def num_read(self, num_modal: int) -> int:
        """Number of modal tokens that the classifier reads, the last ones."""

    def build(self, width: int, num_modal: int, num_classes: int) -> "ModalHead":
        return ModalHead(width, self.num_read(num_modal), num_classes, self.dropout)

    def macs(self, width: int, num_modal: int, num_classes: int) -> int:
        return self.num_read(num_modal) * width * (5 + num_classes)


class ClsHead:
    @dataclass(frozen=True, kw_only=True)
    class Config(ModalHeadConfig):
        def num_read(self, num_modal: int) -> int:
            return 1


class AllModalHead:
    """Classifier on M_RGB, M_pose and CLS next to each other."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModalHeadConfig):
        def num_read(self, num_modal: int) -> int:
            return num_modal


class ModalHead(nn.Module):
    """LayerNorm and classifier on modal tokens, each averaged over the frames."""

    def __init__(self, width: int, num_read: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.num_read = num_read
        self.norm = nn.LayerNorm(num_read * width)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(num_read * width, num_classes)

    def forward(self, modal: list[Tensor]) -> Tensor:
        """Logits (B, C) of modal tokens (B, T, 1, D), CLS last."""
        means = [token.mean(dim=(1, 2)) for token in modal[-self.num_read :]]  # (B, D) each
        return self.classifier(self.dropout(self.norm(torch.cat(means, dim=1))))
