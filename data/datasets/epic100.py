"""EPIC-Kitchens-100: the official annotations beside folders of frames, whole videos or a file a segment.

A segment's label is its verb and its noun. The test split is the validation split, as in the papers.
"""

import csv
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data.datasets.epic_pickle import pickled_rows
from data.datasets.videos import VIDEO_SUFFIXES, Span, Split, VideoList, VideoRecord, check_root, file_text, first_file
from data.errors import DataError, MissingAnnotationError
from data.synthetic.epic100 import Epic100StandIn

ANNOTATION_FOLDERS = (
    ".",
    "annotations",
    "epic-kitchens-100-annotations",
    "epic-kitchens-100-annotations-master",
)
FOOTAGE_FOLDERS = (".", "EPIC-KITCHENS", "EPIC-KITCHENS-100")
# {p}: the participant, {v}: the video.
FRAME_FOLDERS = (
    "{p}/rgb_frames/{v}",
    "rgb_frames/{p}/{v}",
    "rgb_frames/{v}",
    "frames/{p}/{v}",
    "frames/{v}",
    "{p}/{v}",
    "{v}",
)
VIDEO_FOLDERS = ("{p}/videos", "videos/{p}", "videos", "{p}", ".")
SEGMENT_FOLDERS = (
    "{p}/segments/{v}",
    "{p}/segments",
    "segments/{p}/{v}",
    "segments/{p}",
    "segments",
    "clips/{p}/{v}",
    "clips/{p}",
    "clips",
    "{p}/{v}",
    "{p}/videos",
    "videos",
)
COLUMNS = ("narration_id", "video_id", "start_timestamp", "stop_timestamp", "verb_class", "noun_class")
# Minutes and seconds may be 60, as rounding writes them.
TIMESTAMP = re.compile(r"(\d\d):([0-5]\d|60):((?:[0-5]\d|60)(?:\.\d+)?)", re.ASCII)


class Epic100:
    """Reads EPIC-Kitchens-100 below a root."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Which release."""

        name: str = "epic100"
        num_verbs: int = 97
        num_nouns: int = 300
        stand_in: Epic100StandIn | None = None

        @property
        def num_classes(self) -> int:
            """Outputs of a model: first the verbs, then the nouns."""
            return self.num_verbs + self.num_nouns

        def build(self, root: Path, split: Split) -> VideoList:
            """The segments of a split.

            Raises:
                DataError: when root or annotations cannot be used; `MissingAnnotationError` when there are none.
            """
            return Epic100(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))

    def videos(self, split: Split) -> VideoList:
        """The segments of a split."""
        check_root(self.root, self.config.name)
        annotation = self.annotation(split)
        segments = list(self.segments(annotation))
        if not segments:
            raise DataError(f"{annotation}: the file is empty; it should hold one segment a line")
        footage = Footage(self.root)
        records = tuple(footage.record(segment) for segment in segments)
        if not any(os.path.exists(path) for path in {record.path for record in records}):
            raise DataError(
                f"{self.config.name}: none of the videos of {annotation} is there, e.g. {records[0].path}; "
                f"a video is P01/videos/P01_01.MP4 or, as pictures, P01/rgb_frames/P01_01/frame_0000000001.jpg"
            )
        return VideoList(records, self.class_names())

    def annotation(self, split: Split) -> Path:
        """The annotation file of a split: the CSV, else the pickle of the same rows."""
        part = "train" if split == "train" else "validation"
        folders = [self.root / folder for folder in ANNOTATION_FOLDERS]
        names = [f"EPIC_100_{part}.csv", f"{part}.csv", f"EPIC_100_{part}.pkl", f"{part}.pkl"]
        path = first_file(folders, names[:2]) or first_file(folders, names[2:])
        if path is None:
            raise MissingAnnotationError(
                f"{self.config.name}: no {names[0]} in {self.root}; "
                f"put the official annotation files there or into its folder 'annotations'"
            )
        return path

    def segments(self, annotation: Path) -> Iterator["Segment"]:
        """The segments of an annotation file."""
        rows = pickled_rows(annotation) if annotation.suffix.lower() == ".pkl" else csv_rows(annotation)
        for where, row in rows:
            absent = [name for name in COLUMNS if not row.get(name)]
            if absent:
                raise DataError(f"{where}: no {', '.join(absent)}; a row has {', '.join(COLUMNS)}")
            label = (
                class_number(where, "verb", row["verb_class"], self.config.num_verbs),
                class_number(where, "noun", row["noun_class"], self.config.num_nouns),
            )
            start, stop = seconds(where, row["start_timestamp"]), seconds(where, row["stop_timestamp"])
            if stop <= start:
                raise DataError(f"{where}: the segment stops before it starts ({start:.2f} to {stop:.2f} s)")
            yield Segment(row["narration_id"], row["video_id"], Span(start, stop, frame_rate(row["video_id"])), label)

    def class_names(self) -> tuple[str, ...]:
        """All verbs, then all nouns; numbers where their official files are not there."""
        return (*self.keys("verb", self.config.num_verbs), *self.keys("noun", self.config.num_nouns))

    def keys(self, kind: str, count: int) -> tuple[str, ...]:
        """The names of `EPIC_100_verb_classes.csv` or its like for nouns."""
        path = first_file((self.root / folder for folder in ANNOTATION_FOLDERS), [f"EPIC_100_{kind}_classes.csv"])
        names = {row.get("id", ""): row.get("key", "") for _, row in csv_rows(path)} if path else {}
        return tuple(names.get(str(number)) or f"{kind} {number}" for number in range(count))


