"""Base classes of data configs: the data set, and the items that a run takes from it."""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.errors import DataError
from data.labels import ItemList
from data.stand_ins.stand_in import StandIn
from interface.evaluation import EvalConfig
from interface.ranges import CheckedConfig
from interface.sizes import InputSize
from interface.targets import Targets

if TYPE_CHECKING:
    from data.items import TestItems, TrainItems

ONE_VIEW = EvalConfig(views=1, crops=1)

Split = Literal["train", "val", "test"]
OfficialSizes = Mapping[str, Mapping[Split, int]]


class VideoFacts(NamedTuple):
    """Number of frames of a video, its frame rate, and the length of its short side."""

    frames: int
    fps: float
    short_side: int


class ShownMasks(NamedTuple):
    """Some frames of a sequence for display, with their masks of numbered objects.

    Args:
        numbers: (T,) indices of the frames in the sequence.
        frames: (T, H, W, 3) in RGB.
        true, predicted: (T, H, W).
    """

    numbers: NDArray[np.int64]
    frames: NDArray[np.uint8]
    true: NDArray[np.uint8]
    predicted: NDArray[np.uint8]


@dataclass(frozen=True, kw_only=True)
class DatasetConfig(CheckedConfig, ABC):
    """A data set. `official_sizes`: numbers of items of the published splits, by the name of the data set."""

    config_path: ClassVar[str] = "data.dataset"
    unit: ClassVar[str] = "items"  # plural noun in messages
    official_sizes: ClassVar[OfficialSizes] = {}
    published: ClassVar[Mapping[int, tuple[float, float, int]]] = {}  # networks, by the number of training items
    class_files: ClassVar[tuple[str, ...]] = ()  # with the names of the classes, which may be missing
    alphabetical: ClassVar[bool] = False  # whether classes are numbered in the order of their names

    name: str
    """The name that users give with --data."""
    stand_in: StandIn | None = None
    """Generated data in the layout of the real data, read in their place; None for the real data."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if not re.fullmatch(r"[^\s/=.][^\s/=]*", self.name):
            raise ValueError(f"data.dataset.name is '{self.name}'; it is the name of a folder, without spaces, / and =")

    @property
    @abstractmethod
    def targets(self) -> Targets:
        """Prediction targets of an item."""

    @abstractmethod
    def build(self, root: Path, split: Split) -> ItemList:
        """Items of a split. "test" is the split that the papers report on.

        Raises:
            DataError: if the root or the annotations are unusable; `MissingAnnotationError` without annotations.
        """

    def categories(self, root: Path) -> Mapping[str, tuple[str, ...]]:
        """Category of each class, by kind of label; without kinds whose classes do not all have one."""
        return {}

    @property
    def own_folder(self) -> Path | None:
        """Root that the config itself names, for data of the user's own; None if the command line names it."""
        return None

    def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
        """Names of the classes, concatenated over the kinds of label; empty if they are unknown, as without a root."""
        if root is None:
            return ()
        try:
            return self.build(root, "test").class_names
        except DataError:
            return ()

    def official_size(self, split: Split) -> int | None:
        """Number of items of a published split; None if it is unknown, and for generated data."""
        return None if self.reads_stand_in else self.official_sizes.get(self.name, {}).get(split)

    def exact_size(self, split: Split) -> int | None:
        """Number of items that the annotation files of a published split must have; None if it is not known exactly."""
        return self.official_size(split)

    @property
    def own_validation(self) -> bool:
        return False

    @property
    def reads_stand_in(self) -> bool:
        return self.stand_in is not None and not self.stand_in.is_original

    @abstractmethod
    def tiny(self) -> Self:
        """The same data set with generated data in place of the real data."""

    @property
    def drawing(self) -> type:
        """Class of `data.stand_ins.drawing.base.Drawing` that draws the stand-in. Its import takes a second."""
        raise ValueError(f"{self.name}: there is no stand-in")


