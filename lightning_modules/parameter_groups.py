"""Parameter groups of an optimiser: the trainable parameters, with layer decay and rules for some of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import ClassVar, NamedTuple

from torch import nn

from interface.ranges import CheckedConfig, CountOrZero, PositiveOrZero
from models.model import Model


@dataclass(frozen=True, kw_only=True)
class ParameterRule(CheckedConfig):
    """Settings of the parameters that match."""

    config_path: ClassVar[str] = "optim.rules"

    names: str = "*"
    """Glob of parameter names, e.g. "head.*"."""
    max_dims: CountOrZero | None = None
    """Largest number of dimensions of a matching parameter, e.g. 1 for biases and norms; None for any number."""
    lr_scale: PositiveOrZero = 1.0
    """Factor of the learning rate. The factors of all matching rules are multiplied."""
    weight_decay: PositiveOrZero | None = None
    """Weight decay in place of the recipe's. None leaves it unchanged. The last matching rule applies."""
    may_match_none: bool = field(default=False, metadata={"omit_if": False})
    """Whether a model without such parameters is accepted, for a recipe of models with different parts."""

    def matches(self, name: str, parameter: nn.Parameter) -> bool:
        return fnmatchcase(name, self.names) and (self.max_dims is None or parameter.ndim <= self.max_dims)

    def __str__(self) -> str:
        return f"'{self.names}'" + ("" if self.max_dims is None else f" of at most {self.max_dims} dimensions")


class ParameterGroup(NamedTuple):
    """Parameters with the same learning rate and weight decay."""

    params: list[nn.Parameter]
    lr: float
    weight_decay: float


def parameter_groups(
    model: Model, *, lr: float, weight_decay: float, layer_decay: float | None, rules: Iterable[ParameterRule]
) -> list[ParameterGroup]:
    """Trainable parameters, grouped by learning rate and weight decay, in the model's order.

    A layer has `layer_decay` times the learning rate of the next layer; None for equal rates.
    """
    trainable = [(name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad]
    if not trainable:
        raise ValueError("optim: the model has no trainable parameter; set optim=None for a run that trains nothing")
    rules = tuple(rules)
    for rule in rules:
        if not rule.may_match_none and not any(rule.matches(name, parameter) for name, parameter in trainable):
            raise ValueError(f"optim.rules: no trainable parameter matches {rule}")
    last_layer = 0 if layer_decay is None else max(model.layer_of(name) for name, _ in model.named_parameters())
    groups: dict[tuple[float, float], ParameterGroup] = {}
    for name, parameter in trainable:
        scale, decay = 1.0, weight_decay
        if layer_decay is not None:
            scale = layer_decay ** (last_layer - model.layer_of(name))
        for rule in rules:
            if rule.matches(name, parameter):
                scale *= rule.lr_scale
                decay = decay if rule.weight_decay is None else rule.weight_decay
        groups.setdefault((scale, decay), ParameterGroup([], lr * scale, decay)).params.append(parameter)
    return list(groups.values())