class Segment(NamedTuple):
    """One row of the annotations."""

    narration_id: str
    video_id: str
    span: Span
    label: tuple[int, int]


class Footage:
    """Finds where the frames of segments lie, looking into each folder once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.listed: dict[str, dict[str, str]] = {}
        self.found: dict[str, str] = {}

    def record(self, segment: Segment) -> VideoRecord:
        """A segment with its place: frames first, for they need no decoder, then a file of its own, then the video."""
        frames = self.of_video(segment.video_id)
        if not os.path.isdir(frames):
            own = self.file(SEGMENT_FOLDERS, segment.video_id, segment.narration_id)
            if own is not None:
                return VideoRecord(own, segment.label, segment.narration_id)
        return VideoRecord(frames, segment.label, segment.narration_id, segment.span)

    def of_video(self, video_id: str) -> str:
        """The folder of a video's frames, or its file; where its file should lie when there is neither."""
        if video_id not in self.found:
            folders = (folder for folder in self.places(FRAME_FOLDERS, video_id) if holds_frames(folder))
            path = next(folders, None) or self.file(VIDEO_FOLDERS, video_id, video_id)
            expected = os.path.join(self.root, participant(video_id), "videos", f"{video_id}.MP4")
            self.found[video_id] = path or expected
        return self.found[video_id]

    def file(self, folders: Iterable[str], video_id: str, stem: str) -> str | None:
        """The video file of this name in one of the folders."""
        listings = (self.files(folder) for folder in self.places(folders, video_id))
        return next((files[stem] for files in listings if stem in files), None)

    def places(self, folders: Iterable[str], video_id: str) -> Iterator[str]:
        """The folders of a video below every base."""
        for base in FOOTAGE_FOLDERS:
            for folder in folders:
                yield os.path.normpath(
                    os.path.join(self.root, base, folder.format(p=participant(video_id), v=video_id))
                )

    def files(self, folder: str) -> dict[str, str]:
        """The video files of a folder by stem."""
        if folder not in self.listed:
            names = os.listdir(folder) if os.path.isdir(folder) else []
            videos = [name for name in names if name.lower().endswith(VIDEO_SUFFIXES)]
            self.listed[folder] = {os.path.splitext(name)[0]: os.path.join(folder, name) for name in videos}
        return self.listed[folder]


def holds_frames(folder: str) -> bool:
    """Whether a folder has a picture of a video; looks no further than the first, for there may be many thousands."""
    if not os.path.isdir(folder):
        return False
    with os.scandir(folder) as entries:
        return any(entry.name.startswith("frame_") for entry in entries)


def csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Place and fields of each row."""
    rows = csv.reader(file_text(path).splitlines())
    header = [name.strip() for name in next(rows, [])]
    for fields in rows:
        if fields:
            yield f"{path}:{rows.line_num}", dict(zip(header, fields, strict=False))


def class_number(where: str, kind: str, text: str, count: int) -> int:
    """A verb's or noun's number."""
    if not text.isascii() or not text.isdigit() or int(text) >= count:
        raise DataError(f"{where}: wrong {kind} class '{text}'; there are 0 to {count - 1}")
    return int(text)


def seconds(where: str, timestamp: str) -> float:
    """The seconds of `HH:MM:SS.cc`."""
    match = TIMESTAMP.fullmatch(timestamp)
    if match is None:
        raise DataError(f"{where}: '{timestamp}' is no time; write it as HH:MM:SS.cc")
    hours, minutes, rest = match.groups()
    return 3600 * int(hours) + 60 * int(minutes) + float(rest)


def participant(video_id: str) -> str:
    """Whose kitchen a video shows: P01 of P01_101."""
    return video_id.partition("_")[0]


def frame_rate(video_id: str) -> int:
    """Frames a second at which the published frames were taken: 50 of the videos added in 2020, 60 of the others."""
    return 50 if len(video_id.partition("_")[2]) == 3 else 60
