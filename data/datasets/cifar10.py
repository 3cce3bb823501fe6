"""CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html) in grey, from its binary or its Python version.

Pickles of the Python version are read without executing code from them.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from data.config import OfficialSizes, Split
from data.datasets.folders import needed_file
from data.datasets.token_lists import NUM_VALUES, Ids, TokenDataset, TokenList, check_pool, grey_ids
from data.errors import DataError, reading
from data.labels import hashed
from data.pickles import unpickled
from data.stand_ins.of_sequences import Cifar10StandIn

SIDE = 32
PIXELS = SIDE * SIDE
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
FOLDERS = ("", "cifar-10-batches-bin", "cifar-10-batches-py")
WEIGHTS = np.array([0.2989, 0.5870, 0.1140])  # of red, green and blue
BATCHES = {"train": tuple(f"data_batch_{number}" for number in range(1, 6)), "test": ("test_batch",)}


class Cifar10:
    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        unit = "pictures"
        official_sizes: ClassVar[OfficialSizes] = {"cifar10": {"train": 45_000, "val": 5_000, "test": 10_000}}
        num_ids: ClassVar[int] = NUM_VALUES
        num_classes: ClassVar[int] = 10
        tiny_length: ClassVar[int] = 256

        name: str = "cifar10"
        pool: int = 1
        """Side of the squares of pixels that are averaged."""
        split_rule: Literal["last", "random"] = "last"
        """Tenth of the training batches that is the validation split: the last, or a random one. The published split
        depends on the order of another library."""
        test_batch: int | None = 256
        stand_in: Cifar10StandIn | None = None

        def check(self) -> None:
            super().check()
            check_pool(self.pool, SIDE)

        def read(self, root: Path, split: Split) -> TokenList:
            names = BATCHES["test" if split == "test" else "train"]
            remedy = "extract cifar-10-binary.tar.gz there"
            files = [needed_file(root, [f"{name}.bin", name], self.name, remedy, FOLDERS) for name in names]
            pictures, labels = (np.concatenate(parts) for parts in zip(*map(read_batch, files), strict=True))
            chosen = np.arange(len(labels))
            if split != "test":
                order = np.random.default_rng(0).permutation(chosen) if self.split_rule == "random" else chosen
                start = len(chosen) * 9 // 10
                chosen = np.sort(order[:start] if split == "train" else order[start:])
            pictures, labels = pictures[chosen], labels[chosen]
            ids = tuple(f"{'test' if split == 'test' else 'training'} picture {number}" for number in chosen)
            content = hashlib.sha256(pictures.tobytes() + labels.tobytes()).hexdigest()[:16]
            return TokenList(
                ids=ids,
                labels=labels.tolist(),
                class_names=CLASSES,
                fingerprint=hashed([*ids, content]),
                tokens=partial(pixels, pictures, self.pool),
            )

        def tiny(self) -> Self:
            return replace(self, stand_in=Cifar10StandIn(), pool=2, test_batch=32)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.sequences import Cifar10Drawing

            return Cifar10Drawing


def pixels(pictures: NDArray[np.uint8], pool: int, index: int) -> tuple[Ids, ...]:
    return (grey_ids(pictures[index], pool),)


def read_batch(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Grey pictures (n, 32, 32) of a file, and their labels (n,)."""
    with reading(path):
        if path.suffix == ".bin":
            rows = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 1 + 3 * PIXELS)
            labels, colours = rows[:, 0], rows[:, 1:]
        else:
            batch = unpickled(path, encoding="bytes")
            assert isinstance(batch, dict)
            labels, colours = np.asarray(batch[b"labels"]), batch[b"data"]
        if not len(labels) or labels.min() < 0 or labels.max() >= len(CLASSES):
            raise DataError(f"{path}: no labels from 0 to {len(CLASSES) - 1}; get the file again")
        return grey(colours), labels.astype(np.int64)


def grey(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Grey pictures (n, 32, 32) of colours (n, 3 * 32 * 32), rounded as TensorFlow does."""
    planes = colours.reshape(-1, 3, PIXELS).astype(np.float32)
    values = np.einsum("ncp,c->np", planes, WEIGHTS.astype(np.float32)) * (255.5 / 255)
    return np.minimum(values, 255).astype(np.uint8).reshape(-1, SIDE, SIDE)
