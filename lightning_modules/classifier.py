"""Single-label video classification: cross-entropy with label smoothing, accuracy per video over all its views."""

import torch
import torch.nn.functional as F
from lightning import LightningModule
from lightning.pytorch.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torchmetrics.functional.classification import multiclass_accuracy

from lightning_modules.batches import TestBatch, TrainBatch
from lightning_modules.objective import SingleLabel, VerbNoun
from lightning_modules.optim import OptimConfig
from lightning_modules.views import VideoScores


class VideoClassifier(LightningModule):
    """A model that gives one class a video, its loss and its scores.

    Args:
        model: (B, F, 3, height, width) clips -> (B, C) logits.
        objective: the loss.
        optim: the recipe.
        seed: with the step's number, all the randomness inside the model (drop path).
    """

    def __init__(self, model: nn.Module, objective: SingleLabel | VerbNoun, optim: OptimConfig, seed: int) -> None:
        super().__init__()
        self.model = model
        self.objective = objective
        self.optim = optim
        self.seed = seed
        self.scores = self.no_scores()

    def forward(self, clips: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        return self.model(clips)

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        """The recipe's optimiser with its schedule, stepped every iteration."""
        steps = self.trainer.estimated_stepping_batches
        optimizer, schedule = self.optim.build(self.parameters(), steps / self.optim.epochs)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_batch_start(self, batch: TrainBatch, batch_idx: int) -> None:
        """Seed the step by its own number, so that a resumed run draws what an uninterrupted one draws."""
        step = self.current_epoch * int(self.trainer.num_training_batches) + batch_idx
        torch.manual_seed(hash((self.seed, step, self.global_rank)) % 2**63)

    def training_step(self, batch: TrainBatch, batch_idx: int) -> Tensor:
        """Smoothed cross-entropy of a batch."""
        logits = self(batch.clips)
        loss = self.loss(logits, batch.labels, self.objective.label_smoothing)
        self.log("train/loss", loss, prog_bar=True, on_step=True, on_epoch=False)
        for name, accuracy in self.accuracies(logits, batch.labels).items():
            self.log(f"train/{name}", 100 * accuracy)
        self.log("train/lr", self.lr_schedulers().get_last_lr()[0])  # type: ignore[union-attr]
        replaced = batch.replaced.float().sum()
        self.log("train/replaced_videos", replaced, reduce_fx="sum", on_step=False, on_epoch=True, sync_dist=True)
        return loss

    def validation_step(self, batch: TestBatch, batch_idx: int) -> None:
        """Accuracy and loss of one centre view a video, for the curves."""
        clips, labels = batch.clips.flatten(0, 1), batch.labels
        logits = self(clips)
        self.log("val/loss", self.loss(logits, labels, 0.0), sync_dist=True, batch_size=len(labels))
        for name, accuracy in self.accuracies(logits, labels).items():
            self.log(f"val/{name}", 100 * accuracy, sync_dist=True, batch_size=len(labels))

    def on_test_epoch_start(self) -> None:
        """Start from no scores."""
        self.scores = self.no_scores()

    def test_step(self, batch: TestBatch, batch_idx: int) -> None:
        """Score all crops of some views."""
        logits = self(batch.clips.flatten(0, 1)).unflatten(0, batch.clips.shape[:2])  # (B, crops, C)
        self.scores.add(self.probabilities(logits.float()), batch.labels, batch.videos, batch.view, batch.status)

    def on_test_epoch_end(self) -> None:
        """Bring the scores of all processes together and log the final numbers."""
        if self.trainer.world_size > 1:
            gathered: list[VideoScores] = [self.scores] * self.trainer.world_size
            torch.distributed.all_gather_object(gathered, self.scores)
            self.scores = self.no_scores()
            self.scores.merge(gathered)
        percent = self.scores.accuracy().percent
        self.log_dict({f"test/{name}": value for name, value in percent.items()}, sync_dist=True)  # equal everywhere

    # What a label is, and nothing else, decides these four.

    def loss(self, logits: Tensor, labels: Tensor, label_smoothing: float) -> Tensor:
        """Cross-entropy of logits (B, C)."""
        return F.cross_entropy(logits, labels, label_smoothing=label_smoothing)

    def accuracies(self, logits: Tensor, labels: Tensor) -> dict[str, Tensor]:
        """How much of a batch is right, from 0 to 1, for the curves."""
        return {"top1": multiclass_accuracy(logits, labels, logits.shape[1], average="micro")}

    def probabilities(self, logits: Tensor) -> Tensor:
        """The softmax of logits (..., C)."""
        return logits.softmax(-1)

    def no_scores(self) -> VideoScores:
        """What a test starts from."""
        return VideoScores()
