"""Prediction targets of an item."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


class Targets(ABC):
    """Prediction targets of an item."""

    @property
    @abstractmethod
    def classes(self) -> Mapping[str, int]:
        """Number of classes per kind of label, in the order of the outputs. Empty for targets without classes."""

    @abstractmethod
    def example(self, batch_size: int, device: torch.device | str = "cpu") -> Tensor:
        """Example targets of a batch."""


@dataclass(frozen=True)
class ClassTarget(Targets):
    """One class per item."""

    num_classes: int

    @property
    def classes(self) -> Mapping[str, int]:
        """Number of classes."""
        return {"class": self.num_classes}

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> Tensor:
        """Example labels (B,) of a batch."""
        return torch.zeros(batch_size, dtype=torch.long, device=device)


@dataclass(frozen=True)
class VerbNounTarget(Targets):
    """A verb and a noun per item."""

    num_verbs: int
    num_nouns: int

    @property
    def classes(self) -> Mapping[str, int]:
        """Numbers of verbs and nouns, in the order of the model's outputs."""
        return {"verb": self.num_verbs, "noun": self.num_nouns}

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> Tensor:
        """Example labels (B, 2) of a batch."""
        return torch.zeros(batch_size, 2, dtype=torch.long, device=device)
