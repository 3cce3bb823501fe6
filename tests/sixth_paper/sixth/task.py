"""The paper's task: the squared error of a guessed mean, and the mean distance of a test."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from lightning_modules.scores import Scores, TestProtocol, TestResult
from lightning_modules.task import Batch, Objective, Task
from models.model import Targets


class Distances(Scores):
    """The distance of each guess from its mean."""

    def __init__(self) -> None:
        self.distances: dict[int, float] = {}

    def state(self) -> object:
        """All distances."""
        return self.distances

    def merge(self, state: object) -> None:
        """Take in those of another process."""
        assert isinstance(state, dict)
        self.distances |= state

    def check(self, num_items: int) -> None:
        """Each item has one."""
        if len(self.distances) != num_items:
            raise RuntimeError(f"{len(self.distances)} of {num_items} items have a guess")

    def result(self) -> TestResult:
        """Their mean."""
        count = len(self.distances)
        return TestResult({"distance": sum(self.distances.values()) / max(count, 1)}, count, 0, 0)


class MeanTask(Task):
    """Guesses (B, 1) against means (B,) in thousandths."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The mean squared error."""
        return (outputs[:, 0] - targets / 1000).square().mean()

    def validation_loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """The same."""
        return self.loss(outputs, targets)

    def curves(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Tensor]:
        """The share of guesses within a tenth."""
        return {"close": ((outputs[:, 0] - targets / 1000).abs() < 0.1).float().mean()}

    def new_scores(self, protocol: TestProtocol) -> Distances:
        """No distances."""
        return Distances()

    def test(self, model: nn.Module, batch: Batch, scores: Scores) -> None:
        """Guess."""
        assert isinstance(scores, Distances)
        guesses = model(batch.inputs[0].flatten(0, 1))[:, 0]  # (B,)
        distances = (guesses - batch.targets / 1000).abs().tolist()
        scores.distances |= dict(zip(batch.items.tolist(), distances, strict=True))


@dataclass(frozen=True, kw_only=True)
class GuessMean(Objective):
    """Guess the mean."""

    metrics: ClassVar[tuple[str, ...]] = ("distance",)

    def task(self, targets: Targets) -> MeanTask:
        """For targets that are no classes."""
        if targets.classes:
            raise ValueError("objective: GuessMean predicts a number, and these data have classes")
        return MeanTask()
