"""Lists of videos, one a line: the manifest, and the lists that PySlowFast, mmaction2 and TSM read.

| line | video |
|---|---|
| `path label`, `path,label` | a file; several kinds of label, such as a verb and a noun, follow one another |
| `path,label,start,stop` | a part of a file, in seconds |
| `folder frames label`, `folder,frames,label` | pictures in a folder, counted from 1 |

A label is the number of a class or, where the names of the classes are known, its name. A path may contain spaces, and
commas in double quotes. A first line that begins with `path`, `video` or `file` is a header.
"""

import csv
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from data.annotations import class_number, data_lines
from data.config import DatasetConfig, Split
from data.datasets.folders import base_with, refuse_absent, refuse_duplicates
from data.datasets.videos import Pictures, Span, VideoRecord, is_frame
from data.errors import DataError, reading, shortened
from interface.targets import Targets

# Frame rate of pictures whose list does not state one: that of the samplings, so that a stride counts pictures.
DEFAULT_FPS = 30.0
NUM_PROBED_FOLDERS = 100  # that are searched for a picture
HEADERS = ("path", "video", "file", "filename")
EXAMPLE = "img_00001.jpg"


class ListLine(NamedTuple):
    """Line of a list: its number, the path of a video, and its labels as written."""

    number: int
    path: str
    labels: tuple[str, ...]
    num_frames: int | None = None
    seconds: tuple[float, float] | None = None


def list_lines(annotation: Path, kinds: Sequence[str] = ("label",)) -> list[ListLine]:
    numbered = data_lines(annotation)
    first = re.split(r"[,\s]", numbered[0][1].lower(), maxsplit=1)[0].strip("\"'")
    rows = numbered[first in HEADERS and not re.search(r"\d", numbered[0][1]) :]
    lines = []
    with reading(annotation):  # csv.Error: a field of more than 131,072 characters
        for place, (number, text) in enumerate(rows):
            line = parsed(number, text, len(kinds))
            if line is None:
                is_cut = 0 < place == len(rows) - 1 and len(fields(text, len(kinds))) <= len(kinds)
                cut = f"; the list is cut off after {place:,} videos" if is_cut else ""
                layout = ("," if "," in rows[0][1] else " ").join(["path", *kinds])
                raise DataError(
                    f"{annotation}:{number}: wrong fields in '{shortened(text)}'; a line is '{layout}'{cut}"
                )
            lines.append(line)
    return lines


def parsed(number: int, text: str, kinds: int) -> ListLine | None:
    """Line of a list from its text; None if it has another layout."""
    path, *rest = fields(text, kinds)
    if not path or not all(rest):
        return None
    if len(rest) == kinds:
        return ListLine(number, path, tuple(rest))
    if kinds == 1 and len(rest) == 2:
        num_frames = int(rest[0]) if rest[0].isdecimal() else 0
        return ListLine(number, path, (rest[1],), num_frames) if num_frames else None
    if len(rest) == kinds + 2:
        start, stop = map(seconds, rest[-2:])
        return ListLine(number, path, tuple(rest[:-2]), None, (start, stop)) if 0 <= start < stop else None
    return None


def fields(text: str, kinds: int) -> list[str]:
    """Fields of a line, of which the first is a path."""
    if "," in text:
        (row,) = csv.reader([text], skipinitialspace=True)
        return [field.strip().strip("\"'") for field in row]
    path, *rest = [field.strip("\"'") for field in text.rsplit(None, kinds)]
    if kinds == 1 and path[-1:].isdecimal():
        folder, *frames = path.rsplit(None, 1)
        if frames and frames[0].isdecimal():
            return [folder, *frames, *rest]
    return [path, *rest]


def seconds(text: str) -> float:
    return float(text) if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII) else -1.0


def listed_videos(
    annotation: Path,
    dataset: DatasetConfig,
    bases: Sequence[Path],
    *,
    names: Mapping[str, Sequence[str]] | None = None,
    files: Mapping[str, str] | None = None,
    expected: str = "{}",
    rates: Path | None = None,
) -> tuple[VideoRecord, ...]:
    """Videos of a list.

    Args:
        bases: folders to which its paths may be relative.
        names: names of the classes of each kind of label, which labels may be.
        files: video files by name, for a list of names without suffix.
        expected: pattern of the path of such a name below the first of `bases`, where the file is missing.
        rates: list of `folder,fps` lines.
    """
    lines = list_lines(annotation, dataset.targets.label_names)
    labels = labels_of(lines, annotation, dataset, names or {})
    base = base_with(bases, [line.path for line in lines])
    if base is None:
        paths = [(files or {}).get(line.path) or str(bases[0] / expected.format(line.path)) for line in lines]
        refuse_absent(dataset.name, annotation, paths, f"paths are absolute or relative to {bases[0]}")
    else:
        paths = [os.path.join(base, line.path) for line in lines]
    pictures: list[Pictures | None] = [None] * len(lines)
    if any(line.num_frames for line in lines) and os.path.isdir(next(filter(os.path.exists, paths), paths[0])):
        pictures = list(pictures_of(lines, paths, rates))
    records = []
    for line, path, label, pictured in zip(lines, paths, labels, pictures, strict=True):
        if line.seconds is None:
            records.append(VideoRecord(path, label, line.path, pictures=pictured))
        else:
            start, stop = line.seconds
            name = f"{line.path} {start:g}-{stop:g}"
            records.append(VideoRecord(path, label, name, Span(start, stop, DEFAULT_FPS)))
    refuse_duplicates(annotation, (f"{os.path.normpath(r.path)}{r.extent if r.span else ''}" for r in records))
    return tuple(records)


