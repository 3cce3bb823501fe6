"""Data set of the paper: lists of numbers in text files. The target of a list is its mean."""

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from data.config import DataConfig, DatasetConfig, Split
from data.errors import DataError, DecodeError
from data.items import TestItems, TrainItems
from data.labels import ItemList
from data.stand_ins.drawing.base import Drawing
from data.stand_ins.stand_in import StandIn
from interface.evaluation import EvalConfig
from interface.sizes import InputSize
from interface.targets import Targets


@dataclass(frozen=True)
class NumbersSize(InputSize):
    """Number of numbers in a list."""

    count: int

    kind = "list of numbers"

    @property
    def cost(self) -> int:
        """Number of numbers."""
        return self.count

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Numbers (batch_size, count)."""
        return (torch.randn(batch_size, self.count, device=device),)


@dataclass(frozen=True)
class MeanTarget(Targets):
    """Mean of a list; it is not a class."""

    @property
    def classes(self) -> Mapping[str, int]:
        """Empty."""
        return {}

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> Tensor:
        """Example means (B,) in thousandths."""
        return torch.zeros(batch_size, dtype=torch.long, device=device)


@dataclass(frozen=True)
class NumberLists:
    """Lines of one split. A label is a mean in thousandths."""

    lines: tuple[str, ...]
    class_names: tuple[str, ...] = ()

    @property
    def ids(self) -> tuple[str, ...]:
        """Line numbers."""
        return tuple(f"line {number}" for number in range(1, len(self.lines) + 1))

    @property
    def fingerprint(self) -> str:
        """Hash of all lines."""
        return hashlib.sha256("\n".join(self.lines).encode()).hexdigest()[:16]

    def __len__(self) -> int:
        return len(self.lines)

    def label(self, index: int) -> int:
        """Mean of a line in thousandths."""
        return round(1000 * float(self.numbers(index).mean()))

    def numbers(self, index: int) -> Tensor:
        """Numbers of a line."""
        try:
            return torch.tensor([float(word) for word in self.lines[index].split()])
        except ValueError as error:
            raise DecodeError(self.ids[index], str(error)) from None


@dataclass(frozen=True, kw_only=True)
class NumbersStandIn(StandIn):
    """Lists of random numbers."""

    num_train: int = 64
    num_val: int = 16
    count: int = 4

    @property
    def name(self) -> str:
        """Name of the data set."""
        return "numbers"


class NumbersDrawing(Drawing[NumbersStandIn, tuple[str, int]]):
    """Files of the lists."""

    def parts(self) -> Sequence[tuple[str, int]]:
        """Both splits with their numbers of lists."""
        return (("train", self.settings.num_train), ("test", self.settings.num_val))

    def files(self, part: tuple[str, int]) -> Iterator[tuple[Path, bytes]]:
        """One file per split."""
        split, count = part
        draw = random.Random(f"{self.settings.seed} {split}")
        lines = [" ".join(f"{draw.gauss(0, 1):.4f}" for _ in range(self.settings.count)) for _ in range(count)]
        yield Path(f"{split}.txt"), "\n".join(lines).encode()


class Numbers:
    """Reader of `train.txt` and `test.txt`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Config of the only release."""

        unit = "lists"

        name: str = "numbers"
        stand_in: NumbersStandIn | None = None

        @property
        def targets(self) -> MeanTarget:
            """Mean of a list."""
            return MeanTarget()

        def build(self, root: Path, split: Split) -> ItemList:
            """Lists of a split. The test split is also the validation split."""
            path = root / ("train.txt" if split == "train" else "test.txt")
            if not path.is_file():
                raise DataError(f"numbers: there is no {path}")
            return NumberLists(tuple(path.read_text().splitlines()))

        def tiny(self) -> Self:
            """The same data set with random numbers."""
            return replace(self, stand_in=NumbersStandIn())

        @property
        def drawing(self) -> type:
            """Files of the stand-in."""
            return NumbersDrawing


@dataclass(frozen=True, kw_only=True)
class NumberData(DataConfig):
    """Config of the data: `count` numbers per list."""

    dataset: Numbers.Config = field(default_factory=Numbers.Config)
    count: int = 4

    @property
    def size(self) -> NumbersSize:
        """Size of a list."""
        return NumbersSize(self.count)

    def check(self, evaluation: EvalConfig) -> None:
        """Refuse protocols with several views."""
        if evaluation.views != 1:
            raise ValueError(f"numbers have one view; evaluation.views is {evaluation.views}")

    def train_items(self, items: ItemList, seed: int) -> TrainItems:
        """Lists with noise."""
        assert isinstance(items, NumberLists)
        return TrainItems(items, seed, lambda index: (items.numbers(index) + 0.01 * torch.randn(self.count),))

    def test_items(self, items: ItemList, evaluation: EvalConfig) -> TestItems:
        """Lists without noise, each the only variant of its only view."""
        assert isinstance(items, NumberLists)
        blank = ((1, self.count), torch.float32)
        return TestItems(items, 1, lambda index, views: [(items.numbers(index).unsqueeze(0),)], blank)

    def tiny(self) -> Self:
        """Same config with random numbers."""
        return replace(self, dataset=self.dataset.tiny())
