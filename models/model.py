"""Base class of model configs, and protocols of input sizes, targets and optional abilities of models.

Input sizes and targets are protocols because data and models do not import each other.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol, Self, runtime_checkable

import torch
from torch import Tensor, nn

from models.checkpoints import LoadReport, fill
from models.cost import executed_macs, num_parameters
from models.imagenet import InitialWeights


class InputSize(Protocol):
    """Size of one input item.

    `kind`: name of the type of item for error messages, e.g. "clip".
    `cost`: number of pixels of the item, or the number of pixels that take as much memory. The size of a micro-batch
    is inversely proportional to it.
    """

    @property
    def kind(self) -> str: ...

    @property
    def cost(self) -> int:
        """Number of pixels, or of pixels that take as much memory."""
        ...

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Inputs of the model for a batch of items, filled with random values."""
        ...


@runtime_checkable
class ClipSize(InputSize, Protocol):
    """Size of a clip. Its example is one tensor (batch_size, frames, 3, height, width)."""

    @property
    def frames(self) -> int: ...

    @property
    def height(self) -> int:
        """Number of rows of pixels."""
        ...

    @property
    def width(self) -> int:
        """Number of columns of pixels."""
        ...

    def with_frames(self, frames: int) -> Self: ...


@runtime_checkable
class PoseClipSize(ClipSize, Protocol):
    """Size of a clip and the joints in it.

    Its example is the clips (batch_size, frames, 3, height, width) and the joints (batch_size, frames, R, 3): x and y
    in pixels and 1 for a joint with a place, three zeros for one without.
    """

    @property
    def joints(self) -> int:
        """Number of joints of all people, R."""
        ...


@runtime_checkable
class TokenSequenceSize(InputSize, Protocol):
    """Size of a sequence of tokens. Its example is one tensor (batch_size, length) of token ids, or two for pairs."""

    @property
    def length(self) -> int:
        """Number of tokens, padding included."""
        ...

    @property
    def vocabulary(self) -> int:
        """Number of token ids. Id 0 is padding."""
        ...

    @property
    def pair(self) -> bool: ...


@runtime_checkable
class MaskedSequenceSize(InputSize, Protocol):
    """Typical size of a sequence of frames with masks. Sequences differ in length and size."""

    @property
    def frames(self) -> int: ...

    def clip(self, frames: int) -> ClipSize: ...


class Targets(Protocol):
    """Targets of a task.

    `classes`: number of classes of each kind of label, in the order of the model's outputs. It is empty for targets
    that are not classes.
    """

    @property
    def classes(self) -> Mapping[str, int]: ...

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> Tensor: ...


class Cost(NamedTuple):
    """Cost of a model.

    `macs`: published multiply-adds of one item.
    `parameters`, `trainable_parameters`: numbers of parameters as the tables count them.
    """

    macs: int
    parameters: int
    trainable_parameters: int


@dataclass(frozen=True, kw_only=True)
class ModelConfig(ABC):
    """Interface of a model's config to the packages that all papers share."""

    @abstractmethod
    def check(self, size: InputSize) -> None:
        """Refuse settings and input sizes that `build` does not support.

        Raises:
            ValueError: with the field and its valid values.
        """

    def check_test_size(self, size: InputSize, test_size: InputSize) -> None:
        """Refuse test items of a size that the model, built for items of another size, does not take.

        By default, it takes only the size of its training.

        Raises:
            ValueError: with the field.
        """
        if test_size != size:
            raise ValueError(
                f"evaluation.frames: {type(self).__qualname__} takes only clips with the number of frames of its "
                f"training; leave it None"
            )

    def check_parent(self, part: str, parent: "ModelConfig") -> None:  # noqa: B027  (most accept any parent)
        """Refuse a parent run whose model does not fit the part of the model that it initialises.

        Args:
            part: name of the part; empty for the whole model.

        Raises:
            ValueError: with the part.
        """

    @abstractmethod
    def build(self, size: InputSize, targets: Targets) -> nn.Module:
        """Model with random weights that maps `size.example(B)` to outputs (B, total number of classes).

        Frozen parts are frozen here: only the trained parameters require a gradient. Reads no file.

        Raises:
            ValueError: as `check`.
        """

    @abstractmethod
    def tiny(self) -> Self:
        """Version that trains from scratch on two CPU cores within minutes."""

    @property
    def pretrained(self) -> bool:
        """Whether the config names initial weights, which `initialise` loads."""
        return False

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
        return executed_macs(self.on_meta(size, targets), size.example(1, "meta"))

    def on_meta(self, size: InputSize, targets: Targets) -> nn.Module:
        """Model on the meta device: tensors have shapes but no memory."""
        with torch.device("meta"):
            return self.build(size, targets)

    def initialise(self, model: nn.Module, folder: Path | None = None) -> tuple[LoadReport, ...]:
        """Load the initial weights that the config names. Returns a report of each file.

        Args:
            folder: directory of weight files; by default $PRETRAINED_WEIGHTS or video-weights in the user's cache.

        Raises:
            ValueError: for files of another model.
            MissingWeightsError: with the file to download and the path to save it at.
        """
        return ()

    def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
        """Load a checkpoint that the paper's authors released.

        Raises:
            ValueError: for a damaged file, or keys without a counterpart.
            OSError: if the file cannot be read.
        """
        raise ValueError(f"weights: released checkpoints of {type(self).__qualname__} cannot be read: {path}")

    def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
        """Copy the tensors of a parent run into the model. By default all names and shapes must match.

        Args:
            part: part of the model that the parent initialises; empty for the whole model.

        Raises:
            ValueError: with the tensors that do not match, or for a part that the model does not have.
        """
        if part:
            raise ValueError(f"{type(self).__qualname__} has no part '{part}' that another run can fill")
        names = {name: name for name in model.state_dict()}
        return fill(model, tensors, names, source="the parent run")


