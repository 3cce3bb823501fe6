"""Experts without an exchange, as baselines: one alone, or two that were trained alone.

One alone has adapters (AIM, https://arxiv.org/abs/2302.03024) or is tuned as a whole. Two are independent, or an
ensemble at test time (Table 1a of CAST).
B batch, F frames, D width, C classes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

import torch
from torch import Tensor, nn

from interface.ranges import ShareBelowOne
from interface.sizes import InputSize
from interface.targets import Targets
from models.cast.clip_expert import ClipExpert, load_classifier
from models.cast.expert import NORM_MACS, Expert, ExpertConfig, ExpertsConfig, ModelOfExperts
from models.cast.frame_expert import ImageExpert
from models.cast.stream import AdaptersConfig, DropUnit, Stream, reset_trained
from models.model import Model, ModelConfig
from models.tensors import LoadReport, fill
from models.trunk import reset_linear

# Which expert gives the scores of a kind of label, or both: the mean of their class probabilities.
Giver = Literal["spatial", "temporal", "both"]
ADAPTERS = AdaptersConfig()
PARTS = ("spatial", "temporal")  # of independent experts


class LoneExpert(ModelOfExperts):
    """Expert and a classifier of all kinds of label."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertsConfig):
        config_tag = "LoneExpert.Config"

        expert: ExpertConfig = field(default_factory=ImageExpert.Config)
        adapters: AdaptersConfig | None = None
        """None for an expert that is tuned as a whole."""
        drop_path: ShareBelowOne = 0.2
        drop_unit: DropUnit = "token"
        """Stochastic depth, as in CAST; of both halves of a block if there are no adapters."""

        @property
        def experts(self) -> dict[str, ExpertConfig]:
            return {"expert": self.expert}

        def check(self, size: InputSize) -> None:
            self.expert.check(size)
            if self.adapters is not None and not self.expert.framewise:
                self.adapters.refuse_time("the expert already attends over time")

        def build(self, size: InputSize, targets: Targets) -> "LoneExpert":
            self.check(size)
            return LoneExpert(self, size, targets.num_outputs)

        def macs(self, size: InputSize, targets: Targets) -> int:
            """Multiply-adds as published: all tokens of the last block are counted."""
            expert, D = self.expert, self.expert.width
            layout = expert.layout(size)
            N, T = layout.num_tokens, layout.grid.frames
            total = expert.macs(size) + NORM_MACS * D + D * targets.num_outputs
            if self.adapters is None:
                return total
            per_block = 2 * N * self.adapters.macs(D)
            if self.adapters.in_time:
                per_block += expert.attention_macs(N, T) + NORM_MACS * N * D + N * self.adapters.macs(D)
            return total + expert.depth * per_block

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
            if self.expert.framewise:
                return super().load_released(model, path, size)
            assert isinstance(model, LoneExpert)
            return load_classifier(model, model.stream.expert, path)

        def tiny(self) -> Self:
            return replace(self, expert=self.expert.tiny(), drop_path=0.0)

    def __init__(self, config: Config, size: InputSize, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.stream = Stream(
            config.expert,
            size,
            config.adapters,
            pooling="cls" if config.expert.framewise else "mean",
            drop_path=config.drop_path,
            drop_unit=config.drop_unit,
        )
        self.head = nn.Linear(config.expert.width, num_classes)
        reset_trained(self.stream)
        reset_linear(self.head, std=config.expert.linear_std)

    @property
    def experts(self) -> dict[str, Expert]:
        return {"expert": self.stream.expert}

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        return self.head(self.features(clip))

    def features(self, clip: Tensor) -> Tensor:
        """Features (B, D) of clips (B, F, 3, height, width)."""
        stream, last = self.stream, len(self.stream.drops) - 1
        x = stream.embedded(clip)
        for block in range(last):
            x = stream.feed(block, stream.attend(block, x))
        x = stream.feed(last, stream.attend(last, x, cls_only=stream.pooling == "cls"))
        return stream.features(x)

    def layer_of(self, parameter: str) -> int:
        part, _, rest = parameter.partition(".")
        return self.stream.layer_of(rest) if part == "stream" else len(self.stream.drops) + 1


class IndependentExperts(Model):
    """Experts whose class probabilities are combined. Outputs are their logarithms."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        config_tag = "IndependentExperts.Config"

        spatial: LoneExpert.Config = field(default_factory=lambda: LoneExpert.Config(adapters=ADAPTERS))
        temporal: LoneExpert.Config = field(
            default_factory=lambda: LoneExpert.Config(expert=ClipExpert.Config(), adapters=ADAPTERS)
        )
        """Models of both experts, each trained for all kinds of label."""
        verb: Giver = "temporal"
        noun: Giver = "spatial"
        """Which expert gives the scores."""

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
        parts = [self._probabilities(part, clip) for part in PARTS]
        kinds = [torch.stack([part[kind] for part in parts if kind in part]).mean(dim=0) for kind in self.classes]
        return torch.cat(kinds, dim=-1).log()

    def _probabilities(self, part: str, clip: Tensor) -> dict[str, Tensor]:
        """Probabilities of an expert, by the kinds of label that it gives."""
        kinds = self.kinds(part)
        if not kinds:
            return {}
        expert = self.spatial if part == "spatial" else self.temporal
        logits = expert(clip).split([self.classes[kind] for kind in kinds], dim=-1)
        return {kind: values.softmax(-1) for kind, values in zip(kinds, logits, strict=True)}
