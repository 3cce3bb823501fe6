"""The paper's model: a weighted sum of numbers. B batch, N numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn

from interface.sizes import InputSize
from interface.targets import Targets
from models.model import Model, ModelConfig
from models.tensors import LoadReport, fill


class WeightedSum(Model):
    """Linear layer with one output."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """`bias`: whether the layer has a bias."""

        bias: bool = True

        def check(self, size: InputSize) -> None:
            """Refuse inputs that are not lists of numbers."""
            if size.kind != "list of numbers":
                raise ValueError(f"model: it takes numbers, and the data give a {size.kind}")

        def build(self, size: InputSize, targets: Targets) -> "WeightedSum":
            """Model of lists of this size."""
            self.check(size)
            return WeightedSum(size.cost, self.bias)

        def tiny(self) -> Self:
            """Same config: the model is already small."""
            return self

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            """Copy all weights; the bias may be missing or unused."""
            names = {name: name for name in model.state_dict()}
            bias = ("weights.bias",)
            return fill(model, tensors, names, source="the parent run", known_missing=bias, known_unexpected=bias)

    def __init__(self, count: int, bias: bool) -> None:
        super().__init__()
        self.weights = nn.Linear(count, 1, bias=bias)

    def forward(self, numbers: Tensor) -> Tensor:
        """Predicted means (B, 1) of numbers (B, N)."""
        return self.weights(numbers)
