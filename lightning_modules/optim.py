"""Training recipes: optimiser, parameter groups, learning-rate schedule, length, global batch size, precision.

A recipe belongs to the paper, not to the devices. The global batch is split over them where the Trainer is built.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from interface.ranges import CheckedConfig, Count, Positive, PositiveOrZero, ShareBelowOne
from lightning_modules.parameter_groups import ParameterGroup, ParameterRule, parameter_groups
from models.model import Model


@dataclass(frozen=True, kw_only=True)
class OptimizerConfig(CheckedConfig, ABC):
    """Settings of an optimiser."""

    config_path: ClassVar[str] = "optim.optimizer"

    num_states: ClassVar[int] = 2
    """Tensors that it keeps for each parameter, as large as the parameter."""

    @abstractmethod
    def build(self, groups: list[ParameterGroup], fused: bool | None = None) -> torch.optim.Optimizer:
        """Optimiser of the parameter groups; fused if one kernel updates them all."""


@dataclass(frozen=True, kw_only=True)
class AdamW(OptimizerConfig):
    """Adam with decoupled weight decay (https://arxiv.org/abs/1711.05101)."""

    betas: tuple[ShareBelowOne, ShareBelowOne] = (0.9, 0.999)
    eps: PositiveOrZero = 1e-8

    def build(self, groups: list[ParameterGroup], fused: bool | None = None) -> torch.optim.Optimizer:
        return torch.optim.AdamW([group._asdict() for group in groups], betas=self.betas, eps=self.eps, fused=fused)


@dataclass(frozen=True, kw_only=True)
class SGD(OptimizerConfig):
    """Stochastic gradient descent with momentum."""

    num_states: ClassVar[int] = 1

    momentum: ShareBelowOne = 0.9
    nesterov: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.nesterov and self.momentum == 0:
            raise ValueError("optim.optimizer.nesterov=True calls for a momentum above 0")

    def build(self, groups: list[ParameterGroup], fused: bool | None = None) -> torch.optim.Optimizer:
        settings = {"momentum": self.momentum, "nesterov": self.nesterov, "fused": fused}
        return torch.optim.SGD([group._asdict() for group in groups], lr=groups[0].lr, **settings)


@dataclass(frozen=True, kw_only=True)
class ScheduleConfig(CheckedConfig, ABC):
    """Learning-rate schedule, evaluated at every step. Times are in epochs, or in steps for recipes in steps."""

    config_path: ClassVar[str] = "optim.schedule"

    @abstractmethod
    def multiplier(self, time: float, length: int) -> float:
        """Learning rate at a time, relative to the base rate. `length`: length of the training."""

    def build(self, optimizer: torch.optim.Optimizer, num_steps: int, length: int) -> LRScheduler:
        """Scheduler of an optimiser, updated at every step. `length`: that of the training in the recipe's unit."""
        steps_per_unit = max(num_steps / length, 1e-9)
        return LambdaLR(optimizer, lambda step: self.multiplier(step / steps_per_unit, length))

    def check(self, length: int) -> None:
        """Refuse a training that is too short for the schedule."""


@dataclass(frozen=True, kw_only=True)
class StepSchedule(ScheduleConfig):
    """Multiplication of the learning rate by `factor` at each milestone."""

    milestones: tuple[Positive, ...] = field(default=(20, 30), metadata={"is_time": True})
    factor: Positive = 0.1

    def multiplier(self, time: float, length: int) -> float:
        return self.factor ** sum(time >= milestone for milestone in self.milestones)


@dataclass(frozen=True, kw_only=True)
class CosineSchedule(ScheduleConfig):
    """Linear warm-up, then cosine decay to `final`."""

    warmup_epochs: PositiveOrZero = field(default=0.0, metadata={"is_time": True})
    """Length of the warm-up."""
    final: PositiveOrZero = 0.0
    warmup_start: PositiveOrZero = field(default=0.0, metadata={"omit_if": 0.0})
    """Learning rates at the start and at the end, relative to the base rate."""
    decay_from_start: bool = field(default=False, metadata={"omit_if": False})
    """Whether the cosine starts with the training. The warm-up then ends at its value."""
    peak_in_warmup: bool = field(default=False, metadata={"omit_if": False})
    """Whether the last of the W steps of the warm-up has the rate at its end, as in `linspace`, and the next step has
    it again; else, step s has the share s / W."""

    def check(self, length: int) -> None:
        if self.warmup_epochs > length:
            raise ValueError(
                f"optim.schedule.warmup_epochs is {self.warmup_epochs:g}, but the training has a length of {length}"
            )

    def build(self, optimizer: torch.optim.Optimizer, num_steps: int, length: int) -> LRScheduler:
        """Scheduler of an optimiser; with `peak_in_warmup`, the W steps of the warm-up take the time of W - 1."""
        warmup = self.warmup_epochs * num_steps / length if self.peak_in_warmup else 0.0

        def multiplier(step: int) -> float:
            if step < warmup:
                return self.multiplier(self.warmup_epochs * min(1.0, step / max(warmup - 1, 1.0)), length)
            return self.multiplier(step * length / num_steps, length)

        return LambdaLR(optimizer, multiplier) if warmup else super().build(optimizer, num_steps, length)

    def multiplier(self, time: float, length: int) -> float:
        if time < self.warmup_epochs:
            end = self.decayed(self.warmup_epochs, length)
            return self.warmup_start + (end - self.warmup_start) * (time / self.warmup_epochs)
        return self.decayed(time, length)

    def decayed(self, time: float, length: int) -> float:
        start = 0.0 if self.decay_from_start else self.warmup_epochs
        progress = min(1.0, (time - start) / max(length - start, 1e-9))  # the warm-up may last for the whole training
        return self.final + (1 - self.final) * 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True, kw_only=True)
