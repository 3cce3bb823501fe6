"""EPIC-Kitchens-100: the official annotations with folders of frames, whole videos or one file per segment.

Lists of `narration_id,verb,noun` lines with one file per segment (https://github.com/KHU-VLL/CAST), and of
`path,verb,noun,start,stop` lines, are read, too. The label of a segment is its verb and its noun. The test split is the
validation split, as in the papers. Class files have the columns id, key, instances and, in some releases, category. The
files `_v2` also have rows of other ids.
"""

import os
import re
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

from data.annotations import class_number, csv_rows, file_text
from data.config import OfficialSizes, Split
from data.datasets.folders import (
    ANNOTATION_FOLDERS,
    files_by_stem,
    first_file,
    needed_file,
    refuse_absent,
    refuse_duplicates,
)
from data.datasets.video_lists import list_bases, listed_videos
from data.datasets.videos import Span, VideoDataset, VideoList, VideoRecord
from data.errors import DataError, shortened
from data.stand_ins.of_videos import Epic100StandIn
from interface.targets import VerbNounTarget

FOLDERS = (*ANNOTATION_FOLDERS, "epic-kitchens-100-annotations", "epic-kitchens-100-annotations-master")
COLUMNS = ("narration_id", "video_id", "start_timestamp", "stop_timestamp", "verb_class", "noun_class")
# Minutes and seconds may be 60: the published times are rounded.
TIMESTAMP = re.compile(r"(\d\d):([0-5]\d|60):((?:[0-5]\d|60)(?:\.\d+)?)", re.ASCII)
NARRATION_ID = re.compile(r"P\d\d_\d+_\d+", re.ASCII)
CLASS_FILES = ("EPIC_100_{}_classes.csv", "EPIC_100_{}_classes_v2.csv")


