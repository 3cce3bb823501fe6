"""What every reader returns: the labelled videos of one split, and how files are told from a folder."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from data.errors import DataError

Split = Literal["train", "val", "test"]

VIDEO_SUFFIXES = (".mp4", ".webm", ".avi", ".mkv", ".mov", ".m4v", ".mpg", ".mpeg", ".flv", ".wmv", ".3gp")


class Span(NamedTuple):
    """A part of a longer video, in seconds; where the video lies as pictures, they were taken from it at this rate."""

    start: float
    stop: float
    fps: int


class VideoRecord(NamedTuple):
    """One labelled video; `video_id` is its name in the annotation file and is the same on every machine.

    The path is a video file or, with a span, a file or a folder of pictures that holds more; a label has two numbers
    where it is a verb and a noun.
    """

    path: str
    label: int | tuple[int, int]
    video_id: str
    span: Span | None = None


@dataclass(frozen=True)
class VideoList:
    """The videos of one split in the order of its annotation file."""

    records: tuple[VideoRecord, ...]
    class_names: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """A hash of ids and labels, whatever the folder they lie in."""
        lines = "\n".join(
            f"{record.video_id}\t{record.label}" + (f"\t{record.span.start} {record.span.stop}" if record.span else "")
            for record in self.records
        )
        return hashlib.sha256(lines.encode()).hexdigest()[:16]


def check_root(root: Path, name: str) -> None:
    """Raise for a root that cannot hold a data set.

    Raises:
        DataError: when it is missing, a file or empty.
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


def file_text(path: Path) -> str:
    """The text of an annotation file.

    Raises:
        DataError: when it cannot be read or is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not a text file in UTF-8 ({error.reason} at byte {error.start})") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error


def first_file(folders: Iterable[Path], names: Iterable[str]) -> Path | None:
    """The first of these names that is a file in one of the folders, whatever the case of its letters."""
    wanted = [name.lower() for name in names]
    for folder in folders:
        if not folder.is_dir():
            continue
        present = {entry.name.lower(): Path(entry.path) for entry in os.scandir(folder) if entry.is_file()}
        for name in wanted:
            if name in present:
                return present[name]
    return None


def video_files(folder: Path) -> Iterator[Path]:
    """The video files directly in a folder, whatever the case of their suffix."""
    for entry in os.scandir(folder):
        if entry.name.lower().endswith(VIDEO_SUFFIXES):
            yield Path(entry.path)
