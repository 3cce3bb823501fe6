"""EPIC-Kitchens-100: the official annotations with folders of frames, whole videos or one file per segment.

The label of a segment is its verb and its noun. The test split is the validation split, as in the papers.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

from data.config import DatasetConfig, OfficialSizes, Split
from data.datasets.annotations import class_number, csv_fields, file_text
from data.datasets.epic_pickle import pickled_rows
from data.datasets.videos import (
    VIDEO_SUFFIXES,
    Span,
    VideoList,
    VideoRecord,
    check_inside,
    check_root,
    first_file,
    refuse_duplicates,
)
from data.errors import DataError, MissingAnnotationError, shortened
from data.synthetic.epic100 import Epic100StandIn
from data.targets import VerbNounTarget

ANNOTATION_FOLDERS = (
    ".",
    "annotations",
    "epic-kitchens-100-annotations",
    "epic-kitchens-100-annotations-master",
)
BASE_FOLDERS = (".", "EPIC-KITCHENS", "EPIC-KITCHENS-100")
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
# Minutes and seconds may be 60: the published times are rounded.
TIMESTAMP = re.compile(r"(\d\d):([0-5]\d|60):((?:[0-5]\d|60)(?:\.\d+)?)", re.ASCII)


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
            """A verb and a noun per segment."""
            return VerbNounTarget(self.num_verbs, self.num_nouns)

        def tiny(self) -> Self:
            """Generated videos of eight verbs and eight nouns."""
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
        segments = list(self.segments(annotation))
        if not segments:
            raise DataError(f"{annotation}: the file is empty; it should contain one segment per line")
        refuse_duplicates(annotation, (segment.narration_id for segment in segments))
        locator = VideoLocator(self.root)
        records = tuple(locator.record(segment) for segment in segments)
        if not any(os.path.exists(path) for path in {record.path for record in records}):
            raise DataError(
                f"{self.config.name}: none of the videos of {annotation} exists, e.g. {shortened(records[0].path)}; "
                f"a video is P01/videos/P01_01.MP4 or, as pictures, P01/rgb_frames/P01_01/frame_0000000001.jpg"
            )
        check_inside(records, annotation, self.root)
        return VideoList(records, self.class_names())

    def annotation(self, split: Split) -> Path:
        """Annotation file of a split: the CSV file, or else the pickle with the same rows."""
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
        """Segments of an annotation file."""
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

    def class_names(self) -> tuple[str, ...]:
        """Names of all verbs, then of all nouns. Without the official class files, names contain numbers."""
        return (*self.kind_names("verb", self.config.num_verbs), *self.kind_names("noun", self.config.num_nouns))

    def kind_names(self, kind: str, count: int) -> tuple[str, ...]:
        """Class names of verbs (`EPIC_100_verb_classes.csv`) or of nouns (`EPIC_100_noun_classes.csv`)."""
        path = first_file((self.root / folder for folder in ANNOTATION_FOLDERS), [f"EPIC_100_{kind}_classes.csv"])
        names = {row.get("id", ""): row.get("key", "") for _, row in csv_rows(path)} if path else {}
        return tuple(names.get(str(number)) or f"{kind} {number}" for number in range(count))


class Segment(NamedTuple):
    """One row of the annotations."""

    narration_id: str
    video_id: str
    span: Span
    label: tuple[int, int]


class VideoLocator:
    """Locates the frames of segments. Each folder is listed only once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.listed: dict[str, dict[str, str]] = {}
        self.found: dict[str, str] = {}

    def record(self, segment: Segment) -> VideoRecord:
        """Record of a segment: its frames (no decoding needed), else its own file, else the whole video."""
        frames = self.frames_or_video(segment.video_id)
        if not os.path.isdir(frames):
            segment_file = self.file(SEGMENT_FOLDERS, segment.video_id, segment.narration_id)
            if segment_file is not None:
                return VideoRecord(segment_file, segment.label, segment.narration_id)
        return VideoRecord(frames, segment.label, segment.narration_id, segment.span)

    def frames_or_video(self, video_id: str) -> str:
        """Folder of a video's frames, else its file, else the expected path of its file."""
        if video_id not in self.found:
            folders = (folder for folder in self.candidate_folders(FRAME_FOLDERS, video_id) if contains_frames(folder))
            path = next(folders, None) or self.file(VIDEO_FOLDERS, video_id, video_id)
            expected = os.path.join(self.root, participant(video_id), "videos", f"{video_id}.MP4")
            self.found[video_id] = path or expected
        return self.found[video_id]

    def file(self, folders: Iterable[str], video_id: str, stem: str) -> str | None:
        """Video file with this stem in one of the folders, or None."""
        listings = (self.files(folder) for folder in self.candidate_folders(folders, video_id))
        return next((files[stem] for files in listings if stem in files), None)

    def candidate_folders(self, folders: Iterable[str], video_id: str) -> Iterator[str]:
        """Candidate folders of a video in every base folder."""
        for base in BASE_FOLDERS:
            for folder in folders:
                yield os.path.normpath(
                    os.path.join(self.root, base, folder.format(p=participant(video_id), v=video_id))
                )

    def files(self, folder: str) -> dict[str, str]:
        """Video files of a folder by stem."""
        if folder not in self.listed:
            names = os.listdir(folder) if os.path.isdir(folder) else []
            videos = [name for name in names if name.lower().endswith(VIDEO_SUFFIXES)]
            self.listed[folder] = {os.path.splitext(name)[0]: os.path.join(folder, name) for name in videos}
        return self.listed[folder]


def contains_frames(folder: str) -> bool:
    """Whether a folder contains a frame. The search stops at the first: there may be thousands."""
    if not os.path.isdir(folder):
        return False
    with os.scandir(folder) as entries:
        return any(entry.name.startswith("frame_") for entry in entries)


def csv_rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Location in the file, and fields of each row."""
    rows = csv_fields(path, file_text(path).splitlines())
    header = [name.strip() for name in next(rows, (1, []))[1]]
    for number, fields in rows:
        yield f"{path}:{number}", dict(zip(header, fields, strict=False))


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


def participant(video_id: str) -> str:
    """Participant of a video: P01 for P01_101."""
    return video_id.partition("_")[0]


def frame_rate(video_id: str) -> int:
    """Frame rate of the published frames: 50 for the videos added in 2020, 60 for the others."""
    return 50 if len(video_id.partition("_")[2]) == 3 else 60
