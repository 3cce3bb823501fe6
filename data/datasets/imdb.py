"""Reviews of IMDb (https://ai.stanford.edu/~amaas/data/sentiment/): one text file each, as bytes.

The test split is also the validation split, as in Long Range Arena, unless the config says otherwise.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from data.config import OfficialSizes, Split
from data.datasets.token_lists import Ids, TokenDataset, TokenList, byte_ids, hashed
from data.datasets.videos import check_root
from data.errors import DecodeError, MissingAnnotationError
from data.synthetic.imdb import ImdbStandIn

CLASSES = ("neg", "pos")  # folders, in the order of the labels
NUM_BYTES = 256
SET_ASIDE = 10  # every tenth review, if some are set aside for validation


class Imdb:
    """Reader of `train/pos/*.txt` and so on."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        """Config of the only release.

        Args:
            validates_on_test: whether the validation split is the test split; otherwise, it is every tenth review of
                the training split, which are not trained on.
        """

        unit = "reviews"
        official_sizes: ClassVar[OfficialSizes] = {"imdb": {"train": 25_000, "val": 25_000, "test": 25_000}}
        num_ids: ClassVar[int] = 1 + NUM_BYTES
        num_classes: ClassVar[int] = 2

        name: str = "imdb"
        validates_on_test: bool = True
        stand_in: ImdbStandIn | None = None

        @property
        def own_validation(self) -> bool:
            return not self.validates_on_test

        def official_size(self, split: Split) -> int | None:
            return super().official_size(split) if self.validates_on_test or split == "test" else None

        def read(self, root: Path, split: Split) -> "Reviews":
            if self.validates_on_test or split == "test":
                return Reviews(self.name, root, "train" if split == "train" else "test")
            return Reviews(self.name, root, "train", lambda place: (place % SET_ASIDE == 0) == (split == "val"))

        def tiny(self) -> Self:
            return replace(self, stand_in=ImdbStandIn())


class Reviews(TokenList):
    """Reviews in a folder, in the order of their names, negative ones first.

    Args:
        takes: whether the review at a place in the list of its label is taken; all are by default.

    Raises:
        DataError: if the root or the folder is unusable.
    """

    def __init__(self, name: str, root: Path, folder: str, takes: Callable[[int], bool] = lambda place: True) -> None:
        check_root(root, name)
        base = next((base for base in (root, root / "aclImdb") if (base / folder).is_dir()), None)
        if base is None:
            raise MissingAnnotationError(f"{name}: no {folder} in {root}; extract aclImdb_v1.tar.gz there")
        self.base, self.reviews = base, list[tuple[str, int]]()
        for label, kind in enumerate(CLASSES):
            if not (base / folder / kind).is_dir():
                raise MissingAnnotationError(f"{name}: no {folder}/{kind} in {base}; extract aclImdb_v1.tar.gz again")
            files = sorted(file for file in os.listdir(base / folder / kind) if file.endswith(".txt"))
            if not files:
                raise MissingAnnotationError(
                    f"{name}: no .txt file in {base / folder / kind}; extract the archive again"
                )
            self.reviews += [(f"{folder}/{kind}/{file}", label) for place, file in enumerate(files) if takes(place)]
        self.names = tuple(path for path, _ in self.reviews)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.names

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("negative", "positive")

    @property
    def fingerprint(self) -> str:
        """Hash of paths, which contain the labels."""
        return hashed(self.names)

    def __len__(self) -> int:
        return len(self.reviews)

    def label(self, index: int) -> int:
        return self.reviews[index][1]

    def tokens(self, index: int) -> tuple[Ids, ...]:
        path = self.base / self.names[index]
        try:
            text = path.read_bytes()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise DecodeError(str(path), error.strerror or str(error), missing) from None
        if not text:
            raise DecodeError(str(path), "the file has 0 bytes; extract the archive again")
        return (byte_ids(text),)

    def files(self) -> list[tuple[str, ...]]:
        return [(str(self.base / name),) for name in self.names]
