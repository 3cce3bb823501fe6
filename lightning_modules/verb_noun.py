"""Classification of a verb and a noun, with one softmax over the verbs and one over the nouns of the outputs.

Follows the released Motionformer code (https://github.com/facebookresearch/Motionformer) on EPIC-Kitchens-100.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, get_args

from torch import Tensor

from interface.targets import Targets
from lightning_modules.classification import ClassObjective, ClassTask
from lightning_modules.scores import is_among_best

Reduction = Literal["mean", "sum"]


@dataclass(frozen=True, kw_only=True)
class VerbNoun(ClassObjective):
    """A verb and a noun per item."""

    metrics: ClassVar[tuple[str, ...]] = ("action", "verb", "noun", "top1", "top5", "verb_top5", "noun_top5")
    num_headlines: ClassVar[int] = 3
    selection: ClassVar[tuple[str, Literal["max", "min"]]] = ("action", "max")

    reduction: Reduction = field(default="mean", metadata={"omit_if": "mean"})
    """Whether the loss is the mean or the sum of both cross-entropies."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reduction not in get_args(Reduction):
            raise ValueError(f"objective.reduction is '{self.reduction}'; it is mean or sum")

    def task(self, targets: Targets) -> "VerbNounTask":
        if tuple(targets.classes) != ("verb", "noun"):
            kinds = " and a ".join(targets.classes) or "no class"
            raise ValueError(f"objective: VerbNoun predicts a verb and a noun an item, and these data have a {kinds}")
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