@runtime_checkable
class HasIdenticalBlocks(Protocol):
    """Config of a model whose blocks are identical, except the first and the last.

    Configs of blocks that may differ do not define `with_depth`.
    """

    @property
    def depth(self) -> int: ...

    def with_depth(self, depth: int) -> ModelConfig:
        """Config of the same model with `depth` blocks."""
        ...


@runtime_checkable
class HasLayers(Protocol):
    """Model that supports layer-wise learning rate decay."""

    @property
    def num_layers(self) -> int:
        """Index of the last layer; the first is 0."""
        ...

    def layer_of(self, parameter: str) -> int:
        """Index of the layer of a parameter, given its name."""
        ...


@runtime_checkable
class Recomputes(Protocol):
    """Model that can recompute activations in the backward pass instead of storing them."""

    def recompute(self, on: bool) -> None: ...


def as_clip(size: InputSize) -> ClipSize:
    """Input size as the size of a clip.

    Raises:
        ValueError: for inputs of another type.
    """
    if isinstance(size, ClipSize) and size.kind == "clip":
        return size
    raise ValueError(f"model: it takes clips, and the data give a {size.kind}")


def as_pose_clip(size: InputSize) -> PoseClipSize:
    """Input size as the size of a clip with joints.

    Raises:
        ValueError: for inputs of another type.
    """
    if isinstance(size, PoseClipSize) and size.kind == "clip with joints":
        return size
    raise ValueError(f"model: it takes clips with joints, and the data give a {size.kind}")


def as_token_sequence(size: InputSize) -> TokenSequenceSize:
    """Input size as the size of a sequence of tokens.

    Raises:
        ValueError: for inputs of another type.
    """
    if isinstance(size, TokenSequenceSize):
        return size
    raise ValueError(f"model: it takes sequences of tokens, and the data give a {size.kind}")


def as_masked_sequence(size: InputSize) -> MaskedSequenceSize:
    """Input size as the size of a sequence with masks.

    Raises:
        ValueError: for inputs of another type.
    """
    if isinstance(size, MaskedSequenceSize) and size.kind == "sequence with masks":
        return size
    raise ValueError(f"model: it takes sequences with masks, and the data give a {size.kind}")


def num_outputs(targets: Targets) -> int:
    """Number of outputs of a model: the total number of classes of all kinds of label."""
    return sum(targets.classes.values())


def check_range(
    path: str, value: float | None, *, least: float, below: float = math.inf, exclusive: bool = False
) -> None:
    """Refuse a number that is out of range. None is allowed.

    Args:
        path: full name of the field, e.g. "model.width".
        exclusive: whether `least` itself is refused.

    Raises:
        ValueError: with the field and its range; also for NaN and infinity.
    """
    if value is None or ((value > least if exclusive else value >= least) and value < below):
        return
    wanted = f"more than {least:g}" if exclusive else f"{least:g} or more"
    raise ValueError(f"{path} is {value}; it must be {wanted}" + (f" and below {below:g}" if below < math.inf else ""))