def labels_of(
    lines: Iterable[ListLine], annotation: Path, dataset: DatasetConfig, names: Mapping[str, Sequence[str]]
) -> list[int | tuple[int, ...]]:
    """Label of each line: a number, or a tuple of those of several kinds."""
    classes = dataset.targets.classes
    numbers = {kind: {name: number for number, name in enumerate(names.get(kind, ()))} for kind in classes}
    # Where names of classes are numbers, other numbers are not their places.
    limits = {kind: 0 if any(map(str.isdigit, numbers[kind])) else count for kind, count in classes.items()}
    labels = []
    for line in lines:
        label = []
        for kind, text in zip(classes, line.labels, strict=True):
            number = numbers[kind].get(text, class_number(text, limits[kind]))
            if number is None:
                what = "label" if len(classes) == 1 else f"{kind} label"
                known = [f"{what}s 0 to {classes[kind] - 1}"] if limits[kind] else []
                known += [f"the names {', '.join(numbers[kind])}"] if numbers[kind] else []
                known = shortened(f"{dataset.name} has {', or '.join(known)}")
                raise DataError(f"{annotation}:{line.number}: wrong {what} '{shortened(text)}'; {known}")
            label.append(number)
        labels.append(tuple(label) if len(label) > 1 else label[0])
    return labels


def pictures_of(lines: Sequence[ListLine], folders: Sequence[str], rates: Path | None) -> Iterable[Pictures]:
    name = picture_name(folders)
    fps = {} if rates is None else frame_rates(rates)
    for line in lines:
        if rates is not None and line.path not in fps:
            raise DataError(f"{rates}: no frame rate of '{shortened(line.path)}'; add a line 'folder,fps'")
        yield Pictures(name, line.num_frames or 1, fps.get(line.path, DEFAULT_FPS))


def frame_rates(path: Path) -> dict[str, float]:
    """Frame rates of a list of `folder,fps` lines, by folder."""
    rates = {}
    with reading(path):
        for number, line in data_lines(path):
            folder, _, text = line.rpartition("," if "," in line else " ")
            if seconds(text.strip()) <= 0:
                raise DataError(f"{path}:{number}: no frame rate in '{shortened(line)}'; a line is 'folder,fps'")
            rates[folder.strip()] = float(text)
    return rates


def picture_name(folders: Iterable[str]) -> str:
    """Pattern of the names of the pictures, from the first folder with pictures."""
    folder = ""
    for folder in islice(filter(os.path.isdir, folders), NUM_PROBED_FOLDERS):
        names = sorted(filter(is_frame, os.listdir(folder)))
        if not names:
            continue
        has_zero = any(re.fullmatch(r"\D*0+\.\w+", name) for name in names)
        firsts = (re.fullmatch(r"(\D*)(0*1)(\.\w+)", name) for name in names)
        first = next((match for match in firsts if match is not None), None)
        if has_zero or first is None:
            raise DataError(f"{folder}: pictures start with {names[0]}; they count from 1, e.g. {EXAMPLE}: rename them")
        return f"{first[1]}{{:0{len(first[2])}d}}{first[3]}"
    raise DataError(f"{folder}: no numbered pictures; extract the frames as {EXAMPLE} and so on")


def list_names(name: str, split: Split) -> list[str]:
    """Names of the list of a split: of PySlowFast, TSM and mmaction2, where the data set has this name."""
    stems = (f"{split}_videofolder", split, f"{name}_{split}_list_videos", f"{name}_{split}_list_rawframes")
    return [f"{split}.csv", *(f"{stem}.txt" for stem in stems)]


def list_bases(root: Path, annotation: Path, split: Split) -> list[Path]:
    """Folders to which the paths of a list may be relative."""
    names = (".", "videos", "data", "frames", "rawframes")
    parts = (split, f"videos_{split}", f"frames/{split}", f"rawframes_{split}")
    below = [root / name for name in (*names, *parts)]
    return [*below, annotation.parent, annotation.parent.parent, root.parent, Path.cwd()]


def folder_class_names(records: Iterable[VideoRecord], targets: Targets) -> tuple[str, ...]:
    """Class names of the folders of the listed paths; numbers for classes without a folder of their own."""
    if len(targets.classes) > 1:
        return targets.numbered_names
    folders: dict[int | tuple[int, ...], set[str]] = {}
    for folder, label in {(os.path.dirname(record.video_id), record.label) for record in records}:
        folders.setdefault(label, set()).add(os.path.basename(folder))
    names = {label: of_label.pop() for label, of_label in folders.items() if len(of_label) == 1}
    names = names if len(set(names.values())) == len(names) else {}
    return tuple(names.get(label) or number for label, number in enumerate(targets.numbered_names))
