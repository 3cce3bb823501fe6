"""Items that are sequences of token ids, or pairs of them, and the base of the configs of their data sets.

Bytes of texts are numbered from 1. Grey values are ids from 0 on, so that black is padding.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from data.config import DatasetConfig, Split
from data.datasets.folders import checked_root
from data.errors import DecodeError, decoding
from data.labels import hashed
from interface.ranges import Count, Range
from interface.targets import ClassTarget

PADDING = 0
NUM_BYTES = 256
NUM_VALUES = 256  # of a grey pixel

Ids = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class TokenList:
    """Items of one split."""

    ids: tuple[str, ...]
    labels: Sequence[int]
    class_names: tuple[str, ...]
    fingerprint: str
    """Hash of ids and labels and, for items that share a file, of what is known of their content."""
    tokens: Callable[[int], tuple[Ids, ...]]
    """All token ids of the item with an index, one sequence or the two of a pair; or a `DecodeError`."""
    paths: tuple[str, ...] | None = None
    """File of each item; None for items that are not read from files again."""

    def __len__(self) -> int:
        return len(self.ids)

    def label(self, index: int) -> int:
        return self.labels[index]

    def files(self) -> list[tuple[str, ...]] | None:
        return None if self.paths is None else [(path,) for path in self.paths]

    def first(self, count: int) -> Self:
        return replace(
            self,
            ids=self.ids[:count],
            labels=self.labels[:count],
            fingerprint=hashed([self.fingerprint, str(count)]),
            paths=None if self.paths is None else self.paths[:count],
        )


@dataclass(frozen=True, kw_only=True)
class TokenDataset(DatasetConfig):
    num_ids: ClassVar[int]
    """Number of ids that occur, padding included."""
    num_classes: ClassVar[int]
    is_pair: ClassVar[bool] = False
    """Whether an item is two sequences."""
    tiny_length: ClassVar[int] = 128
    """Length of the sequences of the stand-in."""

    vocabulary: Annotated[int, Range(least=1, most=2**20)] = 512  # larger embeddings have no tensors
    """Number of ids of the embedding, padding included; it may exceed those that occur."""
    test_batch: Count | None = 32
    """The test split ends with its last whole batch of this size; None for all of its items."""

    @property
    def targets(self) -> ClassTarget:
        return ClassTarget(self.num_classes)

    @property
    def own_validation(self) -> bool:
        return True

    def check(self) -> None:
        if self.vocabulary < self.num_ids:
            raise ValueError(
                f"data.dataset.vocabulary is {self.vocabulary}; {self.name} has {self.num_ids} ids, padding included"
            )

    def build(self, root: Path, split: Split) -> TokenList:
        items = self.read(checked_root(root, self.name), split)
        if split != "test" or self.test_batch is None or len(items) < self.test_batch:
            return items
        return items.first(len(items) // self.test_batch * self.test_batch)

    @abstractmethod
    def read(self, root: Path, split: Split) -> TokenList:
        """All items of a split in a folder; raises as `build`."""


def release_folders(name: str) -> tuple[str, ...]:
    """Folders of a part of the release of Long Range Arena (https://arxiv.org/abs/2011.04006), below a root."""
    return ("", name, f"lra_release/{name}", f"lra_release/lra_release/{name}")


def file_bytes(path: str) -> bytes:
    with decoding(path):
        content = Path(path).read_bytes()
    if not content:
        raise DecodeError(path, "the file has 0 bytes; get it again")
    return content


def byte_ids(text: bytes) -> Ids:
    return np.frombuffer(text, np.uint8).astype(np.int64) + 1


def grey_ids(picture: NDArray[np.uint8], pool: int) -> Ids:
    """Ids of a picture (height, width) row by row, of which squares of `pool` x `pool` pixels are averaged."""
    if pool == 1:
        return picture.reshape(-1).astype(np.int64)
    height, width = picture.shape
    squares = picture.reshape(height // pool, pool, width // pool, pool).astype(np.float64)
    return np.rint(squares.mean(axis=(1, 3))).astype(np.int64).reshape(-1)


def check_pool(pool: int, side: int) -> None:
    if not 1 <= pool <= side or side % pool:
        raise ValueError(f"data.dataset.pool is {pool}; it must divide the side of the pictures, {side}")
