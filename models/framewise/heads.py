"""Classification heads on the mean over the frames of a clip. B batch, T frames, D width, C classes."""

from dataclasses import dataclass

from torch import Tensor, nn

from models.heads import Head, HeadConfig
from models.ranges import check_range
from models.tokens import Grid


class FrameMeanHead(Head):
    """Classifier on the mean of the CLS of all frames, which equals the mean of the logits of all frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(HeadConfig):
        """Settings.

        `dropout`: rate of dropout on the CLS of each frame.
        `std`: standard deviation of the classifier's initial weights.
        """

        dropout: float = 0.0
        std: float = 0.0

        def __post_init__(self) -> None:
            check_range("model.head.dropout", self.dropout, least=0, below=1)
            check_range("model.head.std", self.std, least=0)

        def build(self, width: int, num_classes: int) -> "FrameMeanHead":
            return FrameMeanHead(self, width, num_classes)

        def macs(self, grid: Grid, width: int, num_classes: int) -> int:
            """Multiply-adds of the classifier in each frame, as published."""
            return grid.frames * width * num_classes

    def __init__(self, config: Config, width: int, num_classes: int) -> None:
        super().__init__()
        self.std = config.std
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(width, num_classes)

    def reset(self) -> None:
        nn.init.normal_(self.classifier.weight, std=self.std)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, cls: Tensor) -> Tensor:
        """Logits (B, C) of the CLS of all frames (B, T, D)."""
        return self.classifier(self.dropout(cls).mean(dim=1))
