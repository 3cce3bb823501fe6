"""Pathfinder of Long Range Arena: folders of pictures with annotations of each, in the layout of the release.

The published splits are random tenths, which were drawn without a fixed seed.
"""

import io
import random
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal, Self

import numpy as np
from PIL import Image

from data.config import OfficialSizes, Split
from data.datasets.token_lists import (
    NUM_VALUES,
    Ids,
    TokenDataset,
    TokenList,
    check_pool,
    file_bytes,
    grey_ids,
    release_folders,
)
from data.errors import MissingAnnotationError, decoding, reading
from data.labels import hashed
from data.stand_ins.of_sequences import LEVELS, PathfinderStandIn

Level = Literal["curv_baseline", "curv_contour_length_9", "curv_contour_length_14"]
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


class Pathfinder:
    """Reader of `imgs/<folder>/sample_<k>.png` and `metadata/<folder>.npy`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(TokenDataset):
        """Generated data set of the published size or, without `stand_in`, the files of a release."""

        unit = "pictures"
        official_sizes: ClassVar[OfficialSizes] = {"pathfinder32": {"train": 160_000, "val": 20_000, "test": 20_000}}
        num_ids: ClassVar[int] = NUM_VALUES
        num_classes: ClassVar[int] = 2
        tiny_length: ClassVar[int] = 64

        name: str = "pathfinder32"
        level: Level = "curv_contour_length_14"
        """Folder, which tells the number of paddles of a long snake."""
        pool: int = 1
        """Side of the squares of pixels that are averaged."""
        split_rule: Literal["shuffled", "as listed"] = "shuffled"
        """Order of the pictures, of which the last fifth is split into validation and test."""
        test_batch: int | None = 256
        stand_in: PathfinderStandIn | None = PUBLISHED

        def check(self) -> None:
            super().check()
            check_pool(self.pool, self.stand_in.side if self.stand_in is not None else 32)
            if self.stand_in is not None and LEVELS[self.stand_in.contour] != self.level:
                made = LEVELS[self.stand_in.contour]
                raise ValueError(f"data.dataset.level is {self.level}, but the generated pictures are {made}")

        def read(self, root: Path, split: Split) -> TokenList:
            folders = (root / folder / self.level for folder in release_folders("pathfinder32"))
            found = next((folder for folder in (*folders, root) if (folder / "metadata").is_dir()), None)
            if found is None:
                raise MissingAnnotationError(
                    f"{self.name}: no {self.level}/metadata in {root}; get pathfinder32 of Long Range Arena's release"
                )
            # In the order of their numbers.
            files = sorted((found / "metadata").glob("*.npy"), key=lambda path: (len(path.stem), path.stem))
            pictures = [picture for path in files for picture in listed(path)]
            if self.split_rule == "shuffled":
                random.Random(0).shuffle(pictures)
            first, last = (round(share * len(pictures)) for share in SHARES[split])
            pictures = pictures[first:last]
            paths = tuple(str(found / name) for name, _ in pictures)
            return TokenList(
                ids=tuple(name for name, _ in pictures),
                labels=[label for _, label in pictures],
                class_names=("two snakes", "one snake"),
                fingerprint=hashed(f"{name} {label}" for name, label in pictures),
                tokens=partial(pixels, paths, self.pool),
                paths=paths,
            )

        def tiny(self) -> Self:
            return replace(self, stand_in=TINY, level="curv_baseline", pool=16, test_batch=32)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.pathfinder import PathfinderDrawing

            return PathfinderDrawing


def pixels(paths: tuple[str, ...], pool: int, index: int) -> tuple[Ids, ...]:
    path = paths[index]
    content = file_bytes(path)
    with decoding(path), Image.open(io.BytesIO(content), formats=["PNG"]) as image:
        values = np.asarray(image.convert("L"))
        return (grey_ids(values, pool),)


def listed(path: Path) -> list[tuple[str, int]]:
    """Path and label of each picture of an annotation file: text or, as the original code writes it, an array."""
    with reading(path):
        content = path.read_bytes()
        if content.startswith(b"\x93NUMPY"):
            rows = np.atleast_2d(np.load(io.BytesIO(content), allow_pickle=False)).tolist()
        else:
            rows = [line.split() for line in content.decode().splitlines() if line.strip()]
        return [(f"{row[0].strip('/')}/{row[1]}", ("0", "1").index(row[3])) for row in rows]
