"""NTU RGB+D 60 and 120: `S001C002P003R002A013.skeleton` and `S001C002P003R002A013_rgb.avi`, in any folders.

The name of a video states setup, camera, performer, replication and action. It determines the class and, by the
protocol, the split (https://github.com/shahroudy/NTURGB-D). Videos in the published lists of missing skeletons are left
out, if the lists are in the folder of the data set.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Literal, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray

from data.config import Split
from data.datasets.annotations import file_text
from data.datasets.ntu_skeleton import skeleton_bodies
from data.datasets.pose_videos import PoseDatasetConfig, PoseVideoList, files_by_stem
from data.datasets.videos import VIDEO_SUFFIXES, VideoRecord, check_root
from data.errors import DataError, MissingAnnotationError
from data.poses import Poses
from data.skeleton import Skeleton, both_sides, limbs
from interface.targets import ClassTarget

HEIGHT, WIDTH = 1080, 1920
VIDEO_ENDING = "_rgb"
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

ARM = ("shoulder", "elbow", "wrist", "hand")
LEG = ("hip", "knee", "ankle", "foot")
SKELETON = Skeleton(
    (
        *("base of the spine", "middle of the spine", "neck", "head"),
        *(f"{side} {name}" for limb in (ARM, LEG) for side in ("left", "right") for name in limb),
        "top of the spine",
        *(f"{side} {name}" for side in ("left", "right") for name in ("hand tip", "thumb")),
    ),
    (
        ("base of the spine", "middle of the spine"),
        ("middle of the spine", "top of the spine"),
        ("top of the spine", "neck"),
        ("neck", "head"),
        *(("top of the spine", shoulder) for shoulder in both_sides("shoulder")),
        *(("base of the spine", hip) for hip in both_sides("hip")),
        *limbs(*ARM, "hand tip"),
        *limbs("hand", "thumb"),
        *limbs(*LEG),
    ),
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
        """Whether the video is of the training split."""
        match protocol:
            case "xsub":
                return self.performer in TRAINING_PERFORMERS
            case "xview":
                return self.camera in TRAINING_CAMERAS
            case "xset":
                return self.setup % 2 == 0


@dataclass(frozen=True)
class NtuVideos(PoseVideoList):
    """Videos of one split of NTU RGB+D. A decoder may find up to two frames more or less than the skeleton has."""

    tolerance: ClassVar[int] = 2

    def stored_poses(self, index: int) -> Poses:
        num_frames, bodies = skeleton_bodies(self.pose_files[index])
        places = np.empty((num_frames, len(bodies), len(SKELETON.joints), 2), np.float32)
        for person, of_body in enumerate(sorted(bodies.values(), key=spread, reverse=True)):
            places[:, person] = of_body
        return Poses(places, HEIGHT, WIDTH)


class Ntu:
    """Reader of NTU RGB+D in a root folder."""

    @dataclass(frozen=True, kw_only=True)
    class Config(PoseDatasetConfig):
        """Release and protocol.

        Args:
            name: "ntu60" or "ntu120".
            protocol: the split: across subjects (both), views (ntu60) or setups (ntu120).
        """

        skeleton: ClassVar[Skeleton] = SKELETON

        name: str = "ntu60"
        num_classes: int = 60
        protocol: Protocol = "xsub"
        people: int = 2

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.name not in PROTOCOLS:
                raise ValueError(f"data.dataset.name is '{self.name}'; it is one of {', '.join(PROTOCOLS)}")
            if self.protocol not in PROTOCOLS[self.name]:
                known = ", ".join(PROTOCOLS[self.name] if self.protocol in get_args(Protocol) else get_args(Protocol))
                raise ValueError(f"data.dataset.protocol is '{self.protocol}'; {self.name} has {known}")

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(self.num_classes)

        def official_size(self, split: Split) -> int | None:
            if self.stand_in is not None:
                return None
            train, test = SIZES[self.name, self.protocol]
            return train if split == "train" else test

        def tiny(self) -> Self:
            from data.synthetic.ntu import NtuStandIn

            videos = NtuStandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        def build(self, root: Path, split: Split) -> NtuVideos:
            """Videos of a split. The validation split is the test split.

            Raises:
                DataError: if the root is unusable; `MissingAnnotationError` for a split without videos.
            """
            return Ntu(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))

    def videos(self, split: Split) -> NtuVideos:
        """Videos of a split in the order of their names. The video or the skeleton of one may be missing."""
        check_root(self.root, self.config.name)
        skeletons = self.named(files_by_stem(self.root, [".skeleton"]))
        endings = [f"{VIDEO_ENDING}{suffix}" for suffix in VIDEO_SUFFIXES]
        videos = self.named({n.removesuffix(VIDEO_ENDING): p for n, p in files_by_stem(self.root, endings).items()})
        for found, example in ((skeletons, ".skeleton"), (videos, f"{VIDEO_ENDING}.avi")):
            if not found:
                raise MissingAnnotationError(
                    f"{self.config.name}: no file like S001C002P003R002A013{example} in {self.root}; extract the "
                    f"published archives there"
                )
        left_out = set(self.listed_as_missing())
        names = sorted((skeletons.keys() | videos.keys()) - left_out)
        parsed = {name: found for name in names if (found := VideoName.of(name)) is not None}
        chosen = [n for n, found in parsed.items() if found.trains(self.config.protocol) == (split == "train")]
        if not chosen:
            raise MissingAnnotationError(
                f"{self.root}: none of the {len(parsed)} videos is of the {split} split of {self.config.protocol}"
            )
        skeleton_folder, video_folder = (os.path.dirname(next(iter(found.values()))) for found in (skeletons, videos))
        records = tuple(
            VideoRecord(
                videos.get(name) or os.path.join(video_folder, f"{name}{VIDEO_ENDING}.avi"),
                parsed[name].action - 1,
                name,
            )
            for name in chosen
        )
        files = tuple(skeletons.get(name) or os.path.join(skeleton_folder, f"{name}.skeleton") for name in chosen)
        classes = tuple(f"A{number:03d}" for number in range(1, self.config.num_classes + 1))
        return NtuVideos(records, classes, files, self.config.people)

    def named(self, files: dict[str, str]) -> dict[str, str]:
        """Files whose names are those of videos of this release."""
        names = {name: VideoName.of(name) for name in files}
        return {name: files[name] for name, found in names.items() if found and self.is_known(found)}

    def is_known(self, name: VideoName) -> bool:
        return 1 <= name.action <= self.config.num_classes

    def listed_as_missing(self) -> Iterator[str]:
        """Names of the videos without a usable skeleton, from the published lists in the root folder.

        Raises:
            DataError: if a list names no video.
        """
        for path in sorted(path for path in self.root.iterdir() if MISSING_LIST.fullmatch(path.name)):
            listed = [name for name in names_in(file_text(path).splitlines()) if VideoName.of(name) is not None]
            if not listed:
                raise DataError(
                    f"{path}: names no video without a skeleton, e.g. S001C002P005R002A008; get it again, or remove it"
                )
            yield from listed


def names_in(lines: Iterable[str]) -> Iterator[str]:
    """Names of a list, without the ending of a file."""
    for line in lines:
        yield line.strip().removesuffix(".skeleton")


def spread(places: NDArray[np.float32]) -> float:
    """Spread of the joints (F, J, 2) of a body over the picture and the video: its standard deviations, added."""
    valid = places[np.isfinite(places).all(-1)]  # (joints with a place, 2)
    return float(valid.std(0).sum()) if len(valid) else 0.0
