"""Result of every reader: the labelled videos of one split. Functions to check and find files."""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data.errors import DataError, shortened

# Approximate number of listed paths that are tried first in the search for their base folder.
NUM_PROBED_PATHS = 64
VIDEO_SUFFIXES = (".mp4", ".webm", ".avi", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp")


class Span(NamedTuple):
    """Part of a longer video, in seconds. `fps` is the frame rate of the pictures of a video stored as pictures."""

    start: float
    stop: float
    fps: float


class Pictures(NamedTuple):
    """Pictures of a whole video, counted from 1. `name` is the pattern of their names, e.g. `img_{:05d}.jpg`."""

    name: str
    number: int
    fps: float


class VideoRecord(NamedTuple):
    """One labelled video.

    `path`: a video file; with a span, a longer video file or a folder of its pictures; with pictures, their folder.
    `label`: a class, or one of each kind of label, such as a verb and a noun.
    `video_id`: the name in the annotation file, the same on every machine.
    """

    path: str
    label: int | tuple[int, ...]
    video_id: str
    span: Span | None = None
    pictures: Pictures | None = None

    @property
    def extent(self) -> str:
        """What the annotation file states of the length of the video, for fingerprints; empty for a video file."""
        if self.pictures is not None:
            return f"\t{self.pictures.number} pictures at {self.pictures.fps}"
        return f"\t{self.span.start} {self.span.stop}" if self.span else ""


@dataclass(frozen=True)
class VideoList:
    """Videos of one split in the order of its annotation file."""

    records: tuple[VideoRecord, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(record.video_id for record in self.records)

    def label(self, index: int) -> int | tuple[int, ...]:
        return self.records[index].label

    @property
    def fingerprint(self) -> str:
        """Hash of ids and labels, independent of the folder of the data set."""
        lines = "\n".join(f"{record.video_id}\t{record.label}{record.extent}" for record in self.records)
        return hashlib.sha256(lines.encode()).hexdigest()[:16]


def refuse_duplicates(annotation: Path, names: Iterable[str], unit: str = "video") -> None:
    """Refuse annotations that name a video twice: it would count twice in every accuracy.

    Args:
        unit: noun for what is named.

    Raises:
        DataError: with a video and its number of occurrences.
    """
    counts = Counter(names)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        others = f", {len(repeated) - 1} more are repeated" if len(repeated) > 1 else ""
        raise DataError(
            f"{annotation}: {repeated[0]} is listed {counts[repeated[0]]} times{others}; list each {unit} once"
        )


def check_root(root: Path, name: str) -> None:
    """Reject a root that is not the folder of a data set.

    Raises:
        DataError: if the root is missing, a file, unreadable or empty.
    """
    if not root.exists():
        raise DataError(f"{name}: the data root {root} does not exist; give its folder with --data {name}=PATH")
    if root.is_file():
        raise DataError(
            f"{name}: the data root {root} is a file; give the folder of the data set with --data {name}=PATH"
        )
    try:
        is_empty = next(os.scandir(root), None) is None
    except OSError as error:
        raise DataError(f"{name}: the data root {root} cannot be read ({error.strerror}); check its rights") from error
    if is_empty:
        raise DataError(
            f"{name}: the data root {root} is empty; give the folder of the data set with --data {name}=PATH"
        )


def check_inside(records: Iterable[VideoRecord], annotation: Path, *folders: Path) -> None:
    """Reject videos outside of the folders, to which `..` in an annotation file may lead.

    Raises:
        DataError: with the first such video.
    """
    prefixes = tuple(os.path.join(os.path.normpath(folder), "") for folder in folders)
    for record in records:
        if not os.path.normpath(record.path).startswith(prefixes):
            raise DataError(
                f"{annotation}: '{shortened(record.video_id)}' leads out of {folders[0]}; "
                f"move the video below that folder and correct the line"
            )


def base_with(
    bases: Sequence[Path], paths: Sequence[str], exists: Callable[[str], bool] = os.path.exists
) -> Path | None:
    """First folder in which one of the paths exists, or None. A few of the paths are tried in all folders first."""
    sample = paths[:: max(1, len(paths) // NUM_PROBED_PATHS)]
    for probed in (sample, paths):
        for base in bases:
            if any(exists(os.path.join(base, path)) for path in probed):
                return base
    return None


def first_file(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """First file with one of the names in one of the folders, or None. Letter case is ignored."""
    lower_names = [name.lower() for name in names]
    for folder in folders:
        if not folder.is_dir():
            continue
        present = {entry.name.lower(): Path(entry.path) for entry in os.scandir(folder) if entry.is_file()}
        for name in lower_names:
            if name in present:
                return present[name]
    return None


def video_files(folder: Path) -> Iterator[Path]:
    """Video files directly in a folder. The letter case of suffixes is ignored."""
    for entry in os.scandir(folder):
        if entry.name.lower().endswith(VIDEO_SUFFIXES):
            yield Path(entry.path)
