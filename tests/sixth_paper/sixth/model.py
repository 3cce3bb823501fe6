"""The paper's model: a weighted sum of numbers. B batch, N numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn

from models.checkpoints import LoadReport, fill
from models.model import InputSize, ModelConfig, Targets


class WeightedSum(nn.Module):
    """One weight a number."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """`bias`: whether a constant is added."""

        bias: bool = True

        def check(self, size: InputSize) -> None:
            """It takes numbers."""
            if size.kind != "list of numbers":
                raise ValueError(f"model: it takes numbers, and the data give a {size.kind}")

        def build(self, size: InputSize, targets: Targets) -> "WeightedSum":
            """A model of so many numbers."""
            self.check(size)
            return WeightedSum(size.cost, self.bias)

        def tiny(self) -> Self:
            """It is tiny."""
            return self

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            """The weights; a constant may come or go."""
            names = {name: name for name in model.state_dict()}
            bias = ("weights.bias",)
            return fill(model, tensors, names, source="the parent run", known_missing=bias, known_unexpected=bias)

    def __init__(self, count: int, bias: bool) -> None:
        super().__init__()
        self.weights = nn.Linear(count, 1, bias=bias)

    def forward(self, numbers: Tensor) -> Tensor:
        """Numbers (B, N) to guesses (B, 1)."""
        return self.weights(numbers)
