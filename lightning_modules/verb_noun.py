"""Classification of a verb and a noun: two softmaxes over one layer's outputs, all verbs and then all nouns.

Follows the released Motionformer code (https://github.com/facebookresearch/Motionformer) on EPIC-Kitchens-100.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lightning_modules.classifier import VideoClassifier
from lightning_modules.objective import VerbNoun
from lightning_modules.optim import OptimConfig
from lightning_modules.views import VerbNounScores


class VerbNounClassifier(VideoClassifier):
    """A model that gives one verb and one noun a video.

    Args:
        model: (B, F, 3, height, width) clips -> (B, verbs + nouns) logits.
        num_verbs: how many of them are verbs.
    """

    def __init__(self, model: nn.Module, objective: VerbNoun, optim: OptimConfig, seed: int, *, num_verbs: int) -> None:
        self.num_verbs = num_verbs
        super().__init__(model, objective, optim, seed)

    def loss(self, logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
        """The mean of the verbs' cross-entropy and the nouns'; labels are (B, 2)."""
        verbs, nouns = self.parts(logits)
        verb = F.cross_entropy(verbs, labels[:, 0], label_smoothing=label_smoothing)
        noun = F.cross_entropy(nouns, labels[:, 1], label_smoothing=label_smoothing)
        return 0.5 * (verb + noun)

    def accuracies(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """How often verb, noun and both of them are right."""
        verbs, nouns = self.parts(logits)
        verb, noun = verbs.argmax(-1) == labels[:, 0], nouns.argmax(-1) == labels[:, 1]
        return {name: hit.float().mean() for name, hit in (("action", verb & noun), ("verb", verb), ("noun", noun))}

    def probabilities(self, logits: Tensor) -> Tensor:
        """The verbs' softmax beside the nouns', (..., verbs + nouns)."""
        return torch.cat([part.softmax(-1) for part in self.parts(logits)], -1)

    def no_scores(self) -> VerbNounScores:
        """What a test starts from."""
        return VerbNounScores(self.num_verbs)

    def parts(self, logits: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of verbs and of nouns."""
        return logits[..., : self.num_verbs], logits[..., self.num_verbs :]
