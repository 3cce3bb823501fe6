"""Two experts that were trained alone: independent experts, and an ensemble at test time (Table 1a of CAST).

B batch, F frames, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Self

import torch
from torch import Tensor, nn

from models.cast.adapter import AdaptersConfig
from models.cast.clip_expert import ClipExpert
from models.cast.lone_expert import LoneExpert
from models.cast.model import PARTS
from models.checkpoints import LoadReport, fill
from models.model import InputSize, ModelConfig, Targets

# Which expert gives the scores of a kind of label, or both: the mean of their class probabilities.
Giver = Literal["spatial", "temporal", "both"]
ADAPTERS = AdaptersConfig()


class IndependentExperts(nn.Module):
    """Experts whose class probabilities are combined. Outputs are their logarithms."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """Settings.

        `spatial`, `temporal`: models of both experts, each trained for all kinds of label.
        `verb`, `noun`: which expert gives the scores.
        """

        config_tag = "IndependentExperts.Config"

        spatial: LoneExpert.Config = field(default_factory=lambda: LoneExpert.Config(adapters=ADAPTERS))
        temporal: LoneExpert.Config = field(
            default_factory=lambda: LoneExpert.Config(expert=ClipExpert.Config(), adapters=ADAPTERS)
        )
        verb: Giver = "temporal"
        noun: Giver = "spatial"

        def check(self, size: InputSize) -> None:
            self.spatial.check(size)
            self.temporal.check(size)

        def check_parent(self, part: str, parent: ModelConfig) -> None:
            if part in PARTS and parent != (self.spatial if part == "spatial" else self.temporal):
                raise ValueError(f"model.{part} differs from the model of the run that trains it; change both")

        def giver(self, kind: str) -> Giver:
            return {"verb": self.verb, "noun": self.noun}.get(kind, "both")  # type: ignore[return-value]

        def build(self, size: InputSize, targets: Targets) -> "IndependentExperts":
            self.check(size)
            return IndependentExperts(self, size, targets)

        def macs(self, size: InputSize, targets: Targets) -> int:
            return sum(model.macs(size, targets) for model in (self.spatial, self.temporal))

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            assert isinstance(model, IndependentExperts)
            if part not in PARTS:
                return super().copy_from(model, tensors, part)
            expert = model.spatial if part == "spatial" else model.temporal
            kept = {**tensors, **{f"head.{p}": tensors[f"head.{p}"][model.rows(part)] for p in ("weight", "bias")}}
            names = {name: name for name in expert.state_dict()}
            return fill(expert, kept, names, source=f"the run of the {part} expert")

        def combined_scores(self, scores: Mapping[str, Tensor], targets: Targets) -> Tensor:
            """Class probabilities (..., C) from those of the experts' own tests, by part of the model."""
            sizes = tuple(targets.classes.values())
            parts = {
                part: dict(zip(targets.classes, values.split(sizes, -1), strict=True))
                for part, values in scores.items()
            }
            return torch.cat([combined(self.giver(kind), parts, kind) for kind in targets.classes], dim=-1)

        def tiny(self) -> Self:
            return replace(self, spatial=self.spatial.tiny(), temporal=self.temporal.tiny())

    def __init__(self, config: Config, size: InputSize, targets: Targets) -> None:
        super().__init__()
        self.config = config
        self.classes = dict(targets.classes)
        self.spatial = LoneExpert(config.spatial, size, len(self.rows("spatial")))
        self.temporal = LoneExpert(config.temporal, size, len(self.rows("temporal")))

    def kinds(self, part: str) -> list[str]:
        return [kind for kind in self.classes if self.config.giver(kind) in (part, "both")]

    def rows(self, part: str) -> list[int]:
        """Indices, among all classes, of those for which an expert gives scores."""
        rows, start = [], 0
        for kind, count in self.classes.items():
            if kind in self.kinds(part):
                rows += range(start, start + count)
            start += count
        return rows

    def forward(self, clip: Tensor) -> Tensor:
        """Logarithms of the class probabilities (B, C) of clips (B, F, 3, height, width)."""
        parts = {part: self._probabilities(part, clip) for part in PARTS}
        return torch.cat([combined(self.config.giver(kind), parts, kind) for kind in self.classes], dim=-1).log()

    def _probabilities(self, part: str, clip: Tensor) -> dict[str, Tensor]:
        """Probabilities of an expert by kind of label."""
        kinds = self.kinds(part)
        if not kinds:
            return {}
        expert = self.spatial if part == "spatial" else self.temporal
        logits = expert(clip).split([self.classes[kind] for kind in kinds], dim=-1)
        return {kind: values.softmax(-1) for kind, values in zip(kinds, logits, strict=True)}


def combined(giver: Giver, parts: Mapping[str, Mapping[str, Tensor]], kind: str) -> Tensor:
    """Probabilities of a kind of label: those of one expert, or the mean of both."""
    if giver == "both":
        return (parts["spatial"][kind] + parts["temporal"][kind]) / 2
    return parts[giver][kind]