class Epic100:
    @dataclass(frozen=True, kw_only=True)
    class Config(VideoDataset):
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
            classes = self.targets.classes
            columns = {kind: column(root, kind, "category", count) for kind, count in classes.items()}
            complete = {kind: values for kind, values in columns.items() if len(values) == classes[kind]}
            return {kind: tuple(values[number] for number in sorted(values)) for kind, values in complete.items()}

        def names_of_classes(self, root: Path | None) -> tuple[str, ...]:
            """Names of the verbs, then of the nouns, in the official class files, which may lie in the folder alone."""
            if root is None:
                return ()
            names: list[str] = []
            for kind, count in self.targets.classes.items():
                known = column(root, kind, "key", count)
                names += [known.get(label, f"{kind} {label}") for label in range(count)]
            return tuple(names)

        def tiny(self) -> Self:
            videos = Epic100StandIn()
            return replace(self, num_verbs=videos.num_verbs, num_nouns=videos.num_nouns, stand_in=videos)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.epic100 import Epic100Drawing

            return Epic100Drawing

        def segment_file(self, record: VideoRecord) -> str | None:
            is_segment = record.part is not None and NARRATION_ID.fullmatch(record.video_id)
            return f"segments/{record.video_id}.mp4" if is_segment else None

        def read(self, root: Path, split: Split) -> VideoList:
            return Epic100(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config, self.root = config, root

    def videos(self, split: Split) -> VideoList:
        """Segments of a split, from the official CSV file or a list."""
        parts = ("train",) if split == "train" else ("validation", "val")
        names = [f"{name}.csv" for name in (f"EPIC_100_{parts[0]}", *parts)]
        remedy = f"put the official annotation files there, or {names[-1]} with 'narration_id,verb,noun' lines"
        annotation = needed_file(self.root, names, self.config.name, remedy, FOLDERS)
        if "narration_id" in file_text(annotation).partition("\n")[0]:
            records = self.official(annotation)
        else:
            bases = list_bases(self.root, annotation, split)
            files, expected = self.segment_files, "segments/{}.mp4"
            records = listed_videos(annotation, self.config, bases, files=files, expected=expected)
        return VideoList(records, self.config.names_of_classes(self.root))

    def official(self, annotation: Path) -> tuple[VideoRecord, ...]:
        records = []
        for where, row in csv_rows(annotation, COLUMNS):
            narration_id, video_id, *times, verb, noun = (row[name] for name in COLUMNS)
            numbers = class_number(verb, self.config.num_verbs), class_number(noun, self.config.num_nouns)
            label = tuple(number for number in numbers if number is not None)
            if len(label) < len(numbers):
                kind, text = ("verb", verb) if numbers[0] is None else ("noun", noun)
                largest = self.config.targets.classes[kind] - 1
                raise DataError(f"{where}: wrong {kind} class '{shortened(text)}'; there are 0 to {largest}")
            start, stop = (seconds(where, time) for time in times)
            if stop <= start:
                raise DataError(f"{where}: the segment stops before it starts ({start:.2f} to {stop:.2f} s)")
            span = Span(start, stop, frame_rate(video_id))
            records.append(self.record(narration_id, video_id, span, label))
        if not records:
            raise DataError(f"{annotation}: the file is empty; it should contain one segment per line")
        refuse_duplicates(annotation, (record.video_id for record in records))
        remedy = "a video is P01/videos/P01_01.MP4 or, as pictures, P01/rgb_frames/P01_01/frame_0000000001.jpg"
        refuse_absent(self.config.name, annotation, [record.path for record in records], remedy)
        return tuple(records)

    def record(self, narration_id: str, video_id: str, span: Span, label: tuple[int, ...]) -> VideoRecord:
        """Record of a segment: its frames (no decoding needed), else its own file, else the whole video."""
        if video_id in self.frame_folders:
            return VideoRecord(self.frame_folders[video_id], label, narration_id, span)
        if narration_id in self.segment_files:
            return VideoRecord(self.segment_files[narration_id], label, narration_id, span, is_cut=True)
        expected = self.root / video_id.partition("_")[0] / "videos" / f"{video_id}.MP4"
        return VideoRecord(self.video_files.get(video_id, str(expected)), label, narration_id, span)

    @cached_property
    def frame_folders(self) -> dict[str, str]:
        """Folder of the frames of each video that has one. They are not listed: there may be thousands of frames."""
        folders = (folder for base in self.bases for folder in base.glob("P*/rgb_frames/*") if contains_frames(folder))
        return {folder.name: str(folder) for folder in folders}

    @cached_property
    def segment_files(self) -> dict[str, str]:
        """Files of single segments by their names: in `segments` and its folders, or in the root folder."""
        return files_by_stem(self.root) | files_by_stem(self.root / "segments", depth=3)

    @cached_property
    def video_files(self) -> dict[str, str]:
        """Files of whole videos by their names."""
        found = files_by_stem(self.root) | files_by_stem(self.root / "videos")
        for folder in (folder for base in self.bases for folder in base.glob("P*/videos")):
            found |= files_by_stem(folder)
        return found

    @property
    def bases(self) -> list[Path]:
        return [self.root / "EPIC-KITCHENS", self.root]


def contains_frames(folder: Path) -> bool:
    """Whether a folder contains a frame. The search stops at the first."""
    with os.scandir(folder) as entries:
        return any(entry.name.startswith("frame_") for entry in entries)


def seconds(where: str, timestamp: str) -> float:
    match = TIMESTAMP.fullmatch(timestamp)
    if match is None:
        raise DataError(f"{where}: '{shortened(timestamp)}' is not a time; write it as HH:MM:SS.cc")
    hours, minutes, rest = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def frame_rate(video_id: str) -> int:
    """Frame rate of the published frames: 50 for the videos added in 2020, 60 for the others."""
    return 50 if len(video_id.partition("_")[2]) == 3 else 60


def column(root: Path, kind: str, name: str, count: int) -> dict[int, str]:
    """Values of a column of the class files of verbs or nouns, by class. Of several of a class, the first counts."""
    paths = (first_file(root, [file.format(kind)], FOLDERS) for file in CLASS_FILES)
    values: dict[int, str] = {}
    for path in filter(None, paths):
        for _, row in csv_rows(path):
            number, value = class_number(row.get("id", ""), count), row.get(name, "").strip()
            if number is not None and value:
                values.setdefault(number, value)
    return values
