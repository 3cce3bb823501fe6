"""FineGym (https://sdolivia.github.io/FineGym): split lists, annotation JSON, crawled videos and a pickle of poses.

A sub-action is read from a file of its own, named as in the split list (`0LtLS9wROrk_E_002407_002435_A_0003_0005.mp4`),
from that of its event (`0LtLS9wROrk_E_002407_002435.mp4`), or from the whole video (`0LtLS9wROrk.mp4`); for the latter
two, the annotation JSON gives the times. The data set publishes no joints: they come from a pose estimator.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal, Self, get_args

from data.config import OfficialSizes, Split
from data.datasets.annotations import file_text
from data.datasets.finegym_poses import PoseLibrary, pose_library
from data.datasets.finegym_times import AnnotatedTimes, SubAction
from data.datasets.label_lists import LabelList
from data.datasets.pose_videos import PoseDatasetConfig, PoseVideoList, files_by_stem
from data.datasets.videos import VideoRecord, check_root, first_file, refuse_duplicates
from data.errors import DataError, MissingAnnotationError, shortened
from data.poses import Poses
from data.skeleton import Skeleton, both_sides, limbs
from interface.targets import ClassTarget

ANNOTATION_FOLDERS = (".", "annotations")
POSE_FILES = ("gym_2d.pkl", "gym_hrnet.pkl")
CATEGORY = re.compile(r"Clabel:\s*(\d+);.*;\s*(.+)", re.ASCII)

Release = Literal["1.0", "1.1"]
SETS = ("gym99", "gym288")

SKELETON = Skeleton(
    ("nose", *both_sides("eye", "ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    (
        *(("nose", eye) for eye in both_sides("eye")),
        *limbs("eye", "ear", "shoulder", "elbow", "wrist"),
        *limbs("shoulder", "hip", "knee", "ankle"),
        ("left shoulder", "right shoulder"),
        ("left hip", "right hip"),
    ),
)


@dataclass(frozen=True)
class FineGymVideos(PoseVideoList):
    """Sub-actions of one split, and the joints of all splits. Cutting may add or remove up to two frames."""

    tolerance: ClassVar[int] = 2

    library: PoseLibrary

    def stored_poses(self, index: int) -> Poses:
        return self.library.poses(self.records[index].video_id)

    def pose_name(self, index: int) -> str:
        return f"{self.pose_files[index]}: {self.records[index].video_id}"


class FineGym:
    """Reader of FineGym in a root folder."""

    @dataclass(frozen=True, kw_only=True)
    class Config(PoseDatasetConfig):
        """Set of classes, and release of the training list.

        Args:
            name: "gym99" or "gym288".
            release: release of the list of training items; the validation lists have one.
        """

        official_sizes: ClassVar[OfficialSizes] = {
            "gym99": {"train": 20_484, "val": 8_521, "test": 8_521},
            "gym288": {"train": 22_671, "val": 9_646, "test": 9_646},
        }
        skeleton: ClassVar[Skeleton] = SKELETON

        name: str = "gym99"
        num_classes: int = 99
        release: Release = "1.0"

        def __post_init__(self) -> None:
            super().__post_init__()
            for field, value, known in (("name", self.name, SETS), ("release", self.release, get_args(Release))):
                if value not in known:
                    raise ValueError(f"data.dataset.{field} is '{value}'; it is one of {', '.join(known)}")

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(self.num_classes)

        def official_size(self, split: Split) -> int | None:
            """Number of sub-actions of a split; None for the training list of release 1.1."""
            return None if split == "train" and self.release != "1.0" else super().official_size(split)

        def tiny(self) -> Self:
            from data.synthetic.finegym import FineGymStandIn

            videos = FineGymStandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        def build(self, root: Path, split: Split) -> FineGymVideos:
            """Sub-actions of a split. The test split is the validation split.

            Raises:
                DataError: if the root or a file is unusable; `MissingAnnotationError` without a split list.
            """
            return FineGym(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))
        self.folders = [self.root / folder for folder in ANNOTATION_FOLDERS]

    def videos(self, split: Split) -> FineGymVideos:
        """Sub-actions of a split in the order of its list."""
        check_root(self.root, self.config.name)
        annotation = self.annotation(split)
        lines, official = file_text(annotation).splitlines(), self.config.official_size(split)
        classes, layout = self.config.targets.classes, "name label"
        listed = LabelList(annotation, lines, self.config.name, classes, layout=layout, official=official)
        if not listed.videos:
            raise DataError(f"{annotation}: the file is empty; it should contain one 'name label' per line")
        refuse_duplicates(annotation, (video.path for video in listed.videos))
        records = []
        for name, label in listed.videos:
            assert isinstance(label, int)
            part = SubAction.of(name)
            if part is None:
                raise DataError(
                    f"{annotation}: '{shortened(name)}' is no sub-action; one is VIDEO_E_000000_000000_A_0000_0000"
                )
            records.append(self.record(name, part, label, annotation))
        if not any(os.path.exists(record.path) for record in records):
            raise DataError(
                f"{self.config.name}: none of the {len(records)} videos of {annotation} exists, e.g. "
                f"{shortened(records[0].path)}; a file is named as the sub-action, its event, or its video"
            )
        poses = self.pose_file()
        library = pose_library(poses, self.config.people)
        files = (str(poses),) * len(records)
        return FineGymVideos(tuple(records), self.class_names(), files, self.config.people, library)

    def annotation(self, split: Split) -> Path:
        """List of a split."""
        stand_in = self.config.stand_in
        # Generated lists are those of one set and release, whatever the config.
        name, release = (self.config.name, self.config.release) if stand_in is None else (stand_in.name, "1.0")
        if split == "train":
            names = (f"{name}_train_element_v{release}.txt", f"{name}_train.txt")
        else:
            names = (f"{name}_val_element.txt", f"{name}_val.txt")
        path = first_file(self.folders, names)
        if path is None:
            raise MissingAnnotationError(
                f"{name}: no {names[0]} in {self.root}; put the published lists there, or into its folder 'annotations'"
            )
        return path

    def record(self, name: str, part: SubAction, label: int, annotation: Path) -> VideoRecord:
        """Record of a sub-action: its own file, else part of the file of its event, else part of the whole video."""
        if name in self.files:
            return VideoRecord(self.files[name], label, name)
        for stem, in_event in ((part.event_name, True), (part.video, False)):
            if stem in self.files:
                span = self.times.span(part, annotation, in_event=in_event)
                return VideoRecord(self.files[stem], label, name, span)
        return VideoRecord(str(self.root / "subactions" / f"{name}.mp4"), label, name)

    @cached_property
    def files(self) -> Mapping[str, str]:
        """Video files by their names without suffix."""
        return files_by_stem(self.root)

    @cached_property
    def times(self) -> AnnotatedTimes:
        """Annotation JSON of the release, or of the other one."""
        release = self.config.release
        others = (f"finegym_annotation_info_v{other}.json" for other in get_args(Release) if other != release)
        names = (f"finegym_annotation_info_v{release}.json", *others, "annotation.json")
        path = first_file(self.folders, names)
        if path is None:
            raise MissingAnnotationError(
                f"{self.config.name}: no {names[0]} in {self.root}, for the times of sub-actions in the videos; put it "
                f"there, or a file for each sub-action"
            )
        return AnnotatedTimes(path)

    def pose_file(self) -> Path:
        """Pickle of poses: that with a published name, or the only one."""
        path = first_file(self.folders, POSE_FILES)
        if path is not None:
            return path
        found = sorted(file for folder in self.folders if folder.is_dir() for file in folder.glob("*.pkl"))
        if len(found) != 1:
            raise DataError(
                f"{self.config.name}: {'several files' if found else 'no file'} of poses in {self.root}; put "
                f"{POSE_FILES[0]} there, with the joints of all sub-actions"
            )
        return found[0]

    def class_names(self) -> tuple[str, ...]:
        """Names of the classes from the published categories; the number of a class without a name."""
        path = first_file(self.folders, [f"{self.config.name}_categories.txt"])
        matches = map(CATEGORY.match, [] if path is None else file_text(path).splitlines())
        names = {int(match[1]): match[2].strip() for match in matches if match is not None}
        return tuple(names.get(label, f"class {label}") for label in range(self.config.num_classes))
