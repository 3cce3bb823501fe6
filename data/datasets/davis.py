"""DAVIS 2017 (https://davischallenge.org): video sequences with a mask of numbered objects for every frame.

Layout of a root: JPEGImages/480p/<sequence>/00000.jpg, Annotations/480p/<sequence>/00000.png (indexed PNG: 0 is the
background, 1 to K are objects, 255 is void) and the list ImageSets/2017/val.txt. F frames, K objects, H x W pixels.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.annotations import data_lines
from data.config import DatasetConfig, OfficialSizes, Split
from data.datasets.folders import checked_root, needed_file, refuse_duplicates
from data.errors import DataError, DecodeError, MissingAnnotationError, decoding
from data.labels import hashed
from data.stand_ins.drawing.encoding import encoded_mask, palette_of
from data.stand_ins.of_videos import LIST, MASKS, PICTURES, DavisStandIn
from interface.targets import MaskTarget

VOID = 255
LEAST_FRAMES = 3  # the first and the last are not scored


class DavisSequence(NamedTuple):
    """A sequence: its name, the folders of its pictures and masks, and the names of its frames without suffix."""

    name: str
    pictures: Path
    masks: Path
    frames: tuple[str, ...]

    def picture(self, frame: int) -> Path:
        return self.pictures / f"{self.frames[frame]}.jpg"

    def mask(self, frame: int) -> Path:
        return self.masks / f"{self.frames[frame]}.png"


@dataclass(frozen=True)
class SequenceList:
    """Sequences of a split, in the order of its list. A label is the number of frames."""

    sequences: tuple[DavisSequence, ...]
    class_names: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(sequence.name for sequence in self.sequences)

    @property
    def fingerprint(self) -> str:
        """Hash of the names of all sequences and frames."""
        return hashed(f"{sequence.name}\t{' '.join(sequence.frames)}" for sequence in self.sequences)

    def label(self, index: int) -> int:
        return len(self.sequences[index].frames)


class Davis:
    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Config of the release of 2017 at 480p."""

        unit = "sequences"
        official_sizes: ClassVar[OfficialSizes] = {"davis2017": {"val": 30, "test": 30}}

        name: str = "davis2017"
        stand_in: DavisStandIn | None = None

        @property
        def targets(self) -> MaskTarget:
            return MaskTarget()

        def build(self, root: Path, split: Split) -> SequenceList:
            """Sequences of the list `val`, on which the papers report."""
            if split == "train":
                raise MissingAnnotationError(f"{self.name}: nothing is trained on its sequences; only val is read")
            root = checked_root(root, self.name)
            path = needed_file(root, [LIST], self.name, f"name the folder that contains {LIST}", ["."])
            names = [name for _, name in data_lines(path)]
            refuse_duplicates(path, names)
            return SequenceList(tuple(sequence_in(root, name) for name in names))

        def tiny(self) -> Self:
            return replace(self, stand_in=DavisStandIn())

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.davis import DavisDrawing

            return DavisDrawing


def sequence_in(root: Path, name: str) -> DavisSequence:
    pictures, masks = root / PICTURES / name, root / MASKS / name
    frames, annotated = stems(pictures, ".jpg"), stems(masks, ".png")
    if frames != annotated or len(frames) < LEAST_FRAMES:
        raise DataError(
            f"{pictures} has {len(frames)} frames, and {masks} {len(annotated)}; each frame needs a mask, and a "
            f"sequence {LEAST_FRAMES} frames: get the data set again"
        )
    return DavisSequence(name, pictures, masks, frames)


def stems(folder: Path, suffix: str) -> tuple[str, ...]:
    """Names without suffix of the numbered files of a folder, in order."""
    return tuple(sorted(path.stem for path in folder.glob(f"*{suffix}") if re.fullmatch(r"\d+", path.stem)))


def read_frames(sequence: DavisSequence) -> NDArray[np.uint8]:
    """Frames (F, H, W, 3) of a sequence."""
    return _stacked(sequence, map(sequence.picture, range(len(sequence.frames))), "RGB")


def read_masks(sequence: DavisSequence, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Masks (F, H, W) of a sequence with frames of a size (H, W). Objects that the first mask lacks are background."""
    masks = _stacked(sequence, map(sequence.mask, range(len(sequence.frames))))
    if masks.shape[1:] != size:
        raise DecodeError(sequence.name, f"{sequence.masks}: a mask is {masks.shape[1:]} pixels, its frame is {size}")
    ids = [number for number in np.unique(masks[0]).tolist() if number not in (0, VOID)]
    if ids != list(range(1, len(ids) + 1)) or not ids:
        found = ", ".join(map(str, ids)) or "no object"
        raise DecodeError(
            sequence.name, f"{sequence.mask(0)}: the ids are {found}; they must count from 1 without a gap"
        )
    return np.where((masks <= len(ids)) | (masks == VOID), masks, np.uint8(0))


def result_files(sequence: DavisSequence, masks: NDArray[np.uint8]) -> Iterator[tuple[Path, bytes]]:
    """Files of predicted masks (F, H, W) below a folder of results, as the official evaluation reads them.

    They are indexed PNGs with the palette of the annotations. The first mask is given, and its file is copied.
    """
    palette = palette_of(sequence.mask(0))
    yield Path(sequence.name, f"{sequence.frames[0]}.png"), sequence.mask(0).read_bytes()
    for frame, mask in zip(sequence.frames[1:], masks[1:], strict=True):
        yield Path(sequence.name, f"{frame}.png"), encoded_mask(mask, palette)


def read_results(sequence: DavisSequence, folder: Path) -> NDArray[np.uint8]:
    """Predicted masks (F, H, W) in a folder of results."""
    return _stacked(sequence, (folder / sequence.name / f"{frame}.png" for frame in sequence.frames))


def _stacked(sequence: DavisSequence, paths: Iterable[Path], mode: str | None = None) -> NDArray[np.uint8]:
    """Pixels of pictures in a mode; the indices of indexed or grey PNGs if the mode is None."""
    pictures = []
    for path in paths:
        with decoding(f"{sequence.name}: {path}"), Image.open(path) as image:
            if mode is None and image.mode not in ("P", "L"):
                raise ValueError(f"the PNG is of type {image.mode}; masks are indexed (P) or grey (L)")
            pictures.append(np.asarray(image if mode is None else image.convert(mode)))
        if pictures[-1].shape != pictures[0].shape:
            raise DecodeError(f"{sequence.name}: {path}", "it differs in size from the first one")
    return np.stack(pictures)
