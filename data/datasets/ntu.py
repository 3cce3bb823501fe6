"""NTU RGB+D 60 and 120: `S001C002P003R002A013.skeleton` and `S001C002P003R002A013_rgb.avi`, in any folders.

The name of a video states setup, camera, performer, replication and action. It determines the class and, by the
protocol, the split (https://github.com/shahroudy/NTURGB-D). Videos in the published lists of missing skeletons are left
out, if the lists are in the folder of the data set.

The first line of a `.skeleton` file is the number of frames. A frame is a line with its number of bodies, and for each
body a line of 10 fields that begins with its id, a line with its number of joints, and a line of 12 fields a joint.
Fields 6 and 7 of a joint are its place in the picture of 1920 x 1080 pixels. F: frames, J: joints.
"""

import math
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from data.annotations import file_text
from data.config import Split
from data.datasets.folders import VIDEO_SUFFIXES, files_by_stem
from data.datasets.pose_videos import PoseDatasetConfig, Poses, PoseVideoList
from data.datasets.videos import VideoRecord
from data.errors import DataError, MissingAnnotationError, decoding
from data.stand_ins.of_figures import NtuStandIn

HEIGHT, WIDTH = 1080, 1920
TOLERANCE = 2  # frames that a decoder may find more or less than the skeleton has
VIDEO_ENDING = "_rgb"
BODY_FIELDS, JOINT_FIELDS, COLOR_X, COLOR_Y = 10, 12, 5, 6
NAME = re.compile(r"S(\d{3})C(\d{3})P(\d{3})R(\d{3})A(\d{3})", re.ASCII)
MISSING_LIST = re.compile(r".*missing.*\.txt", re.IGNORECASE)

Protocol = Literal["xsub", "xview", "xset"]
PROTOCOLS: dict[str, tuple[Protocol, ...]] = {"ntu60": ("xsub", "xview"), "ntu120": ("xsub", "xset")}
TRAINING_PERFORMERS = frozenset(
    {1, 2, 4, 5, 8, 9, *range(13, 20), 25, 27, 28, 31, 34, 35, 38}
    | {45, 46, 47, 49, 50, *range(52, 60), 70, 74, 78, *range(80, 87), 89, *range(91, 96), 97, 98, 100, 103}
)
TRAINING_CAMERAS = frozenset({2, 3})
# Without the videos in the lists of missing skeletons.
SIZES: dict[tuple[str, Protocol], tuple[int, int]] = {
    ("ntu60", "xsub"): (40_091, 16_487),
    ("ntu60", "xview"): (37_646, 18_932),
    ("ntu120", "xsub"): (63_026, 50_919),
    ("ntu120", "xset"): (54_468, 59_477),
}

LIMBS = (("shoulder", "elbow", "wrist", "hand"), ("hip", "knee", "ankle", "foot"))
JOINTS = (
    *("base of the spine", "middle of the spine", "neck", "head"),
    *(f"{side} {name}" for limb in LIMBS for side in ("left", "right") for name in limb),
    "top of the spine",
    *(f"{side} {name}" for side in ("left", "right") for name in ("hand tip", "thumb")),
)


class VideoName(NamedTuple):
    """Numbers in the name of a video, each from 1 on."""

    setup: int
    camera: int
    performer: int
    replication: int
    action: int

    @classmethod
    def of(cls, name: str) -> Self | None:
        """Numbers in a name; None for another name."""
        match = NAME.fullmatch(name)
        return None if match is None else cls(*map(int, match.groups()))

    def trains(self, protocol: Protocol) -> bool:
        match protocol:
            case "xsub":
                return self.performer in TRAINING_PERFORMERS
            case "xview":
                return self.camera in TRAINING_CAMERAS
            case "xset":
                return self.setup % 2 == 0


def stored_poses(path: str, video_id: str) -> Poses:
    """Joints of all bodies in the file of a video."""
    num_frames, bodies = skeleton_bodies(path)
    places = np.empty((num_frames, len(bodies), len(JOINTS), 2), np.float32)
    for person, of_body in enumerate(sorted(bodies.values(), key=spread, reverse=True)):
        places[:, person] = of_body
    return Poses(places, HEIGHT, WIDTH)


