"""What a run is trained for. Kept apart from the modules, so that resolving a table does not import Lightning."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import nn

from lightning_modules.optim import OptimConfig

if TYPE_CHECKING:
    from lightning_modules.classifier import VideoClassifier
    from lightning_modules.verb_noun import VerbNounClassifier


@dataclass(frozen=True, kw_only=True)
class SingleLabel:
    """One class a video: cross-entropy whose target gives `label_smoothing` evenly to all classes."""

    label_smoothing: float = 0.2

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"a label smoothing of {self.label_smoothing}: it is between 0 and 1")

    def build(self, model: nn.Module, optim: OptimConfig, seed: int) -> "VideoClassifier":
        """The LightningModule around a model (B, F, 3, height, width) -> (B, C)."""
        from lightning_modules.classifier import VideoClassifier

        return VideoClassifier(model, self, optim, seed)


@dataclass(frozen=True, kw_only=True)
class VerbNoun:
    """A verb and a noun a video: the mean of both smoothed cross-entropies."""

    label_smoothing: float = 0.2

    def build(self, model: nn.Module, optim: OptimConfig, seed: int, *, num_verbs: int) -> "VerbNounClassifier":
        """The LightningModule around a model (B, F, 3, height, width) -> (B, verbs + nouns)."""
        from lightning_modules.verb_noun import VerbNounClassifier

        return VerbNounClassifier(model, self, optim, seed, num_verbs=num_verbs)
