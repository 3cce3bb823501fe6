"""Lists of videos with their labels: a line is `path label`, or `path verb noun`, separated by spaces or commas.

A label is the number of a class or, where the names of the classes are known, its name.
"""

import os
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from data.datasets.annotations import class_number
from data.datasets.frame_lists import data_lines
from data.datasets.videos import VideoRecord, base_with
from data.errors import DataError, shortened

# The path ends at the last separator, so that it may contain spaces and commas.
SEPARATOR = re.compile(r"\s*,\s*|\s+")
LIST_LINE = re.compile(r"^(?P<path>\S.*?)(?:\s*,\s*|\s+)(?P<label>[^\s,]+)$")


class LabelledPath(NamedTuple):
    """Line of a list: path or name of the video, and its label; one label of each kind if there are several kinds."""

    path: str
    label: int | tuple[int, ...]


class LabelList:
    """List of videos with a label of each kind.

    Args:
        annotation: path of the list.
        name: name of the data set.
        classes: number of classes of each kind of label, in the order of a line.
        layout: layout of a line, for messages.
        official: number of lines of the published list; None if it is unknown.
        names: names of the classes of each kind, which labels may be; empty if they are numbers alone.

    Raises:
        DataError: for a line of another layout, with what it should be.
    """

    def __init__(
        self,
        annotation: Path,
        lines: Sequence[str],
        name: str,
        classes: Mapping[str, int],
        *,
        layout: str = "path label",
        official: int | None = None,
        names: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.annotation, self.name, self.classes, self.layout = annotation, name, classes, layout
        rows = list(data_lines(lines))
        self.official, self.num_lines, self.counts = official, len(rows), tuple(classes.values())
        self.numbers = [{name: n for n, name in enumerate((names or {}).get(kind, ()))} for kind in classes]
        # Numbers that are names of classes are not also their places.
        self.are_names = [any(name.isdigit() for name in numbers) for numbers in self.numbers]
        self.videos = [self.video(place, number, line) for place, (number, line) in enumerate(rows)]

    def video(self, place: int, number: int, line: str) -> LabelledPath:
        """Video of a line.

        Args:
            place: number of earlier lines with a video.
            number: number of the line in the file.
        """
        fields = split_line(line, self.numbers)
        if fields is None:
            raise DataError(
                f"{self.annotation}:{number}: too few fields in '{shortened(line)}'; a line is '{self.layout}'"
                f"{self.remark_on_end(place)}"
            )
        path, *texts = fields
        labels = [
            numbers.get(text.strip("\"'"), None if are_names else class_number(text, count))
            for text, numbers, are_names, count in zip(texts, self.numbers, self.are_names, self.counts, strict=True)
        ]
        known = [label for label in labels if label is not None]
        if len(known) < len(labels):
            raise self.wrong_label(number, texts, labels)
        return LabelledPath(path.strip("\"'"), tuple(known) if len(known) > 1 else known[0])

    def wrong_label(self, number: int, texts: Sequence[str], labels: Sequence[int | None]) -> DataError:
        """Error of a line with a label that is no class."""
        place = labels.index(None)
        what = "label" if len(self.counts) == 1 else f"{tuple(self.classes)[place]} label"
        example = next(iter(self.numbers[place]), None)
        or_names = "" if example is None else f", or the names of the classes, e.g. {shortened(example)}"
        start = f"{self.annotation}:{number}: wrong {what} '{shortened(texts[place])}'"
        if self.are_names[place]:
            return DataError(f"{start}; it is the name of a class: {shortened(', '.join(self.numbers[place]))}")
        return DataError(f"{start}; {self.name} has {what}s 0 to {self.counts[place] - 1}{or_names}")

    def remark_on_end(self, place: int) -> str:
        """Remark on a broken line at the end of a list of which other lines are whole; empty for any other line."""
        if place == 0 or place < self.num_lines - 1:
            return ""
        of_official = "" if self.official is None else f" of officially {self.official:,}"
        return f"; the list is cut off after {place:,}{of_official} videos: get a complete one"

    @cached_property
    def paths(self) -> list[str]:
        return [video.path for video in self.videos]

    def base(self, bases: Sequence[Path]) -> Path:
        """Folder to which the listed paths are relative.

        Raises:
            DataError: if none of the videos exists in any of the folders.
        """
        base = base_with(bases, self.paths)
        if base is None:
            raise DataError(
                f"{self.name}: none of the {len(self.paths)} videos of {self.annotation} exists, "
                f"e.g. {shortened(str(bases[0] / self.paths[0]))}; paths are absolute or relative to {bases[0]}"
            )
        return base

    def records(self, base: Path) -> tuple[VideoRecord, ...]:
        return tuple(VideoRecord(os.path.join(base, path), label, path) for path, label in self.videos)


def split_line(line: str, names: Sequence[Container[str]]) -> Sequence[str] | None:
    """Path and labels of a line; None if it has too few fields.

    Args:
        names: names of the classes of each kind of label.
    """
    *first, last = names
    fields = list_fields(line, last)
    if fields is None or not first:
        return fields
    others = split_line(fields[0], first)
    return None if others is None else (*others, fields[1])


def list_fields(line: str, names: Container[str] = ()) -> tuple[str, str] | None:
    """Path and last label of a line; None if it has too few fields.

    Args:
        names: names of classes, which may contain separators.
    """
    for match in SEPARATOR.finditer(line) if names else ():
        if (label := line[match.end() :].strip("\"'")) in names:
            return line[: match.start()], label
    if "," not in line:  # then the label is the last word, which is found faster than by the pattern
        words = line.rsplit(None, 1)
        return (words[0], words[1]) if len(words) == 2 else None
    match = LIST_LINE.match(line)
    return None if match is None else (match["path"], match["label"])


def folder_class_names(records: Iterable[VideoRecord], num_classes: int) -> tuple[str, ...]:
    """Class names of the folders of the listed paths; numbers for classes without a folder of their own."""
    folders: dict[int | tuple[int, ...], set[str]] = {}
    for folder, label in {(os.path.dirname(record.video_id), record.label) for record in records}:
        folders.setdefault(label, set()).add(os.path.basename(folder))
    names = {label: of_label.pop() for label, of_label in folders.items() if len(of_label) == 1}
    names = names if len(set(names.values())) == len(names) else {}
    return tuple(names.get(label) or f"class {label}" for label in range(num_classes))
