"""Weights that a training keeps: the best ones of its validations, and none that are not finite."""

import math
from pathlib import Path
from typing import Any, Literal

import torch
from lightning import Callback, LightningModule, Trainer
from torch import Tensor

from lightning_modules.module import TaskModule
from runner.weights.weights import save_weights

BATCHES_BETWEEN_READS = 50  # of losses on a GPU, which then ends the steps that were started
SKIPPED_IN_A_ROW = 50  # batches: a scaler of gradients starts at 2^16 and halves at each step that it skips


class Divergence(Callback):
    """Stops a training at the first losses that are not finite, and never lets weights that are not be saved.

    Losses on a GPU are read together now and then, because reading one waits for its step. A scaler of gradients (fp16)
    skips the steps of such losses: with one, only many in a row are a divergence.
    """

    def __init__(self) -> None:
        self.unread: list[tuple[int, float, Tensor]] = []  # step, learning rate, loss
        self.not_finite: list[str] = []  # the last losses in a row

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        rate = max(group["lr"] for group in trainer.optimizers[0].param_groups)
        self.unread.append((trainer.global_step + 1, rate, loss.detach()))
        if loss.device.type == "cpu" or len(self.unread) >= BATCHES_BETWEEN_READS:
            self.read_losses(trainer)

    def read_losses(self, trainer: Trainer) -> None:
        unread, self.unread = self.unread, []
        values = torch.stack([loss for *_, loss in unread]).tolist() if unread else []
        for (step, rate, _), value in zip(unread, values, strict=True):
            found = f"the loss is {value} at step {step}, with a learning rate of {rate:g}"
            self.not_finite = [] if math.isfinite(value) else [*self.not_finite, found]
            if len(self.not_finite) >= (1 if trainer.scaler is None else SKIPPED_IN_A_ROW):
                raise ValueError(f"the training diverges: {self.not_finite[0]}; lower it with -o optim.lr")

    def check(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the losses, and check the weights that the steps have left."""
        self.read_losses(trainer)
        if not all(bool(tensor.isfinite().all()) for tensor in pl_module.state_dict().values()):
            raise ValueError(
                f"the training diverges: weights are not finite after step {trainer.global_step}; lower the rate with "
                f"-o optim.lr"
            )

    on_validation_start = on_train_end = check

    def on_save_checkpoint(self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]) -> None:
        self.check(trainer, pl_module)


class BestWeights(Callback):
    """Saves the trained weights of the best validation, the first one of equal ones, by an extreme of a curve."""

    def __init__(self, path: Path, curve: str, extreme: Literal["max", "min"]) -> None:
        self.path, self.curve = path, curve
        self.sign = 1 if extreme == "max" else -1
        self.best = -math.inf  # of the sign times the value

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        value = self.sign * float(trainer.callback_metrics[f"val/{self.curve}"])
        if value > self.best:
            self.best = value
            if trainer.is_global_zero:
                assert isinstance(pl_module, TaskModule)
                save_weights(pl_module.model, self.path, pl_module.run)

    def state_dict(self) -> dict[str, float]:
        return {"best": self.best}

    def load_state_dict(self, state_dict: dict[str, float]) -> None:
        self.best = state_dict["best"]
