"""Training recipes: optimiser, learning-rate schedule, epochs, global batch size, precision.

A recipe belongs to the paper, so it knows nothing of devices: how the global batch is split over them and over
accumulation steps is decided where the Trainer is made.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.optim.lr_scheduler import LambdaLR


@dataclass(frozen=True, kw_only=True)
class AdamW:
    """Decoupled weight decay on every parameter, biases, norms and embeddings included, as the authors train."""

    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8

    def build(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """The optimiser over the parameters."""
        return torch.optim.AdamW(parameters, lr=lr, betas=self.betas, eps=self.eps, weight_decay=weight_decay)


@dataclass(frozen=True, kw_only=True)
class SGD:
    """Stochastic gradient descent with momentum."""

    momentum: float = 0.9
    nesterov: bool = False

    def build(self, parameters: Iterable[nn.Parameter], lr: float, weight_decay: float) -> torch.optim.Optimizer:
        """The optimiser over the parameters."""
        return torch.optim.SGD(
            parameters, lr=lr, momentum=self.momentum, nesterov=self.nesterov, weight_decay=weight_decay
        )


@dataclass(frozen=True, kw_only=True)
class StepSchedule:
    """Multiply the rate by `factor` at each milestone, in epochs; evaluated every iteration."""

    milestones: tuple[float, ...] = (20, 30)
    factor: float = 0.1

    def multiplier(self, epoch: float, epochs: int) -> float:
        """The rate at a fractional epoch, relative to the base rate."""
        return self.factor ** sum(epoch >= milestone for milestone in self.milestones)


@dataclass(frozen=True, kw_only=True)
class CosineSchedule:
    """Linear warm-up from zero, then half a cosine down to `final`; evaluated every iteration."""

    warmup_epochs: float = 0.0
    final: float = 0.0

    def multiplier(self, epoch: float, epochs: int) -> float:
        """The rate at a fractional epoch, relative to the base rate."""
        if epoch < self.warmup_epochs:
            return epoch / self.warmup_epochs
        left = max(epochs - self.warmup_epochs, 1e-9)  # a run may be all warm-up
        done = min(1.0, (epoch - self.warmup_epochs) / left)
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * done))


@dataclass(frozen=True, kw_only=True)
class OptimConfig:
    """The recipe of Motionformer's Kinetics-400 ablations (section 6.2, 32 GPUs of 4 clips)."""

    epochs: int = 35
    batch_size: int = 128  # over all devices and accumulation steps
    lr: float = 1e-4
    weight_decay: float = 0.05
    optimizer: AdamW | SGD = AdamW()
    schedule: StepSchedule | CosineSchedule = StepSchedule()
    precision: Literal["16-mixed", "bf16-mixed", "32-true"] = "16-mixed"

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch_size < 1:
            raise ValueError(f"{self.epochs} epochs of batches of {self.batch_size}: both are 1 or more")
        if not 0 <= self.lr < math.inf:
            raise ValueError(f"a learning rate of {self.lr}: it is 0 or more")

    def build(
        self, parameters: Iterable[nn.Parameter], steps_per_epoch: float
    ) -> tuple[torch.optim.Optimizer, LambdaLR]:
        """The optimiser and its per-iteration schedule."""
        optimizer = self.optimizer.build(parameters, self.lr, self.weight_decay)
        schedule = LambdaLR(
            optimizer, lambda step: self.schedule.multiplier(step / max(steps_per_epoch, 1e-9), self.epochs)
        )
        return optimizer, schedule
