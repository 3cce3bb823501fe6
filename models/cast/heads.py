"""Classification heads on the features of two experts (Figure 9 and Figure 7a, b of CAST).

B batch, D width, C classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig, Positive, PositiveOrZero
from models.cast.stream import Adapter, adapter_macs
from models.heads import Head

VERB_NOUN = ("verb", "noun")  # kinds of label with a classifier each, in the order of the outputs


@dataclass(frozen=True, kw_only=True)
class TwoExpertsHeadConfig(CheckedConfig, ABC):
    config_path: ClassVar[str] = "model.head"

    @abstractmethod
    def build(self, width: int, classes: Mapping[str, int]) -> Head:
        """Head: features of the spatial and of the temporal expert, (B, D) each, to logits (B, C).

        Args:
            classes: numbers of classes per kind of label.
        """

    @abstractmethod
    def macs(self, width: int, classes: Mapping[str, int]) -> int:
        """Multiply-adds of an item."""


class ExpertHead:
    """Head of CAST: one label from both experts, or a noun from the spatial and a verb from the temporal one."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TwoExpertsHeadConfig):
        adapter_ratio: Positive = 0.25
        """Hidden width of the adapters before the classifier of one label, relative to the width."""
        init_scale: PositiveOrZero = 1.0
        """Factor of the initial weights of the classifiers."""

        def build(self, width: int, classes: Mapping[str, int]) -> Head:
            if tuple(classes) == VERB_NOUN:
                return SeparateHead(self, width, classes)
            return FusedHead(self, width, sum(classes.values()))

        def macs(self, width: int, classes: Mapping[str, int]) -> int:
            adapters = 0 if tuple(classes) == VERB_NOUN else 2 * adapter_macs(width, self.adapter_ratio)
            return adapters + width * sum(classes.values())


class FusedHead(Head):
    """Classifier on the sum of both features, each after an adapter (equation 6)."""

    def __init__(self, config: ExpertHead.Config, width: int, num_classes: int) -> None:
        super().__init__()
        self.init_scale = config.init_scale
        self.spatial_adapter = Adapter(width, config.adapter_ratio)
        self.temporal_adapter = Adapter(width, config.adapter_ratio)
        self.classifier = nn.Linear(width, num_classes)

    def reset(self) -> None:
        """Scale the classifier. As released, the features are zero at first."""
        self.spatial_adapter.reset()
        self.temporal_adapter.reset()
        scale_(self.classifier, self.init_scale)

    def forward(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        return self.classifier(self.spatial_adapter(spatial) + self.temporal_adapter(temporal))


class SeparateHead(Head):
    """Classifier of verbs on the temporal expert and of nouns on the spatial one. Logits are verbs, then nouns."""

    def __init__(self, config: ExpertHead.Config, width: int, classes: Mapping[str, int]) -> None:
        super().__init__()
        self.init_scale = config.init_scale
        self.verb = nn.Linear(width, classes["verb"])
        self.noun = nn.Linear(width, classes["noun"])

    def reset(self) -> None:
        scale_(self.verb, self.init_scale)
        scale_(self.noun, self.init_scale)

    def forward(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        return torch.cat([self.verb(temporal), self.noun(spatial)], dim=1)


class LateFusionHead(Head):
    """Classifier of all kinds of label on the sum or the concatenation of both features."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TwoExpertsHeadConfig):
        concatenated: bool = False
        """Whether the features are concatenated instead of added."""

        def width(self, width: int) -> int:
            return 2 * width if self.concatenated else width

        def build(self, width: int, classes: Mapping[str, int]) -> "LateFusionHead":
            return LateFusionHead(self, width, sum(classes.values()))

        def macs(self, width: int, classes: Mapping[str, int]) -> int:
            return self.width(width) * sum(classes.values())

    def __init__(self, config: Config, width: int, num_classes: int) -> None:
        super().__init__()
        self.concatenated = config.concatenated
        self.classifier = nn.Linear(config.width(width), num_classes)

    def forward(self, spatial: Tensor, temporal: Tensor) -> Tensor:
        fused = torch.cat([spatial, temporal], dim=1) if self.concatenated else spatial + temporal
        return self.classifier(fused)


def scale_(layer: nn.Linear, factor: float) -> None:
    """Scale the weight of a layer, whose bias is zero at first, in place."""
    with torch.no_grad():
        layer.weight.mul_(factor)
