"""Reviews of IMDb (https://ai.stanford.edu/~amaas/data/sentiment/): one text file each, as bytes.

The test split is also the validation split, as in Long Range Arena, unless the config says otherwise.
"""

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

from data.config import OfficialSizes, Split
from data.datasets.token_lists import NUM_BYTES, Ids, TokenDataset, TokenList, byte_ids, file_bytes
from data.errors import MissingAnnotationError
from data.labels import hashed
from data.stand_ins.of_sequences import ImdbStandIn

CLASSES = {"neg": "negative", "pos": "positive"}  # names by folder, in the order of the labels
SET_ASIDE = 10  # every tenth review, if some are set aside for validation


class Imdb:
    """Reader of `train/pos/*.txt` and so on."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        unit = "reviews"
        official_sizes: ClassVar[OfficialSizes] = {"imdb": {"train": 25_000, "val": 25_000, "test": 25_000}}
        num_ids: ClassVar[int] = 1 + NUM_BYTES
        num_classes: ClassVar[int] = 2

        name: str = "imdb"
        validates_on_test: bool = True
        """Whether the validation split is the test split; otherwise, it is every tenth review of the training split,
        which are not trained on."""
        stand_in: ImdbStandIn | None = None

        @property
        def own_validation(self) -> bool:
            return not self.validates_on_test

        def official_size(self, split: Split) -> int | None:
            return super().official_size(split) if self.validates_on_test or split == "test" else None

        def read(self, root: Path, split: Split) -> TokenList:
            """Reviews in the order of their names, negative ones first."""
            shared = self.validates_on_test or split == "test"
            folder = "test" if shared and split != "train" else "train"
            base = next((base for base in (root, root / "aclImdb") if (base / folder).is_dir()), root)
            names, labels = list[str](), list[int]()
            for label, kind in enumerate(CLASSES):
                files = sorted(path.name for path in (base / folder / kind).glob("*.txt"))
                if not files:
                    where = base / folder / kind
                    raise MissingAnnotationError(f"{self.name}: no .txt file in {where}; extract aclImdb_v1.tar.gz")
                if not shared:
                    files = [file for n, file in enumerate(files) if (n % SET_ASIDE == 0) == (split == "val")]
                names += [f"{folder}/{kind}/{file}" for file in files]
                labels += [label] * len(files)
            paths = tuple(str(base / name) for name in names)
            return TokenList(
                ids=tuple(names),
                labels=labels,
                class_names=tuple(CLASSES.values()),
                fingerprint=hashed(names),  # paths contain the labels
                tokens=partial(review, paths),
                paths=paths,
            )

        def tiny(self) -> Self:
            return replace(self, stand_in=ImdbStandIn())

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.sequences import ImdbDrawing

            return ImdbDrawing


def review(paths: tuple[str, ...], index: int) -> tuple[Ids, ...]:
    return (byte_ids(file_bytes(paths[index])),)
