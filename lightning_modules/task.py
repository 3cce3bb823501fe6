"""Base classes of objectives and tasks: the training target, and the scoring of a test.

A task is independent of the model: it maps outputs (B, C) and targets to a loss and to scores.
B: items. V: variants of a view, such as its crops. C: all classes of all kinds of label.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor

from interface.evaluation import EvalConfig
from interface.ranges import CheckedConfig
from interface.targets import Targets

if TYPE_CHECKING:
    from lightning_modules.scores import Scores


class Place(NamedTuple):
    """Place of a batch in the training of a seed, which does not depend on how steps are split into batches."""

    seed: int = 0
    epoch: int = 0
    start: int = 0


FIRST = Place()


class Prepared(NamedTuple):
    """Prepared training batch: inputs, and labels or soft targets."""

    inputs: tuple[Tensor, ...]
    targets: Tensor


class Task(ABC):
    """Loss and scores of one kind of target."""

    def prepare(
        self, inputs: tuple[Tensor, ...], targets: Tensor, generator: torch.Generator, place: Place = FIRST
    ) -> Prepared:
        """Training batch after mixing. By default, the batch is unchanged.

        Args:
            generator: seeded for each batch of a device.
            place: source of randomness that does not depend on the split into batches.
        """
        return Prepared(inputs, targets)

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Training loss of outputs (B, C) and prepared targets."""

    @abstractmethod
    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Loss of outputs (B, C) and labels, without label smoothing."""

    @abstractmethod
    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        """Metrics of a batch in [0, 1], for the training and validation curves. Targets are labels."""

    @abstractmethod
    def new_scores(self, protocol: EvalConfig) -> "Scores":
        """Empty scores of a test."""


class UntrainedTask(Task):
    """Scores of an objective for which no model is trained."""

    objective_name: ClassVar[str]
    """For messages."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        raise ValueError(f"objective: {self.objective_name} has no loss; set optim=None")

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        return self.loss(outputs, targets)

    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        return {}


@dataclass(frozen=True, kw_only=True)
class Objective(CheckedConfig, ABC):
    """Training objective of a run."""

    config_path: ClassVar[str] = "objective"
    metrics: ClassVar[tuple[str, ...]]
    """Names of the test metrics, headline first."""
    num_headlines: ClassVar[int] = 1
    """Number of metrics in the one-line summary of a run."""
    selection: ClassVar[tuple[str, Literal["max", "min"]]] = ("loss", "min")
    """Validation curve by which `OptimConfig.keep="best"` selects weights, and its best extreme."""
    is_trained: ClassVar[bool] = True
    """Whether models can be trained for it. Otherwise, they are only tested."""

    @property
    def batch_multiple(self) -> int:
        """Number that divides the number of items of every training batch on a device, e.g. 2 for pairs."""
        return 1

    @abstractmethod
    def task(self, targets: Targets) -> Task:
        """Task on data with these targets. It refuses those of another kind."""

    def unsuited(self, does: str, targets: Targets) -> ValueError:
        """Error for targets of another kind. `does`: what the objective does, e.g. "scores masks"."""
        kinds = " and a ".join(targets.classes) or "no class"
        return ValueError(f"objective: {type(self).__name__} {does}, and these data have a {kinds}")
