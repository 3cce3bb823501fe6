"""EPIC-Kitchens-100: the official annotations with folders of frames, whole videos or one file per segment.

Lists of `narration_id,verb,noun` lines are read, too, with one file per segment.
The label of a segment is its verb and its noun. The test split is the validation split, as in the papers.
Class files have the columns id, key, instances and, in some releases, category. The files `_v2` also have rows of other
ids.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

from data.config import DatasetConfig, OfficialSizes, Split
from data.datasets.annotations import class_number, csv_rows, file_text
from data.datasets.epic_videos import Segment, VideoLocator
from data.datasets.frame_lists import data_lines
from data.datasets.label_lists import LabelList
from data.datasets.restricted_pickle import ARRAYS, unpickled
from data.datasets.videos import Span, VideoList, check_inside, check_root, first_file, refuse_duplicates
from data.errors import DataError, MissingAnnotationError, shortened
from data.synthetic.epic100 import Epic100StandIn
from interface.targets import VerbNounTarget

ANNOTATION_FOLDERS = (
    ".",
    "annotations",
    "epic-kitchens-100-annotations",
    "epic-kitchens-100-annotations-master",
)
COLUMNS = ("narration_id", "video_id", "start_timestamp", "stop_timestamp", "verb_class", "noun_class")
# Minutes and seconds may be 60: the published times are rounded.
TIMESTAMP = re.compile(r"(\d\d):([0-5]\d|60):((?:[0-5]\d|60)(?:\.\d+)?)", re.ASCII)
CLASS_FILES = ("EPIC_100_{}_classes.csv", "EPIC_100_{}_classes_v2.csv")
# Globals in a pickled table of numbers and strings, as pandas and numpy have named them from 2019 to today.
PICKLE_GLOBALS = ARRAYS | {
    ("builtins", "slice"),
    ("pandas", "Index"),
    ("pandas", "RangeIndex"),
    ("pandas", "DataFrame"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"),
    ("pandas._libs.internals", "_unpickle_block"),
}


class Epic100:
    """Reader of EPIC-Kitchens-100 in a root folder."""

    @dataclass(frozen=True, kw_only=True)
    class Config(DatasetConfig):
        """Release of the data set."""

        unit = "videos"
        official_sizes: ClassVar[OfficialSizes] = {"epic100": {"train": 67_217, "val": 9_668, "test": 9_668}}

        class_files: ClassVar[tuple[str, ...]] = ("EPIC_100_verb_classes.csv", "EPIC_100_noun_classes.csv")

        name: str = "epic100"
        num_verbs: int = 97
        num_nouns: int = 300
        stand_in: Epic100StandIn | None = None

        @property
        def targets(self) -> VerbNounTarget:
            return VerbNounTarget(self.num_verbs, self.num_nouns)

        def categories(self, root: Path) -> dict[str, tuple[str, ...]]:
            folders = annotation_folders(Path(os.path.abspath(root.expanduser())))
            found = {kind: class_categories(folders, kind, count) for kind, count in self.targets.classes.items()}
            return {kind: names for kind, names in found.items() if names}

        def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
            """Names in the official class files, which may lie in the folder alone."""
            return () if root is None else all_class_names(self, Path(os.path.abspath(root.expanduser())))

        def tiny(self) -> Self:
            videos = Epic100StandIn()
            return replace(self, num_verbs=videos.num_verbs, num_nouns=videos.num_nouns, stand_in=videos)

        def build(self, root: Path, split: Split) -> VideoList:
            """Segments of a split.

            Raises:
                DataError: if the root or the annotations are unusable; `MissingAnnotationError` without annotations.
            """
            return Epic100(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))

    def videos(self, split: Split) -> VideoList:
        """Segments of a split."""
        check_root(self.root, self.config.name)
        annotation = self.annotation(split)
        segments = list(self.listed_segments(annotation, split) if is_list(annotation) else self.segments(annotation))
        if not segments:
            raise DataError(f"{annotation}: the file is empty; it should contain one segment per line")
        refuse_duplicates(annotation, (segment.narration_id for segment in segments))
        locator = VideoLocator(self.root)
        records = tuple(locator.record(segment) for segment in segments)
        if not any(os.path.exists(path) for path in {record.path for record in records}):
            if segments[0].span is None:
                needed = "the list has no times, so that each segment is a file, e.g. segments/P01_01_0.mp4"
            else:
                needed = "a video is P01/videos/P01_01.MP4 or, as pictures, P01/rgb_frames/P01_01/frame_0000000001.jpg"
            raise DataError(
                f"{self.config.name}: none of the videos of {annotation} exists, e.g. {shortened(records[0].path)}; "
                f"{needed}"
            )
        check_inside(records, annotation, self.root)
        return VideoList(records, all_class_names(self.config, self.root))

    def annotation(self, split: Split) -> Path:
        """Annotation file of a split: the official CSV file or a list, or else the pickle with the official rows."""
        parts = ("train",) if split == "train" else ("validation", "val")
        official = f"EPIC_100_{parts[0]}"
        texts, pickles = ([f"{name}{suffix}" for name in (official, *parts)] for suffix in (".csv", ".pkl"))
        folders = annotation_folders(self.root)
        path = first_file(folders, texts) or first_file(folders, pickles)
        if path is None:
            raise MissingAnnotationError(
                f"{self.config.name}: no {official}.csv in {self.root}; "
                f"put the official annotation files there or into its folder 'annotations', or {parts[-1]}.csv with "
                f"'narration_id,verb,noun' lines"
            )
        return path

    def segments(self, annotation: Path) -> Iterator[Segment]:
        """Segments of an official annotation file."""
        rows = pickled_rows(annotation) if annotation.suffix.lower() == ".pkl" else csv_rows(annotation)
        for where, row in rows:
            absent = [name for name in COLUMNS if not row.get(name)]
            if absent:
                raise DataError(f"{where}: no {', '.join(absent)}; a row has {', '.join(COLUMNS)}")
            label = (
                checked_class(where, "verb", row["verb_class"], self.config.num_verbs),
                checked_class(where, "noun", row["noun_class"], self.config.num_nouns),
            )
            start, stop = seconds(where, row["start_timestamp"]), seconds(where, row["stop_timestamp"])
            if stop <= start:
                raise DataError(f"{where}: the segment stops before it starts ({start:.2f} to {stop:.2f} s)")
            yield Segment(row["narration_id"], row["video_id"], Span(start, stop, frame_rate(row["video_id"])), label)

    def listed_segments(self, annotation: Path, split: Split) -> Iterator[Segment]:
        """Segments of a list of `narration_id,verb,noun` lines without a header, one file a segment.

        Follows https://github.com/KHU-VLL/CAST. The list has no times, so that each segment is a file of its own.
        """
        lines, official = file_text(annotation).splitlines(), self.config.official_size(split)
        classes, layout = self.config.targets.classes, "narration_id,verb,noun"
        listed = LabelList(annotation, lines, self.config.name, classes, layout=layout, official=official)
        for narration_id, label in listed.videos:
            assert isinstance(label, tuple)
            yield Segment(narration_id, narration_id.rpartition("_")[0], None, label)


def all_class_names(config: Epic100.Config, root: Path) -> tuple[str, ...]:
    """Names of the verbs, then of the nouns."""
    kinds = config.targets.classes.items()
    return tuple(name for kind, count in kinds for name in class_names(annotation_folders(root), kind, count))


def annotation_folders(root: Path) -> list[Path]:
    return [root / folder for folder in ANNOTATION_FOLDERS]


def is_list(annotation: Path) -> bool:
    """Whether a file is a list of `narration_id,verb,noun` lines. Official rows have more fields."""
    if annotation.suffix.lower() == ".pkl":
        return False
    first = next((line for _, line in data_lines(file_text(annotation).splitlines())), ",,,")
    return first.count(",") <= 2


def checked_class(where: str, kind: str, text: str, count: int) -> int:
    """Class number of a verb or a noun."""
    number = class_number(text, count)
    if number is None:
        raise DataError(f"{where}: wrong {kind} class '{shortened(text)}'; there are 0 to {count - 1}")
    return number


def seconds(where: str, timestamp: str) -> float:
    """Seconds of a timestamp `HH:MM:SS.cc`."""
    match = TIMESTAMP.fullmatch(timestamp)
    if match is None:
        raise DataError(f"{where}: '{shortened(timestamp)}' is not a time; write it as HH:MM:SS.cc")
    hours, minutes, rest = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def frame_rate(video_id: str) -> int:
    """Frame rate of the published frames: 50 for the videos added in 2020, 60 for the others."""
    return 50 if len(video_id.partition("_")[2]) == 3 else 60


def class_names(folders: Iterable[Path], kind: str, count: int) -> tuple[str, ...]:
    """Names of verbs or nouns. Without a class file, names contain numbers."""
    names: dict[int, str] = {}
    for path in class_files(folders, kind):
        names = {**column(path, "key", count), **names}
    return tuple(names.get(number) or f"{kind} {number}" for number in range(count))


def class_categories(folders: Iterable[Path], kind: str, count: int) -> tuple[str, ...]:
    """Category of each verb or noun, from the first class file with a category for all; empty without such a file."""
    for path in class_files(folders, kind):
        found = column(path, "category", count)
        if len(found) == count:
            return tuple(found[number] for number in range(count))
    return ()


def class_files(folders: Iterable[Path], kind: str) -> list[Path]:
    """Class files of a kind."""
    folders = list(folders)
    found = (first_file(folders, [name.format(kind)]) for name in CLASS_FILES)
    return [path for path in found if path is not None]


def column(path: Path, name: str, count: int) -> dict[int, str]:
    """Values of a column that are not empty, by class. Of several rows of a class, the first counts."""
    values: dict[int, str] = {}
    for _, row in csv_rows(path):
        number, value = class_number(row.get("id", ""), count), row.get(name, "").strip()
        if number is not None and value:
            values.setdefault(number, value)
    return values


def pickled_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Location in the file, and fields of each row. The index becomes a column.

    Raises:
        DataError: if the file is not a table, or a table of an unsupported pandas version.
    """
    import pandas as pd  # here: it is slow to import

    remedy = f"put {path.stem}.csv, which has the same rows, beside it"
    table = unpickled(path, PICKLE_GLOBALS, kind="a plain pickled table", remedy=remedy)
    if not isinstance(table, pd.DataFrame):
        raise DataError(f"{path}: a pickled {type(table).__name__}, not a table; {remedy}")
    table = table.reset_index(names=table.index.name or "narration_id") if "narration_id" not in table else table
    for number, row in enumerate(table.astype(str).to_dict("records")):
        yield f"{path}: row {number}", {str(name): str(value) for name, value in row.items()}