@dataclass(frozen=True, kw_only=True)
class DataConfig(CheckedConfig, ABC):
    """A data set, and all settings that determine the items of a run."""

    config_path: ClassVar[str] = "data"

    dataset: DatasetConfig

    @property
    @abstractmethod
    def size(self) -> InputSize:
        """Size of an item."""

    def test_size(self, evaluation: EvalConfig) -> InputSize:
        """Size of a view of a test item. By default, a protocol with another number of frames is a `ValueError`."""
        if evaluation.frames is not None:
            raise ValueError(
                f"evaluation.frames is {evaluation.frames}; a {self.size.kind} has no other number of frames in the "
                f"test: leave it None"
            )
        return self.size

    @property
    def targets(self) -> Targets:
        return self.dataset.targets

    @abstractmethod
    def check(self, evaluation: EvalConfig) -> None:
        """Raise a `ValueError`, with the field, for settings and protocols that the data do not support."""

    @abstractmethod
    def train_items(self, items: ItemList, seed: int) -> "TrainItems":
        """Augmented training items."""

    def validation_items(self, items: ItemList) -> "TestItems":
        """One unaugmented view of each item, for the validation curves."""
        return self.test_items(items, ONE_VIEW)

    @abstractmethod
    def test_items(self, items: ItemList, evaluation: EvalConfig) -> "TestItems":
        """Views of each item under a test protocol."""

    def files(self, items: ItemList) -> Sequence[tuple[str, ...]] | None:
        """Paths of files of each item, which show by their sizes whether it has changed; None if there are no files."""
        return None

    def copy_text(self, items: ItemList) -> str:
        """What the copy of the data is, in words: another may give another accuracy. Empty if there are no files."""
        return ""

    def examine(self, items: ItemList, index: int) -> VideoFacts | None:
        """Read an item completely; by default, one view of it. Returns the properties of a video, None for other items.

        Raises:
            DecodeError: if it cannot be read.
        """
        self.validation_items(items).inputs(index, [0])
        return None

    def least_short_side(self, evaluation: EvalConfig) -> int | None:
        """Short side below which videos are enlarged; None for items without one."""
        return None

    read_seconds: ClassVar[float] = 0.0  # of one core for an item, where that counts

    @property
    def expected_fps(self) -> int | None:
        """Frame rate for which the sampling is meant; None if there is none."""
        return None

    def with_videos(self, dataset: DatasetConfig) -> "DataConfig":
        """The same config with other videos; a `ValueError` if its items are not videos alone, or have other labels."""
        raise ValueError(f"{self.dataset.name}: its items are not videos alone, so other videos cannot replace them")

    @property
    def input_text(self) -> str:
        """Layout and normalisation of the model's inputs, in words."""
        return f"{self.size.kind} as `RowModel.inputs` returns it"

    def on_device(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Model inputs of a batch after its transfer to the device. By default, the inputs are unchanged."""
        return inputs

    def leave_jitter(self, items: "TrainItems") -> bool:
        """Leave the colour jitter of training items to the device, if there is one; returns whether there is."""
        return False

    def jittered(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Inputs of a batch, whose last one is the colour jitter that was left to the device, after it."""
        return inputs

    def result_files(self, items: ItemList, index: int, prediction: NDArray[np.uint8]) -> Iterator[tuple[Path, bytes]]:
        """Files of the prediction of a test item, with paths below a folder of results; by default, there are none."""
        return iter(())

    def display(self, inputs: tuple[Tensor, ...]) -> Tensor | None:
        """Frames (F, 3, height, width) of the middle variant of a test view, uint8, RGB; None if items cannot be shown.

        Args:
            inputs: inputs of a view, before `on_device`: (V, ...) each.
        """
        return None

    def shown_masks(self, items: ItemList, index: int, results: Path, num_frames: int) -> ShownMasks:
        """Frames of a sequence at even intervals, with its masks and predicted ones.

        Args:
            results: folder with the files of the predictions.

        Raises:
            ValueError: for items without masks; `DecodeError` if a file cannot be read.
        """
        raise ValueError(f"{self.dataset.name}: its items are no sequences with masks")

    @abstractmethod
    def tiny(self) -> Self:
        """Small version with generated data and small items."""

    def views_within(self, evaluation: EvalConfig, other: EvalConfig) -> tuple[int, ...] | None:
        """Indices of the views of `other` that equal the views of `evaluation`; None if some view has no equal.

        With saved scores of `other`, a test under `evaluation` then needs no pass over the data.
        """
        return tuple(range(evaluation.views)) if evaluation == other else None
