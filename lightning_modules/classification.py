"""Classification with one label, or a verb and a noun: cross-entropy with label smoothing and mixup, accuracies.

Verbs and nouns follow the released Motionformer code (https://github.com/facebookresearch/Motionformer) on
EPIC-Kitchens-100.

B: items. C: classes.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from interface.evaluation import EvalConfig
from interface.ranges import Share
from interface.targets import Targets
from lightning_modules.mixup import Mixup
from lightning_modules.task import FIRST, Objective, Place, Prepared, Task

if TYPE_CHECKING:
    from lightning_modules.scores import ViewScores

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True, kw_only=True)
class ClassObjective(Objective):
    """Cross-entropy of class labels."""

    label_smoothing: Share = 0.2
    """Share of the target that is spread evenly over all classes."""
    mixup: Mixup.Config | None = field(default=None, metadata={"omit_if": None})
    """Mixing of the items of a batch; None for no mixing."""

    @property
    def batch_multiple(self) -> int:
        return 1 if self.mixup is None else self.mixup.clips_per_exchange or 2


class ClassTask(Task):
    """Classification with one or several kinds of label. Each kind has a softmax over its part of the outputs."""

    def __init__(self, objective: ClassObjective, classes: Mapping[str, int]) -> None:
        self.objective = objective
        self.classes = dict(classes)
        self.sizes = tuple(classes.values())
        self.mixup = objective.mixup.build() if objective.mixup is not None else None

    def prepare(
        self, inputs: tuple[Tensor, ...], targets: Tensor, generator: torch.Generator, place: Place = FIRST
    ) -> Prepared:
        """Batch after mixup, if the objective has it. Mixed targets are class probabilities (B, C)."""
        if self.mixup is None:
            return Prepared(inputs, targets)
        if len(inputs) != 1:
            raise ValueError("objective.mixup mixes clips only, and these items have several inputs")
        (clips,) = inputs
        mixed = self.mixup(clips, generator, place)
        with torch.autocast(clips.device.type, enabled=False):  # in half precision, probabilities do not sum to one
            return Prepared((mixed.inputs,), mixed.weights.to(clips.dtype) @ self.smoothed(targets, clips.dtype))

    def smoothed(self, targets: Tensor, dtype: torch.dtype) -> Tensor:
        """Smoothed class probabilities (B, C) of labels (B,) or (B, kinds)."""
        smoothing = self.objective.label_smoothing
        labels = targets.reshape(len(targets), -1).unbind(1)
        classes = [torch.arange(size, device=targets.device) for size in self.sizes]
        parts = [(label[:, None] == of_kind).to(dtype) for label, of_kind in zip(labels, classes, strict=True)]
        return torch.cat([part * (1 - smoothing) + smoothing / part.shape[1] for part in parts], dim=1)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean cross-entropy over the kinds of label: with label smoothing for labels, without for probabilities."""
        smoothing = 0.0 if targets.is_floating_point() else self.objective.label_smoothing
        return self.cross_entropy(outputs, targets, smoothing)

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.cross_entropy(outputs, targets, 0.0)

    def cross_entropy(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        """Mean cross-entropy over the kinds of label."""
        if targets.is_floating_point():
            parts = targets.split(self.sizes, dim=1)
        else:
            parts = targets.reshape(len(targets), -1).unbind(1)
        losses = [
            F.cross_entropy(logits, part, label_smoothing=smoothing)
            for logits, part in zip(outputs.split(self.sizes, dim=1), parts, strict=True)
        ]
        return losses[0] if len(losses) == 1 else torch.stack(losses).mean()

    def softmax(self, outputs: Tensor) -> Tensor:
        """Softmax of outputs (..., C) over the classes of each kind."""
        return torch.cat([part.softmax(-1) for part in outputs.split(self.sizes, dim=-1)], dim=-1)

    @abstractmethod
    def hits(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Mask of the correct items for each metric, from scores and labels."""

    def new_scores(self, protocol: EvalConfig) -> "ViewScores":
        from lightning_modules.scores import ViewScores  # here: only a test needs it

        return ViewScores(protocol, self.softmax, self.hits, self.classes)


def is_among_best(scores: Tensor, labels: Tensor, k: int) -> Tensor:
    """Mask (I,) of the items whose label is among the k best of their scores (I, C)."""
    best = scores.topk(min(k, scores.shape[1])).indices  # (I, k)
    return (best == labels[:, None]).any(1)


@dataclass(frozen=True, kw_only=True)
class SingleLabel(ClassObjective):
    """One class per item."""

    metrics: ClassVar[tuple[str, ...]] = ("top1", "top5")
    selection: ClassVar[tuple[str, Literal["max", "min"]]] = ("top1", "max")

    def task(self, targets: Targets) -> "SingleLabelTask":
        if len(targets.classes) != 1:
            raise self.unsuited("predicts one class an item", targets)
        return SingleLabelTask(self, targets.classes)


class SingleLabelTask(ClassTask):
    """Single-label classification with top-1 and top-5 accuracy."""

    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        return {"top1": (outputs.argmax(-1) == targets).float().mean()}

    def hits(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"top1": is_among_best(scores, labels, 1), "top5": is_among_best(scores, labels, 5)}


@dataclass(frozen=True, kw_only=True)
class VerbNoun(ClassObjective):
    """A verb and a noun per item."""

    metrics: ClassVar[tuple[str, ...]] = ("action", "verb", "noun", "top1", "top5", "verb_top5", "noun_top5")
    num_headlines: ClassVar[int] = 3
    selection: ClassVar[tuple[str, Literal["max", "min"]]] = ("action", "max")

    reduction: Reduction = field(default="mean", metadata={"omit_if": "mean"})
    """Whether the loss is the mean or the sum of both cross-entropies."""

    def task(self, targets: Targets) -> "VerbNounTask":
        if tuple(targets.classes) != ("verb", "noun"):
            raise self.unsuited("predicts a verb and a noun an item", targets)
        return VerbNounTask(self, targets.classes)


class VerbNounTask(ClassTask):
    """Accuracy of actions, verbs and nouns.

    An action is correct at k if its verb is among the best k verbs and its noun among the best k nouns. For k = 1, this
    is the pair with the largest product of scores.
    """

    def __init__(self, objective: VerbNoun, classes: Mapping[str, int]) -> None:
        super().__init__(objective, classes)
        self.reduction = objective.reduction

    def cross_entropy(self, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
        mean = super().cross_entropy(outputs, targets, smoothing)
        return mean * len(self.sizes) if self.reduction == "sum" else mean

    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        verbs, nouns = outputs.split(self.sizes, dim=1)
        verb, noun = verbs.argmax(-1) == targets[:, 0], nouns.argmax(-1) == targets[:, 1]
        return {name: hit.float().mean() for name, hit in (("action", verb & noun), ("verb", verb), ("noun", noun))}

    def hits(self, scores: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """Masks of the items with correct action, verb and noun. Labels are (I, 2)."""
        verbs, nouns = scores.split(self.sizes, dim=1)
        verb, verb5 = (is_among_best(verbs, labels[:, 0], k) for k in (1, 5))
        noun, noun5 = (is_among_best(nouns, labels[:, 1], k) for k in (1, 5))
        action, action5 = verb & noun, verb5 & noun5
        names = {"top1": action, "top5": action5, "action": action, "verb": verb, "noun": noun}
        return names | {"verb_top5": verb5, "noun_top5": noun5}
