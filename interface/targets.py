"""Prediction targets of an item."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor


class Targets(ABC):
    @property
    @abstractmethod
    def classes(self) -> Mapping[str, int]:
        """Number of classes per kind of label, in the order of the outputs. Empty for targets without classes."""

    @property
    def num_outputs(self) -> int:
        """Number of outputs of a model: the classes of all kinds of label."""
        return sum(self.classes.values())

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels of an item in annotation files: "label", or the kinds if there are several."""
        return ("label",) if len(self.classes) == 1 else tuple(self.classes)

    @property
    def numbered_names(self) -> tuple[str, ...]:
        """Names of all classes as item lists have them where the names are unknown, e.g. "class 3"."""
        return tuple(f"{kind} {number}" for kind, count in self.classes.items() for number in range(count))

    def by_kind(self, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Names of all classes, as item lists have them, by kind of label."""
        rest = iter(names)
        return {kind: tuple(islice(rest, count)) for kind, count in self.classes.items()}

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> Tensor:
        """Targets of a batch, all zero: (B,), or (B, kinds of label) for several."""
        shape = (batch_size, len(self.classes)) if len(self.classes) > 1 else (batch_size,)
        return torch.zeros(shape, dtype=torch.long, device=device)


@dataclass(frozen=True)
class ClassTarget(Targets):
    num_classes: int

    @property
    def classes(self) -> Mapping[str, int]:
        return {"class": self.num_classes}


@dataclass(frozen=True)
class VerbNounTarget(Targets):
    num_verbs: int
    num_nouns: int

    @property
    def classes(self) -> Mapping[str, int]:
        return {"verb": self.num_verbs, "noun": self.num_nouns}


@dataclass(frozen=True)
class MaskTarget(Targets):
    """A mask of numbered objects for each frame; their number differs from item to item.

    The label of an item is its number of frames.
    """

    @property
    def classes(self) -> Mapping[str, int]:
        return {}
