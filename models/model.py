"""Base classes of models and of their configs: what the packages that all papers share ask of a model."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

import torch
from torch import Tensor, nn
from torch.nn import init
from torch.overrides import TorchFunctionMode

from interface.ranges import CheckedConfig
from interface.sizes import InputSize
from interface.targets import Targets
from models.cost import executed_macs, num_parameters
from models.imagenet import InitialWeights

if TYPE_CHECKING:
    from models.attention_query import AttentionMaps
    from models.tensors import LoadReport


class Model(nn.Module):
    """Model of a run. What only some models can do is a method with a default here."""

    def recompute(self, on: bool) -> None:
        """Recompute activations in the backward pass instead of storing them. By default, they are stored."""

    def layer_of(self, parameter: str) -> int:
        """Number of the layer of a parameter for layer decay, given its name; the first is 0.

        Refused if the layers have no order, as by default.
        """
        raise ValueError(f"optim.layer_decay: {type(self).__name__} does not assign layers to its parameters")

    def attention_maps(self) -> "AttentionMaps":
        """Attention of one point of a clip; refused if the model has no such maps, as by default."""
        raise ValueError(f"{type(self).__name__} has no attention maps of videos to draw")


class Cost(NamedTuple):
    macs: int
    """Published multiply-adds of one item."""
    parameters: int
    """Number of parameters as the tables count them."""
    trainable_parameters: int


@dataclass(frozen=True, kw_only=True)
class ModelConfig(CheckedConfig, ABC):
    """Interface of a model's config to the packages that all papers share."""

    config_path: ClassVar[str] = "model"
    not_in_parents: ClassVar[tuple[str, ...]] = ()
    """Patterns of the names of tensors that keep their initial values, because a run that the model starts from may
    have others."""

    @abstractmethod
    def check(self, size: InputSize) -> None:
        """Refuse settings and input sizes that `build` does not support."""

    def check_test_size(self, size: InputSize, test_size: InputSize) -> None:
        """Refuse test items of a size that a model built for another does not take; by default, of any other."""
        if test_size != size:
            raise ValueError(
                f"evaluation.frames: {type(self).__qualname__} takes only clips with the number of frames of its "
                f"training; leave it None"
            )

    def check_parent(self, part: str, parent: "ModelConfig") -> None:
        """Refuse a parent run whose model does not fit the part that it initialises; an empty part is all of it."""

    @abstractmethod
    def build(self, size: InputSize, targets: Targets) -> Model:
        """Model with random weights that maps `size.example(B)` to outputs (B, total number of classes).

        Frozen parts are frozen here: only the trained parameters require a gradient. Reads no file.
        """

    def tiny(self) -> Self:
        """Version that trains from scratch on two CPU cores within minutes; by default the same."""
        return self

    @property
    def identical_blocks(self) -> int:
        """Number of blocks, if all but the first and the last are identical; 0 if they may differ, as by default."""
        return 0

    def with_depth(self, depth: int) -> Self:
        """The same model with `depth` blocks, if it has identical ones."""
        return replace(self, depth=depth)

    def summed(self, count: Callable[["ModelConfig"], int]) -> int:
        """Count of a model. Of identical blocks, each adds the difference between the counts of depths 3 and 2."""
        if (depth := self.identical_blocks) <= 3:
            return count(self)
        two, three = (count(self.with_depth(few)) for few in (2, 3))
        return three + (depth - 3) * (three - two)

    @property
    def pretrained(self) -> bool:
        """Whether the config names initial weights, which `initialise` loads."""
        return bool(self.initial_weights)

    def without_initial_weights(self) -> Self:
        """The same model for a run whose parent initialises it: no file of initial weights is read."""
        return self

    @property
    def is_control(self) -> bool:
        """Whether the model is tested without training on purpose: with random weights, or because it has none."""
        return False

    @property
    def initial_weights(self) -> tuple[InitialWeights, ...]:
        return ()

    def macs(self, size: InputSize, targets: Targets) -> int:
        """Published multiply-adds of one item; by default those of this implementation."""
        return self.executed_macs(size, targets)

    def cost(self, size: InputSize, targets: Targets) -> Cost:
        """Published cost; by default the cost of this implementation."""
        model = self.on_meta(size, targets)
        return Cost(self.macs(size, targets), num_parameters(model), num_parameters(model, trainable=True))

    def executed_macs(self, size: InputSize, targets: Targets) -> int:
        """Multiply-adds that this implementation executes in one forward pass of one item, LayerNorm included."""
        return macs_on_meta(self, size, targets)

    def on_meta(self, size: InputSize, targets: Targets) -> Model:
        """Model on the meta device: tensors have shapes but no memory."""
        with torch.device("meta"):  # without draws, which import torch._dynamo there for a second
            return self.with_zeros(size, targets)

    def with_zeros(self, size: InputSize, targets: Targets) -> Model:
        """As `build`, but initialisers draw nothing, which takes seconds: for weights that replace all of them."""
        with Zeros():
            return self.build(size, targets)

    def initialise(self, model: nn.Module, folder: Path | None = None) -> "tuple[LoadReport, ...]":
        """Load the initial weights that the config names. Returns a report of each file.

        Args:
            folder: directory of weight files; by default $PRETRAINED_WEIGHTS or video-weights in the user's cache.

        Raises:
            MissingWeightsError: with the file to download and the path to save it at.
        """
        return ()

    def load_released(self, model: nn.Module, path: Path, size: InputSize) -> "LoadReport":
        """Load a checkpoint that the paper's authors released.

        Raises:
            ValueError: for a damaged file, or keys without a counterpart.
            OSError: if the file cannot be read.
        """
        raise ValueError(f"weights: released checkpoints of {type(self).__qualname__} cannot be read: {path}")

    def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> "LoadReport":
        """Copy the tensors of a parent run into a part of the model, or all of it.

        By default, a model has no parts, and all tensors must match but `not_in_parents`.
        """
        if part:
            raise ValueError(f"{type(self).__qualname__} has no part '{part}' that another run can fill")
        names = {name: name for name in model.state_dict()}
        other = self.not_in_parents
        from models.tensors import fill  # here: most processes load no weights

        return fill(model, tensors, names, source="the parent run", known_missing=other, known_unexpected=other)


class Zeros(TorchFunctionMode):
    """Zeros in place of random values."""

    DRAWS = (
        init.normal_, init.uniform_, init.kaiming_uniform_, init.xavier_uniform_, Tensor.normal_, Tensor.uniform_,
        Tensor.clamp_,  # the last step of timm's truncated draws, slow on the meta device
    )  # fmt: skip

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        if func in self.DRAWS:
            return init.zeros_(args[0] if args else (kwargs or {})["tensor"])
        return func(*args, **(kwargs or {}))


@functools.cache  # published and executed costs of a row, and its parameters, ask for the same number
def macs_on_meta(config: ModelConfig, size: InputSize, targets: Targets) -> int:
    return config.summed(lambda one: executed_macs(one.on_meta(size, targets), size.example(1, "meta")))
