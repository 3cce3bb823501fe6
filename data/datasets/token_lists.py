"""Lists of items that are sequences of token ids, or pairs of them, and the base of the configs of their data sets."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from data.config import DatasetConfig, Split
from interface.ranges import check_fields
from interface.targets import ClassTarget

PADDING = 0
MAX_VOCABULARY = 2**20  # larger embeddings have no tensors

Ids = NDArray[np.int64]


class TokenList(ABC):
    """Items of one split. Tokens are numbered from 1 or, in images, from 0, which is also padding."""

    @property
    @abstractmethod
    def ids(self) -> tuple[str, ...]:
        """Names of the items, the same on every machine."""

    @property
    @abstractmethod
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of ids and labels and, for items that share a file, of what is known of their content."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def label(self, index: int) -> int:
        """Label of an item."""

    @abstractmethod
    def tokens(self, index: int) -> tuple[Ids, ...]:
        """All token ids of an item: one sequence, or the two of a pair.

        Raises:
            DecodeError: if the item cannot be read.
        """

    def files(self) -> Sequence[tuple[str, ...]] | None:
        """Files of each item; None for items that are not read from files again."""
        return None

    def examine(self, index: int) -> None:
        """Read an item completely, with checks that would be too slow for a training.

        Raises:
            DecodeError: if the item is damaged.
        """
        self.tokens(index)


class FirstItems(TokenList):
    """First items of a list."""

    def __init__(self, items: TokenList, count: int) -> None:
        self.items, self.count = items, min(count, len(items))
        self.names = items.ids[: self.count]

    @property
    def ids(self) -> tuple[str, ...]:
        return self.names

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.items.class_names

    @property
    def fingerprint(self) -> str:
        return hashed([self.items.fingerprint, str(self.count)])

    def __len__(self) -> int:
        return self.count

    def label(self, index: int) -> int:
        return self.items.label(index)

    def tokens(self, index: int) -> tuple[Ids, ...]:
        return self.items.tokens(index)

    def files(self) -> Sequence[tuple[str, ...]] | None:
        files = self.items.files()
        return None if files is None else files[: self.count]

    def examine(self, index: int) -> None:
        self.items.examine(index)


@dataclass(frozen=True, kw_only=True)
class TokenDataset(DatasetConfig):
    """Data set of token sequences.

    Args:
        vocabulary: number of ids of the embedding, padding included; it may exceed those that occur.
        test_batch: the test split ends with its last whole batch of this size; None for all of its items.

    `num_ids`: number of ids that occur, padding included. `num_classes`: number of classes. `is_pair`: whether an item
    is two sequences. `tiny_length`: length of sequences of the generated stand-in.
    """

    num_ids: ClassVar[int]
    num_classes: ClassVar[int]
    is_pair: ClassVar[bool] = False
    tiny_length: ClassVar[int] = 128

    vocabulary: int = 512
    test_batch: int | None = 32

    def __post_init__(self) -> None:
        super().__post_init__()
        check_fields("data.dataset", self, "vocabulary", least=1, most=MAX_VOCABULARY)
        check_fields("data.dataset", self, "test_batch", least=1)

    @property
    def targets(self) -> ClassTarget:
        return ClassTarget(self.num_classes)

    def check(self) -> None:
        """Refuse settings that exclude each other.

        Raises:
            ValueError: with the field.
        """
        if self.vocabulary < self.num_ids:
            raise ValueError(
                f"data.dataset.vocabulary is {self.vocabulary}; {self.name} has {self.num_ids} ids, padding included"
            )

    def build(self, root: Path, split: Split) -> TokenList:
        """Items of a split.

        Raises:
            DataError: if the root or the files are unusable.
        """
        items = self.read(Path(root.expanduser().absolute()), split)
        if split != "test" or self.test_batch is None or len(items) < self.test_batch:
            return items
        return FirstItems(items, len(items) // self.test_batch * self.test_batch)

    @abstractmethod
    def read(self, root: Path, split: Split) -> TokenList:
        """All items of a split in a folder.

        Raises:
            DataError: if the root or the files are unusable.
        """


def hashed(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()[:16]


def byte_ids(text: bytes, most: int | None = None) -> Ids:
    """Ids of bytes: 1 to 256, of at most this many bytes."""
    return np.frombuffer(text[:most], np.uint8).astype(np.int64) + 1