class Ntu:
    @dataclass(frozen=True, kw_only=True)
    class Config(PoseDatasetConfig):
        joints: ClassVar[tuple[str, ...]] = JOINTS

        name: Literal["ntu60", "ntu120"] = "ntu60"
        num_classes: int = 60
        protocol: Protocol = "xsub"
        """The split: across subjects (both), views (ntu60) or setups (ntu120)."""
        people: int = 2

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.protocol not in PROTOCOLS[self.name]:
                known = ", ".join(PROTOCOLS[self.name])
                raise ValueError(f"data.dataset.protocol is '{self.protocol}'; {self.name} has {known}")

        def official_size(self, split: Split) -> int | None:
            if self.stand_in is not None:
                return None
            train, test = SIZES[self.name, self.protocol]
            return train if split == "train" else test

        def tiny(self) -> Self:
            videos = NtuStandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.figure_layouts import NtuDrawing

            return NtuDrawing

        def read(self, root: Path, split: Split) -> PoseVideoList:
            """Videos of a split in the order of their names. The validation split is the test split.

            The video or the skeleton of one may be missing.
            """
            videos = self.files(root, VIDEO_ENDING, VIDEO_SUFFIXES)
            skeletons = self.files(root, "", (".skeleton",))
            trains = {name: number.trains(self.protocol) for name, number in self.names({*videos, *skeletons}).items()}
            chosen = {name for name in trains if trains[name] == (split == "train")} - set(listed_as_missing(root))
            if not chosen:
                raise MissingAnnotationError(
                    f"{root}: none of the {len(trains)} videos is of the {split} split of {self.protocol}"
                )
            folders = [os.path.dirname(next(iter(files.values()))) for files in (videos, skeletons)]
            records, files = [], []
            for name in sorted(chosen):
                path = videos.get(name, os.path.join(folders[0], f"{name}{VIDEO_ENDING}.avi"))
                records.append(VideoRecord(path, int(name[-3:]) - 1, name))
                files.append(skeletons.get(name, os.path.join(folders[1], f"{name}.skeleton")))
            classes = tuple(f"A{number:03d}" for number in range(1, self.num_classes + 1))
            return PoseVideoList(tuple(records), classes, tuple(files), self.people, stored_poses, TOLERANCE)

        def files(self, root: Path, ending: str, suffixes: tuple[str, ...]) -> dict[str, str]:
            """Files of the videos of this release, by the names of the videos, which the ending follows."""
            found = files_by_stem(root, tuple(f"{ending}{suffix}" for suffix in suffixes), depth=3)
            by_name = {stem.removesuffix(ending): path for stem, path in found.items()}
            if not (names := self.names(by_name)):
                example = f"S001C002P003R002A013{ending or '.skeleton'}"
                raise MissingAnnotationError(
                    f"{self.name}: no file like {example} in {root}; extract the published archives there"
                )
            return {name: by_name[name] for name in names}

        def names(self, names: Iterable[str]) -> dict[str, VideoName]:
            """Numbers in those names that are of videos of this release."""
            numbers = {name: VideoName.of(name) for name in names}
            return {name: n for name, n in numbers.items() if n is not None and 1 <= n.action <= self.num_classes}


def listed_as_missing(root: Path) -> Iterator[str]:
    """Names of the videos without a usable skeleton, from the published lists in the root folder."""
    for path in sorted(path for path in root.iterdir() if MISSING_LIST.fullmatch(path.name)):
        names = (line.strip().removesuffix(".skeleton") for line in file_text(path).splitlines())
        listed = [name for name in names if VideoName.of(name) is not None]
        if not listed:
            raise DataError(
                f"{path}: names no video without a skeleton, e.g. S001C002P005R002A008; get it again, or remove it"
            )
        yield from listed


def skeleton_bodies(path: str) -> tuple[int, dict[str, NDArray[np.float32]]]:
    """Number of frames in a file, and places (F, J, 2) of the joints of each body by its id; NaN where it is not."""
    num_joints = len(JOINTS)
    with decoding(path):
        words = iter(Path(path).read_text(encoding="ascii").split())

        def taken(count: int) -> list[str]:
            found = list(islice(words, count))
            if len(found) < count:
                raise ValueError("it is cut short")
            return found

        num_frames = int(taken(1)[0])
        places: dict[str, NDArray[np.float32]] = {}
        for frame in range(num_frames):
            for _ in range(int(taken(1)[0])):
                body = taken(BODY_FIELDS)[0]
                if (count := int(taken(1)[0])) != num_joints:
                    raise ValueError(f"frame {frame + 1} has a body of {count} joints; it must have {num_joints}")
                fields = taken(JOINT_FIELDS * num_joints)
                if body not in places:
                    places[body] = np.full((num_frames, num_joints, 2), np.nan, np.float32)
                for axis, first in enumerate((COLOR_X, COLOR_Y)):
                    places[body][frame, :, axis] = [coordinate(field) for field in fields[first::JOINT_FIELDS]]
        return num_frames, places


def coordinate(text: str) -> float:
    """Coordinate; NaN for a joint without a place. Windows writes a number that is none as -1.#IND or 1.#QNAN."""
    return math.nan if "#" in text else float(text)


def spread(places: NDArray[np.float32]) -> float:
    """Spread of the joints (F, J, 2) of a body over the picture and the video: its standard deviations, added."""
    valid = places[np.isfinite(places).all(-1)]  # (joints with a place, 2)
    return float(valid.std(0).sum()) if len(valid) else 0.0
