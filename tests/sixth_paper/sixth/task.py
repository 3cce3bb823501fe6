"""Task of the paper: regression of means. Tests report the mean distance of predictions from targets."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from interface.batches import Batch
from interface.evaluation import EvalConfig
from interface.targets import Targets
from lightning_modules.scores import Scores, TestResult
from lightning_modules.task import Objective, Task


class Distances(Scores):
    """Distance of each prediction from its target."""

    def __init__(self) -> None:
        self.distances: dict[int, float] = {}

    def test(self, model: nn.Module, batch: Batch) -> None:
        """Add the distances of a batch."""
        predictions = model(batch.inputs[0].flatten(0, 1))[:, 0]  # (B,)
        distances = (predictions - batch.targets / 1000).abs().tolist()
        self.distances |= dict(zip(batch.items.tolist(), distances, strict=True))

    def state(self) -> object:
        """Distances by item."""
        return self.distances

    def merge(self, state: object) -> None:
        """Add the distances of another process."""
        assert isinstance(state, dict)
        self.distances |= state

    def check(self, num_items: int) -> None:
        """Refuse missing items."""
        if len(self.distances) != num_items:
            raise RuntimeError(f"{len(self.distances)} of {num_items} items have a prediction")

    def result(self) -> TestResult:
        """Mean distance."""
        count = len(self.distances)
        return TestResult({"distance": sum(self.distances.values()) / max(count, 1)}, count, 0, 0)


class MeanTask(Task):
    """Regression of targets (B,), in thousandths, by outputs (B, 1)."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return (outputs[:, 0] - targets / 1000).square().mean()

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Mean squared error."""
        return self.loss(outputs, targets)

    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        """Share of predictions within 0.1 of their targets."""
        return {"close": ((outputs[:, 0] - targets / 1000).abs() < 0.1).float().mean()}

    def new_scores(self, protocol: EvalConfig) -> Distances:
        """Empty scores."""
        return Distances()


@dataclass(frozen=True, kw_only=True)
class Regression(Objective):
    """Regression of one number."""

    metrics: ClassVar[tuple[str, ...]] = ("distance",)

    def task(self, targets: Targets) -> MeanTask:
        """Task for targets that are not classes."""
        if targets.classes:
            raise ValueError("objective: Regression predicts a number, and these data have classes")
        return MeanTask()
