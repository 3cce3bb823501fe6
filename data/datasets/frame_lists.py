"""Lists of videos with their numbers of frames, and the folders of pictures that they name.

A line is `folder frames label`, separated by spaces as in https://github.com/VideoNetworks/TokShift-Transformer, or by
commas as in https://github.com/1adrianb/video-transformers. Pictures count from 1. A list is read without a look at its
pictures, but for one folder.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from data.datasets.annotations import MAX_DIGITS, class_number, file_text
from data.datasets.videos import Pictures, VideoRecord, base_with
from data.errors import DataError, shortened
from data.inspection.file_scan import is_frame

# Frame rate of pictures whose list does not state one: that of the samplings, so that a stride counts pictures.
DEFAULT_FPS = 30.0
# Lines that decide whether a list has numbers of frames, and folders that are searched for a picture.
NUM_PROBED_LINES = 10
NUM_PROBED_FOLDERS = 100
HEADERS = ("path", "video", "file", "filename")  # first field of a header
EXAMPLE = "img_00001.jpg"


class ListedVideo(NamedTuple):
    """Line of a list: path of the folder or file, number of frames, label."""

    path: str
    num_frames: int
    label: int


class Located(NamedTuple):
    """Folder to which listed paths are relative, and the paths of the videos."""

    base: Path
    paths: list[str]


class FrameList:
    """List of videos with their numbers of frames.

    Args:
        annotation: path of the list.
        name: name of the data set.

    Raises:
        DataError: for a line of another layout, with what it should be.
    """

    def __init__(self, annotation: Path, lines: Sequence[str], name: str, num_classes: int) -> None:
        self.annotation, self.name, self.num_classes = annotation, name, num_classes
        probed = [line for _, line in islice(data_lines(lines), NUM_PROBED_LINES)]
        self.separator = "," if any(is_listed_video(line.rsplit(",", 2)) for line in probed) else None
        self.videos = [self.video(number, line) for number, line in data_lines(lines)]

    def video(self, number: int, line: str) -> ListedVideo:
        """Video of a line."""
        where = f"{self.annotation}:{number}"
        layout = "folder,frames,label" if self.separator else "folder frames label"
        fields = line.rsplit(self.separator, 2)
        if len(fields) != 3:
            raise DataError(f"{where}: too few fields in '{shortened(line)}'; a line is '{layout}'")
        path, count, text = map(str.strip, fields)
        label, num_frames = class_number(text, self.num_classes), class_number(count, 10**MAX_DIGITS)
        if label is None:
            raise DataError(
                f"{where}: wrong label '{shortened(text)}'; {self.name} has labels 0 to {self.num_classes - 1}"
            )
        if not num_frames:
            raise DataError(
                f"{where}: wrong number of frames '{shortened(count)}'; a line is '{layout}': extract the frames "
                f"again, or remove the line"
            )
        return ListedVideo(path.strip("\"'"), num_frames, label)

    @cached_property
    def paths(self) -> list[str]:
        return [video.path for video in self.videos]

    @cached_property
    def inner_paths(self) -> list[str]:
        """Listed paths without their first folder, if all have the same: some lists begin with the data set's name."""
        first = self.paths[0].partition("/")[0] + "/"
        shared = all(path.startswith(first) for path in self.paths)
        return [path.removeprefix(first) for path in self.paths] if shared else []

    def located(self, bases: Sequence[Path], *, files: bool = False) -> Located | None:
        """Folder in which the listed folders, or files, are found; None if none of them exists."""
        for paths in (self.paths, self.inner_paths):
            base = base_with(bases, paths, os.path.isfile if files else os.path.isdir)
            if base is not None:
                return Located(base, [os.path.join(base, path) for path in paths])
        return None

    def folder_records(self, folders: Sequence[str], rates_path: Path | None = None) -> tuple[VideoRecord, ...]:
        """Records of videos that are stored as folders of pictures.

        Args:
            folders: their paths.
            rates_path: file with the frame rate of each listed folder; without it, all have the same.

        Raises:
            DataError: if the folders have no numbered pictures, or a video has no frame rate.
        """
        name = picture_name(folders)
        rates = dict.fromkeys(self.paths, DEFAULT_FPS) if rates_path is None else frame_rates(rates_path)
        if (path := next((path for path in self.paths if path not in rates), None)) is not None:
            raise DataError(
                f"{rates_path}: no frame rate of '{shortened(path)}'; add a line 'folder,fps', or remove the file"
            )
        return tuple(
            VideoRecord(folder, label, path, pictures=Pictures(name, num_frames, rates[path]))
            for folder, (path, num_frames, label) in zip(folders, self.videos, strict=True)
        )

    def file_records(self, files: Sequence[str]) -> tuple[VideoRecord, ...]:
        return tuple(VideoRecord(file, label, path) for file, (path, _, label) in zip(files, self.videos, strict=True))

    def unlocated(self, folder: Path, archives: Iterable[Path]) -> DataError:
        """Error of a list of which no video was found.

        Args:
            folder: where the listed folders should be.
            archives: HDF5 files in which the authors' code keeps the frames. Readers do not open them.
        """
        example = folder / self.paths[0]
        archive = next((path for path in archives if os.path.isfile(path)), None)  # accepts paths of any length
        if archive is not None:
            return DataError(
                f"{self.name}: the frames of {self.annotation} are in HDF5 files, e.g. {shortened(str(archive))}; "
                f"extract them as pictures, e.g. {shortened(str(example / EXAMPLE))}"
            )
        return DataError(
            f"{self.name}: none of the {len(self.videos)} videos of {self.annotation} exists, "
            f"e.g. {shortened(str(example / EXAMPLE))}; paths are absolute or relative to {folder}"
        )


