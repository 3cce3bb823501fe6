"""Pathfinder of Long Range Arena: folders of pictures with annotations of each, in the layout of the release.

The published splits are random tenths, which were drawn without a fixed seed.
"""

import io
import random
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from PIL import Image

from data.config import OfficialSizes, Split
from data.datasets.pictures import NUM_VALUES, check_pool, grey_ids
from data.datasets.token_lists import Ids, TokenDataset, TokenList, hashed
from data.datasets.videos import check_root
from data.errors import DataError, DecodeError, MissingAnnotationError, shortened
from data.synthetic.pathfinder import LEVELS, PathfinderStandIn

Level = Literal["curv_baseline", "curv_contour_length_9", "curv_contour_length_14"]
FOLDERS = ("", "pathfinder32", "lra_release/pathfinder32", "lra_release/lra_release/pathfinder32")
PUBLISHED = PathfinderStandIn()
# Short snakes that are far apart, so that 64 squares of 16 pixels show which of them has both discs.
TINY = PathfinderStandIn(
    num_train=2048,
    num_val=256,
    side=128,
    contour=6,
    paddle_length=1,
    first_paddles="any",
    seed_distance=30,
    contrast=0.5,
    marker_radius=5.0,
)
SHARES = {"train": (0.0, 0.8), "val": (0.8, 0.9), "test": (0.9, 1.0)}


class Picture(NamedTuple):
    """A picture: its path below the folder of the level, and its label."""

    name: str
    label: int


class Pathfinder:
    """Reader of `imgs/<folder>/sample_<k>.png` and `metadata/<folder>.npy`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        """Generated data set of the published size or, without `stand_in`, the files of a release.

        Args:
            level: folder, which tells the number of paddles of a long snake.
            pool: side of the squares of pixels that are averaged.
            split_rule: order of the pictures, of which the last fifth is split into validation and test.
        """

        unit = "pictures"
        official_sizes: ClassVar[OfficialSizes] = {"pathfinder32": {"train": 160_000, "val": 20_000, "test": 20_000}}
        num_ids: ClassVar[int] = NUM_VALUES
        num_classes: ClassVar[int] = 2
        tiny_length: ClassVar[int] = 64

        name: str = "pathfinder32"
        level: Level = "curv_contour_length_14"
        pool: int = 1
        split_rule: Literal["shuffled", "as listed"] = "shuffled"
        test_batch: int | None = 256
        stand_in: PathfinderStandIn | None = PUBLISHED

        @property
        def own_validation(self) -> bool:
            return True

        def check(self) -> None:
            super().check()
            check_pool(self.pool, self.stand_in.side if self.stand_in is not None else 32)
            if self.stand_in is not None and LEVELS[self.stand_in.contour] != self.level:
                made = LEVELS[self.stand_in.contour]
                raise ValueError(f"data.dataset.level is {self.level}, but the generated pictures are {made}")

        def read(self, root: Path, split: Split) -> "Pictures":
            return Pictures(self, root, split)

        def tiny(self) -> Self:
            return replace(self, stand_in=TINY, level="curv_baseline", pool=16, test_batch=32)


class Pictures(TokenList):
    """Pictures of a split.

    Raises:
        DataError: if the root or the annotations are unusable.
    """

    def __init__(self, config: Pathfinder.Config, root: Path, split: Split) -> None:
        check_root(root, config.name)
        folders = (root / folder / config.level for folder in FOLDERS)
        found = next((folder for folder in (*folders, root) if (folder / "metadata").is_dir()), None)
        if found is None:
            raise MissingAnnotationError(
                f"{config.name}: no {config.level}/metadata in {root}; get pathfinder32 of Long Range Arena's release"
            )
        self.folder, self.pool = found, config.pool
        pictures = [picture for path in annotation_files(found / "metadata") for picture in listed(path)]
        if config.split_rule == "shuffled":
            random.Random(0).shuffle(pictures)
        first, last = (round(share * len(pictures)) for share in SHARES[split])
        self.pictures = pictures[first:last]
        self.names = tuple(picture.name for picture in self.pictures)

    @property
    def ids(self) -> tuple[str, ...]:
        return self.names

    @property
    def class_names(self) -> tuple[str, ...]:
        return ("two snakes", "one snake")

    @property
    def fingerprint(self) -> str:
        return hashed(f"{picture.name} {picture.label}" for picture in self.pictures)

    def __len__(self) -> int:
        return len(self.pictures)

    def label(self, index: int) -> int:
        return self.pictures[index].label

    def tokens(self, index: int) -> tuple[Ids, ...]:
        path = self.folder / self.names[index]
        try:
            content = path.read_bytes()
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            raise DecodeError(str(path), error.strerror or str(error), missing) from None
        if not content:
            raise DecodeError(str(path), "the file has 0 bytes; get it again")
        try:
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                values = np.asarray(image.convert("L"))
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DecodeError(str(path), f"no picture ({error}); get it again") from None
        if values.shape[0] % self.pool or values.shape[1] % self.pool:
            raise DecodeError(str(path), f"{values.shape[1]} x {values.shape[0]} pixels do not divide by {self.pool}")
        return (grey_ids(values, self.pool),)

    def files(self) -> list[tuple[str, ...]]:
        return [(str(self.folder / name),) for name in self.names]


def annotation_files(folder: Path) -> list[Path]:
    """Annotation files in a folder, in the order of their numbers."""
    return sorted(folder.glob("*.npy"), key=lambda path: (len(path.stem), path.stem))


def listed(path: Path) -> list[Picture]:
    """Pictures of an annotation file, which is text or, as the original code writes it, an array of texts.

    Raises:
        DataError: for a line of another layout.
    """
    pictures = []
    for number, fields in enumerate(rows_of(path), start=1):
        if len(fields) < 4 or fields[3] not in ("0", "1") or ".." in fields[0] or "/" in fields[1]:
            shown = shortened(" ".join(fields))
            raise DataError(
                f"{path}:{number}: '{shown}' is no line of annotations, which begins with folder, file, number and "
                f"label; get the file again"
            )
        pictures.append(Picture(f"{fields[0].strip('/')}/{fields[1]}", int(fields[3])))
    return pictures


def rows_of(path: Path) -> list[list[str]]:
    """Fields of each line of an annotation file.

    Raises:
        DataError: if the file cannot be read.
    """
    try:
        content = path.read_bytes()
        if content.startswith(b"\x93NUMPY"):
            array = np.load(io.BytesIO(content), allow_pickle=False)
            return [[str(field) for field in row] for row in np.atleast_2d(array)]
        return [line.split() for line in content.decode().splitlines() if line.strip()]
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
    except (ValueError, EOFError) as error:
        raise DataError(f"{path}: no annotations ({shortened(str(error))}); get the file again") from error