class OptimConfig(CheckedConfig):
    """Training recipe."""

    config_path: ClassVar[str] = "optim"

    epochs: Count | None = 35
    batch_size: Count = 128
    """Global batch size, over all devices and accumulation steps."""
    lr: PositiveOrZero = 1e-4
    weight_decay: PositiveOrZero = 0.05
    optimizer: OptimizerConfig = AdamW()
    schedule: ScheduleConfig = StepSchedule()
    precision: Literal["16-mixed", "bf16-mixed", "32-true"] = "16-mixed"
    steps: Count | None = field(default=None, metadata={"omit_if": None})
    """Length of the training; one of the two is None."""
    layer_decay: Positive | None = field(default=None, metadata={"omit_if": None})
    """Ratio of a layer's learning rate to that of the next layer; None for equal rates."""
    rules: tuple[ParameterRule, ...] = field(default=(), metadata={"omit_if": ()})
    """Learning rates and weight decays of some parameters. A rule without a match is an error."""
    clip_norm: Positive | None = field(default=None, metadata={"omit_if": None})
    """Largest norm of the gradients of all parameters; None for no clipping."""
    validate_every: Count = field(default=5, metadata={"omit_if": 5})
    """Epochs between validations, or steps if the length is in steps."""
    keep: Literal["last", "best"] = field(default="last", metadata={"omit_if": "last"})
    """Weights for the test: the last ones, or the best ones by the task's headline metric in validation."""
    validation_batches: Count | None = field(default=None, metadata={"omit_if": None})
    """Number of batches of a validation, each of the global batch size. Validations go on where the last one stopped,
    in an order fixed by the seed; None for the whole split at each of them."""
    rest_multiple: Count | None = field(default=None, metadata={"omit_if": None})
    """The items left at the end of an epoch, cut to a multiple of this number, are a step, in which an item has the
    weight that it has in a whole batch. None leaves them out."""

    def check(self, model: Callable[[], Model]) -> None:
        """Refuse settings that contradict each other, or do not suit the model that a function builds, on any device.

        Overrides change one field after the other, so these are checked last.
        """
        self.schedule.check(self.length)
        if self.layer_decay is not None or self.rules:
            parameter_groups(model(), lr=1.0, weight_decay=0.0, layer_decay=self.layer_decay, rules=self.rules)

    @property
    def length(self) -> int:
        """Length of the training in the unit of the recipe: epochs or steps, one of which is given."""
        match self.epochs, self.steps:
            case (None, int(length)) | (int(length), None):
                return length
        raise ValueError(f"optim.epochs is {self.epochs} and optim.steps {self.steps}; exactly one of the two is None")

    @property
    def validation_items(self) -> int | None:
        """Number of items of a validation; None for the whole split."""
        return None if self.validation_batches is None else self.validation_batches * self.batch_size

    @property
    def validation_parts(self) -> int:
        """Number of epochs over which the items of a validation are spread. One part is validated after each epoch.

        The curves then have a point an epoch, at the cost of one validation every `validate_every` epochs. Validations
        that select weights take all items.
        """
        return min(self.validate_every, self.length) if self.steps is None and self.keep == "last" else 1

    def num_steps(self, num_items: int) -> int:
        if self.steps is not None:
            return self.steps
        whole, rest = divmod(num_items, self.batch_size)
        return self.length * (whole + (self.rest_multiple is not None and rest >= self.rest_multiple))

    def is_fused(self, device_type: str) -> bool:
        """Whether one kernel updates all parameters: on CUDA, and not where gradients are clipped in mixed precision.

        Lightning refuses to clip them there: a fused kernel unscales gradients itself.
        """
        return device_type == "cuda" and (self.clip_norm is None or self.precision == "32-true")

    def build(self, model: Model, num_steps: int) -> tuple[torch.optim.Optimizer, LRScheduler]:
        """Optimiser of a model's trainable parameters, and its schedule, updated at every step."""
        groups = parameter_groups(
            model, lr=self.lr, weight_decay=self.weight_decay, layer_decay=self.layer_decay, rules=self.rules
        )
        optimizer = self.optimizer.build(groups, fused=self.is_fused(groups[0].params[0].device.type) or None)
        optimizer.register_load_state_dict_pre_hook(keep_kernels)
        return optimizer, self.schedule.build(optimizer, num_steps, self.length)


def keep_kernels(optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
    """Let an optimiser that loads a state keep the kernels of its own device."""
    for loaded, own in zip(state["param_groups"], optimizer.param_groups, strict=True):
        loaded["fused"] = own["fused"]