def data_lines(lines: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Numbers and content of the lines that are neither empty nor comments."""
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if line and not line.startswith("#"):
            yield number, line


def without_header(lines: Sequence[str]) -> list[str]:
    """Lines with an empty one in place of a header such as `path,class`, so that the numbers of lines stay."""
    found = list(lines)
    number, line = next(data_lines(found), (0, ""))
    if re.split(r"[,\s]", line.lower(), maxsplit=1)[0].strip("\"'") in HEADERS and not re.search(r"[0-9]", line):
        found[number - 1] = ""
    return found


def has_frame_numbers(lines: Iterable[str]) -> bool:
    """Whether more than half of the first lines are a path and two numbers."""
    probed = [line for _, line in islice(data_lines(lines), NUM_PROBED_LINES)]
    listed = [line for line in probed if any(is_listed_video(line.rsplit(separator, 2)) for separator in (",", None))]
    return 2 * len(listed) > len(probed)


def is_listed_video(fields: Sequence[str]) -> bool:
    return len(fields) == 3 and all(re.fullmatch(r"\s*[0-9]+\s*", field) for field in fields[1:])


def frame_rates(path: Path) -> dict[str, float]:
    """Frame rates of a list of `folder,fps` lines, by folder.

    Raises:
        DataError: for a line of another layout.
    """
    rates = {}
    for number, line in data_lines(file_text(path).splitlines()):
        folder, _, text = line.rpartition("," if "," in line else " ")
        try:
            rate = float(text)
        except ValueError:
            rate = math.nan
        if not folder or not 0 < rate < math.inf:
            raise DataError(f"{path}:{number}: no frame rate in '{shortened(line)}'; a line is 'folder,fps'")
        rates[folder.strip()] = rate
    return rates


def picture_name(folders: Iterable[str]) -> str:
    """Pattern of the names of the pictures, from the first folder with pictures.

    Raises:
        DataError: if the pictures of that folder do not count from 1, or no folder has pictures.
    """
    folder = ""
    for folder in islice(filter(os.path.isdir, folders), NUM_PROBED_FOLDERS):
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if is_frame(entry.name))
        for name in names:
            if re.fullmatch(r"\D*0+\.\w+", name):  # number 0
                break
            if match := re.fullmatch(r"(\D*)(0*1)(\.\w+)", name):
                return f"{match[1]}{{:0{len(match[2])}d}}{match[3]}"
        if names:
            raise DataError(f"{folder}: pictures start with {names[0]}; they count from 1, e.g. {EXAMPLE}: rename them")
    raise DataError(f"{folder}: no numbered pictures; extract the frames as {EXAMPLE} and so on")
