"""FineGym (https://sdolivia.github.io/FineGym): split lists, annotation JSON, crawled videos and a pickle of poses.

A sub-action is read from a file of its own, named as in the split list (`0LtLS9wROrk_E_002407_002435_A_0003_0005.mp4`),
from that of its event (`0LtLS9wROrk_E_002407_002435.mp4`), or from the whole video (`0LtLS9wROrk.mp4`); for the latter
two, the annotation JSON gives the times. The data set publishes no joints: they come from a pose estimator.

The pickle is one of two-dimensional poses as https://github.com/kennymckormick/pyskl distributes them: a dict with
`annotations`, or their list. An annotation holds `frame_dir` (the name of the video), `img_shape` (height and width),
`keypoint` (people, frames, joints, 2) and `keypoint_score` (people, frames, joints). Coordinates are indices of pixels:
the middle of the first pixel is 0. F: frames, P: people, J: joints.

The JSON maps videos to events, whose `segments` are their sub-actions. An entry has `timestamps`, a list of stages with
start and end in seconds: those of an event from the start of the video, those of a sub-action from that of its event.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from data.annotations import file_text, json_content
from data.config import OfficialSizes, Split
from data.datasets.folders import (
    ANNOTATION_FOLDERS,
    files_by_stem,
    first_file,
    needed_file,
    refuse_absent,
    refuse_duplicates,
)
from data.datasets.pose_videos import PoseDatasetConfig, Poses, PoseVideoList, both_sides
from data.datasets.video_lists import labels_of, list_lines
from data.datasets.videos import Span, VideoRecord
from data.errors import DataError, DecodeError, reading, shortened
from data.pickles import unpickled
from data.stand_ins.of_figures import FineGymStandIn

POSE_FILES = ("gym_2d.pkl", "gym_hrnet.pkl")
CATEGORY = re.compile(r"Clabel:\s*(\d+);.*;\s*(.+)", re.ASCII)
NAME = re.compile(r"(?P<video>[\w-]+)_(?P<event>E_\d+_\d+)_(?P<action>A_\d+_\d+)", re.ASCII)
TOLERANCE = 2  # frames that cutting may add or remove
UNUSED_RATE = 30.0  # of pictures, which a video file does not have
REMEDY = "get the file of poses again"

Release = Literal["1.0", "1.1"]

JOINTS = ("nose", *both_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle"))


class PoseLibrary:
    """Joints of all videos of a pickle, of the people with the highest mean scores. Forked processes share them."""

    def __init__(self, path: str, annotations: Sequence[object], people: int) -> None:
        self.stored: dict[str, Poses] = {}  # as stored, in half precision
        self.problems: dict[str, str] = {}
        for number, annotation in enumerate(annotations):
            name = annotation.get("frame_dir") if isinstance(annotation, Mapping) else None
            if not isinstance(annotation, Mapping) or not isinstance(name, str):
                raise DataError(f"{path}: annotation {number} has no frame_dir; {REMEDY}")
            try:
                places = best_people(annotation, people)
                height, width = map(float, annotation["img_shape"][:2])
            except (KeyError, TypeError, ValueError, IndexError) as error:
                self.problems[key(name)] = str(error)
            else:
                self.stored[key(name)] = Poses(places, height, width)

    def stored_poses(self, path: str, video_id: str) -> Poses:
        stored = self.stored.get(key(video_id))
        if stored is None:
            reason = self.problems.get(key(video_id), "the file has no joints of this video")
            raise DecodeError(f"{path}: {video_id}", f"{reason}; {REMEDY}")
        return stored._replace(places=stored.places.astype(np.float32) + 0.5)


def key(name: str) -> str:
    """Name of a video without the marks of event and action, which some files leave out."""
    return name.replace("_E_", "_").replace("_A_", "_")


def best_people(annotation: Mapping, people: int) -> NDArray[np.floating]:
    """Places (F, P, J, 2) of the people with the highest mean score, best first; NaN for a joint without a score."""
    places, scores = (np.asarray(annotation[name]) for name in ("keypoint", "keypoint_score"))
    expected = (len(places), annotation.get("total_frames", places.shape[1]), len(JOINTS), 2)
    if places.shape != expected or scores.shape != expected[:3] or not places.shape[1]:
        raise ValueError(f"keypoint is {places.shape}, and keypoint_score {scores.shape}; they must be {expected}")
    if places.dtype != np.float16:
        places = places.astype(np.float32)
    means = np.nan_to_num(scores.astype(np.float32)).mean((1, 2))
    order = np.argsort(-means, kind="stable")[:people]
    best = np.full((places.shape[1], people, len(JOINTS), 2), np.nan, places.dtype)
    best[:, : len(order)] = places[order].swapaxes(0, 1)
    has_score = np.zeros(best.shape[:3], bool)
    has_score[:, : len(order)] = (scores[order] > 0).swapaxes(0, 1)
    best[~has_score] = np.nan
    return best


def pose_library(path: Path, people: int) -> PoseLibrary:
    """Joints in a pickle. A file is read once per process, for all splits."""
    with reading(path):
        status = path.stat()
    return _read(path, people, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=2)
def _read(path: Path, people: int, modified: int, size: int) -> PoseLibrary:
    content = unpickled(path)
    annotations = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(annotations, list | tuple) or not annotations:
        raise DataError(f"{path}: a pickle without a list of annotations; {REMEDY}")
    return PoseLibrary(str(path), annotations, people)


class FineGym:
    @dataclass(frozen=True, kw_only=True)
    class Config(PoseDatasetConfig):
        official_sizes: ClassVar[OfficialSizes] = {
            "gym99": {"train": 20_484, "val": 8_521, "test": 8_521},
            "gym288": {"train": 22_671, "val": 9_646, "test": 9_646},
        }
        joints: ClassVar[tuple[str, ...]] = JOINTS

        name: Literal["gym99", "gym288"] = "gym99"
        num_classes: int = 99
        release: Release = "1.0"
        """Release of the list of training items; the validation lists have one."""

        def official_size(self, split: Split) -> int | None:
            """Number of sub-actions of a split; None for the training list of release 1.1."""
            return None if split == "train" and self.release != "1.0" else super().official_size(split)

        def tiny(self) -> Self:
            videos = FineGymStandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.figure_layouts import FineGymDrawing

            return FineGymDrawing

        def read(self, root: Path, split: Split) -> PoseVideoList:
            """Sub-actions of a split. The test split is the validation split."""
            return FineGym(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config, self.root = config, root

    def videos(self, split: Split) -> PoseVideoList:
        annotation = self.annotation(split)
        lines, records = list_lines(annotation), []
        for line, label in zip(lines, labels_of(lines, annotation, self.config, {}), strict=True):
            match = NAME.fullmatch(line.path)
            if match is None:
                raise DataError(
                    f"{annotation}: '{shortened(line.path)}' is no sub-action; one is VIDEO_E_000000_000000_A_0000_0000"
                )
            records.append(self.record(match, label, annotation))
        refuse_duplicates(annotation, (record.video_id for record in records))
        remedy = "a file is named as the sub-action, its event, or its video"
        refuse_absent(self.config.name, annotation, [record.path for record in records], remedy)
        poses, people = self.pose_file(), self.config.people
        files = (str(poses),) * len(records)
        stored = pose_library(poses, people).stored_poses
        return PoseVideoList(tuple(records), self.class_names(), files, people, stored, TOLERANCE, is_shared=True)

    def annotation(self, split: Split) -> Path:
        stand_in = self.config.stand_in
        # Generated lists are those of one set and release, whatever the config.
        name, release = (self.config.name, self.config.release) if stand_in is None else (stand_in.name, "1.0")
        file = f"{name}_train_element_v{release}.txt" if split == "train" else f"{name}_val_element.txt"
        return needed_file(self.root, [file], name, "put the published lists there")

    def record(self, match: re.Match[str], label: int | tuple[int, ...], annotation: Path) -> VideoRecord:
        """Record of a sub-action: its own file, else part of that of its event, else part of the whole video."""
        name = match[0]
        if name not in self.files:
            for stem, in_event in ((f"{match['video']}_{match['event']}", True), (match["video"], False)):
                if stem in self.files:
                    return VideoRecord(self.files[stem], label, name, self.span(match, annotation, in_event=in_event))
        return VideoRecord(self.files.get(name, str(self.root / "subactions" / f"{name}.mp4")), label, name)

    def span(self, match: re.Match[str], annotation: Path, *, in_event: bool) -> Span:
        """Time of a sub-action in its event, or in the whole video: from its first to its last stage."""
        path, times = self.times
        try:
            event = times[match["video"]][match["event"]]
            start, stop = first_and_last(event["segments"][match["action"]])
            offset = 0.0 if in_event else first_and_last(event)[0]
        except (KeyError, IndexError, TypeError, ValueError):
            raise DataError(f"{annotation}: {match[0]} has no times in {path}; use files of one release") from None
        return Span(start + offset, stop + offset, UNUSED_RATE)

    @functools.cached_property
    def times(self) -> tuple[Path, dict]:
        """Annotation JSON of the release, or of the other one, and its content."""
        names = [f"finegym_annotation_info_v{known}.json" for known in (self.config.release, *get_args(Release))]
        remedy = "put it there, for the times of sub-actions in the videos, or a file for each sub-action"
        path = needed_file(self.root, [*names, "annotation.json"], self.config.name, remedy)
        content = json_content(path)
        return path, content if isinstance(content, dict) else {}

    @functools.cached_property
    def files(self) -> Mapping[str, str]:
        return files_by_stem(self.root, depth=3)

    def pose_file(self) -> Path:
        """Pickle of poses: that with a published name, or the only one."""
        path = first_file(self.root, POSE_FILES)
        found = sorted(file for folder in ANNOTATION_FOLDERS for file in (self.root / folder).glob("*.pkl"))
        if path is None and len(found) != 1:
            raise DataError(
                f"{self.config.name}: {'several files' if found else 'no file'} of poses in {self.root}; put "
                f"{POSE_FILES[0]} there, with the joints of all sub-actions"
            )
        return path or found[0]

    def class_names(self) -> tuple[str, ...]:
        """Names of the classes from the published categories; the number of a class without a name."""
        path = first_file(self.root, [f"{self.config.name}_categories.txt"])
        matches = map(CATEGORY.match, [] if path is None else file_text(path).splitlines())
        names = {int(match[1]): match[2].strip() for match in matches if match is not None}
        return tuple(names.get(label, number) for label, number in enumerate(self.config.targets.numbered_names))


def first_and_last(entry: Mapping[str, Sequence[Sequence[float]]]) -> tuple[float, float]:
    """Start of the first and end of the last of an entry's stages."""
    stages = entry["timestamps"]
    return float(stages[0][0]), float(stages[-1][1])
