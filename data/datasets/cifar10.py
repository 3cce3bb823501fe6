"""CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html) in grey, from its binary or its Python version.

Pickles of the Python version are read without executing code from them.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from data.config import OfficialSizes, Split
from data.datasets.pictures import NUM_VALUES, check_pool, grey_ids
from data.datasets.restricted_pickle import ARRAYS, unpickled_content
from data.datasets.token_lists import Ids, TokenDataset, TokenList, hashed
from data.datasets.videos import check_root
from data.errors import DataError, MissingAnnotationError
from data.synthetic.cifar10 import Cifar10StandIn

SIDE = 32
PIXELS = SIDE * SIDE
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
WEIGHTS = np.array([0.2989, 0.5870, 0.1140])  # of red, green and blue
BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}


class Pictures(NamedTuple):
    """Grey pictures (n, 32, 32), and their labels (n,)."""

    grey: NDArray[np.uint8]
    labels: NDArray[np.int64]


class Cifar10:
    """Reader of the batches."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        """Config of the only release.

        Args:
            pool: side of the squares of pixels that are averaged.
            split_rule: tenth of the training batches that is the validation split: the last, or a random one. The
                published split depends on the order of another library.
        """

        unit = "pictures"
        official_sizes: ClassVar[OfficialSizes] = {"cifar10": {"train": 45_000, "val": 5_000, "test": 10_000}}
        num_ids: ClassVar[int] = NUM_VALUES
        num_classes: ClassVar[int] = 10
        tiny_length: ClassVar[int] = 256

        name: str = "cifar10"
        pool: int = 1
        split_rule: Literal["last", "random"] = "last"
        test_batch: int | None = 256
        stand_in: Cifar10StandIn | None = None

        @property
        def own_validation(self) -> bool:
            return True

        def check(self) -> None:
            super().check()
            check_pool(self.pool, SIDE)

        def read(self, root: Path, split: Split) -> "GreyPictures":
            check_root(root, self.name)
            names = BATCHES["test" if split == "test" else "train"]
            batches = [read_batch(batch_file(root, name, self.name)) for name in names]
            pictures = Pictures(*(np.concatenate(parts) for parts in zip(*batches, strict=True)))
            chosen = np.arange(len(pictures.labels))
            if split != "test":
                order = np.random.default_rng(0).permutation(chosen) if self.split_rule == "random" else chosen
                start = len(chosen) * 9 // 10
                chosen = np.sort(order[:start] if split == "train" else order[start:])
            return GreyPictures(pictures, chosen, self.pool, "test" if split == "test" else "training")

        def tiny(self) -> Self:
            return replace(self, stand_in=Cifar10StandIn(), pool=2, test_batch=32)


class GreyPictures(TokenList):
    """Pictures in memory.

    Args:
        chosen: indices of the pictures of the split.
        kind: name of the batches.
    """

    def __init__(self, pictures: Pictures, chosen: NDArray[np.int64], pool: int, kind: str) -> None:
        self.pictures = Pictures(pictures.grey[chosen], pictures.labels[chosen])
        self.pool = pool
        self.names = tuple(f"{kind} picture {number}" for number in chosen)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.names

    @property
    def class_names(self) -> tuple[str, ...]:
        return CLASSES

    @property
    def fingerprint(self) -> str:
        """Hash of all pixels and labels, and of the numbers of the pictures."""
        return hashed([*self.names, hashed_bytes(self.pictures)])

    def __len__(self) -> int:
        return len(self.names)

    def label(self, index: int) -> int:
        return int(self.pictures.labels[index])

    def tokens(self, index: int) -> tuple[Ids, ...]:
        return (grey_ids(self.pictures.grey[index], self.pool),)


def hashed_bytes(pictures: Pictures) -> str:
    """Hash of pixels and labels."""
    return hashlib.sha256(pictures.grey.tobytes() + pictures.labels.tobytes()).hexdigest()[:16]


def batch_file(root: Path, name: str, dataset: str) -> Path:
    """File of a batch: of the binary version, or else of the Python version.

    Raises:
        MissingAnnotationError: if there is neither.
    """
    paths = (root / folder / file for file in (f"{name}.bin", name) for folder in FOLDERS)
    found = next((path for path in paths if path.is_file()), None)
    if found is None:
        raise MissingAnnotationError(f"{dataset}: no {name}.bin in {root}; extract cifar-10-binary.tar.gz there")
    return found


def read_batch(path: Path) -> Pictures:
    """Pictures of a batch.

    Raises:
        DataError: if the file is damaged.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
    if path.suffix == ".bin":
        if not content or len(content) % (1 + 3 * PIXELS):
            raise DataError(
                f"{path}: {len(content):,} bytes are no whole pictures of {1 + 3 * PIXELS:,} bytes; get the file again"
            )
        rows = np.frombuffer(content, np.uint8).reshape(-1, 1 + 3 * PIXELS)
        labels, colours = rows[:, 0].tolist(), rows[:, 1:]
    else:
        labels, colours = unpickled(path, content)
    wrong = next((label for label in labels if not (isinstance(label, int) and 0 <= label < len(CLASSES))), None)
    if wrong is not None:
        raise DataError(f"{path}: a label of {wrong}; they are 0 to {len(CLASSES) - 1}: get the file again")
    return Pictures(grey(colours), np.array(labels, np.int64))


def unpickled(path: Path, content: bytes) -> tuple[Sequence[object], NDArray[np.uint8]]:
    """Labels and colours of a batch of the Python version.

    Raises:
        DataError: if the file is damaged, or names code.
    """
    remedy = "get cifar-10-binary.tar.gz, which has the same pictures"
    batch = unpickled_content(content, path, ARRAYS, kind="a plain pickled batch", remedy=remedy, encoding="bytes")
    labels, colours = (batch.get(key) for key in (b"labels", b"data")) if isinstance(batch, dict) else (None, None)
    fits = isinstance(labels, list) and isinstance(colours, np.ndarray) and colours.dtype == np.uint8
    if not fits or colours.shape != (len(labels), 3 * PIXELS) or not labels:  # pyright: ignore
        raise DataError(f"{path}: no batch of labels and pictures; {remedy}")
    return labels, colours  # pyright: ignore[reportReturnType]


def grey(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey pictures (n, 32, 32) of colours (n, 3 * 32 * 32), rounded as TensorFlow does."""
    planes = colours.reshape(-1, 3, PIXELS).astype(np.float32)
    values = np.einsum("ncp,c->np", planes, WEIGHTS.astype(np.float32)) * (255.5 / 255)
    return np.minimum(values, 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
