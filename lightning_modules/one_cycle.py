"""One-cycle policy: learning rate and momentum move in opposite directions, up and down once.

The policy is https://arxiv.org/abs/1708.07120.
"""

from dataclasses import dataclass
from typing import Annotated

import torch
from torch.optim.lr_scheduler import LRScheduler, OneCycleLR

from interface.ranges import Positive, PositiveOrZero, Range
from lightning_modules.optim import ScheduleConfig


@dataclass(frozen=True, kw_only=True)
class OneCycleSchedule(ScheduleConfig):
    """Linear rise of the learning rate to the base rate, then linear decay; the momentum moves the other way.

    PyTorch's `OneCycleLR`, in which the first of Adam's betas is the momentum.
    """

    warmup: PositiveOrZero = 1000.0
    """Length of the rise."""
    start: Positive = 1 / 25
    """Learning rate at the start, relative to the base rate."""
    end: Positive = 1e-4
    """Learning rate at the end, relative to that at the start."""
    momentum: Annotated[tuple[float, float], Range(least=0, below=1, ascending=True)] = (0.85, 0.95)
    """Smallest momentum, at the base rate, and largest one, at the start and at the end."""

    def check(self, length: int) -> None:
        if self.warmup > length:
            raise ValueError(f"optim.schedule.warmup is {self.warmup:g}, but the training has a length of {length}")

    def multiplier(self, time: float, length: int) -> float:
        """Learning rate between the corners of the two lines."""
        if time < self.warmup:
            return self.start + (1 - self.start) * time / self.warmup
        progress = min(1.0, (time - self.warmup) / max(length - self.warmup, 1e-9))
        return 1 + (self.start * self.end - 1) * progress

    def build(self, optimizer: torch.optim.Optimizer, num_steps: int, length: int) -> LRScheduler:
        """PyTorch's scheduler, which reaches its corners a step earlier than `multiplier`."""
        return OneCycleLR(
            optimizer,
            max_lr=[group["lr"] for group in optimizer.param_groups],
            total_steps=max(num_steps, 2),
            pct_start=self.warmup / length,
            anneal_strategy="linear",
            base_momentum=self.momentum[0],
            max_momentum=self.momentum[1],
            div_factor=1 / self.start,
            final_div_factor=1 / self.end,
        )
