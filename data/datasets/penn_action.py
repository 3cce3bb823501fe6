"""Penn Action: `frames/0001/000001.jpg` and `labels/0001.mat`, as published (http://dreamdragon.github.io/PennAction).

Each .mat file holds the class of a video, its split, and its joints. Coordinates count from 1: the middle of the first
pixel is 1. Joints that `visibility` marks as hidden have no place.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from data.config import OfficialSizes, Split
from data.datasets.frame_lists import DEFAULT_FPS, picture_name
from data.datasets.pose_videos import PoseDatasetConfig, PoseVideoList
from data.datasets.videos import Pictures, VideoRecord, check_root
from data.errors import DataError, DecodeError, MissingAnnotationError, shortened
from data.poses import Poses
from data.skeleton import Skeleton, both_sides, limbs
from interface.targets import ClassTarget

BASE_FOLDERS = (".", "Penn_Action")
LABEL_FIELDS = ("action", "train", "nframes")
POSE_FIELDS = ("x", "y", "visibility", "dimensions")
MAX_FRAMES = 10**6
REMEDY = "get the file again"

Fields = dict[str, NDArray]

SKELETON = Skeleton(
    ("head", *both_sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle")),
    (
        ("head", "left shoulder"),
        ("head", "right shoulder"),
        ("left shoulder", "right shoulder"),
        ("left hip", "right hip"),
        *limbs("shoulder", "elbow", "wrist"),
        *limbs("shoulder", "hip", "knee", "ankle"),
    ),
)


@dataclass(frozen=True)
class PennActionVideos(PoseVideoList):
    """Videos of one split of Penn Action."""

    def stored_poses(self, index: int) -> Poses:
        path = self.pose_files[index]
        fields = mat_fields(path, POSE_FIELDS)
        x, y, visibility, dimensions = (numbers(path, fields, name) for name in POSE_FIELDS)
        joints = len(SKELETON.joints)
        for name, values in (("x", x), ("y", y), ("visibility", visibility)):
            if values.ndim != 2 or values.shape != (len(x), joints):
                shape = " x ".join(map(str, values.shape))
                raise DecodeError(path, f"{name} is {shape}; it must be frames x {joints}, as x: {REMEDY}")
        if dimensions.size < 2 or not (dimensions.ravel()[:2] >= 1).all():
            raise DecodeError(path, f"dimensions holds no height and width: {REMEDY}")
        places = np.stack([x, y], -1) - 0.5  # the middle of the first pixel is 0.5 here, and 1 in the file
        places[visibility == 0] = np.nan
        height, width = dimensions.ravel()[:2]
        return Poses(places[:, None].astype(np.float32), float(height), float(width))


class PennAction:
    """Reader of Penn Action in a root folder."""

    @dataclass(frozen=True, kw_only=True)
    class Config(PoseDatasetConfig):
        """The only release."""

        official_sizes: ClassVar[OfficialSizes] = {"penn-action": {"train": 1_258, "val": 1_068, "test": 1_068}}
        skeleton: ClassVar[Skeleton] = SKELETON

        name: str = "penn-action"
        num_classes: int = 15

        @property
        def targets(self) -> ClassTarget:
            return ClassTarget(self.num_classes)

        def tiny(self) -> Self:
            from data.synthetic.penn_action import PennActionStandIn

            videos = PennActionStandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        def build(self, root: Path, split: Split) -> PennActionVideos:
            """Videos of a split. The validation split is the test split.

            Raises:
                DataError: if the root or a .mat file is unusable; `MissingAnnotationError` without .mat files.
            """
            return PennAction(self, root).videos(split)

    def __init__(self, config: Config, root: Path) -> None:
        self.config = config
        self.root = Path(os.path.abspath(root.expanduser()))

    def videos(self, split: Split) -> PennActionVideos:
        """Videos of a split. Classes are numbered in the alphabetical order of their names."""
        check_root(self.root, self.config.name)
        bases = [self.root / folder for folder in BASE_FOLDERS]
        base = next((path for path in bases if (path / "labels").is_dir()), self.root)
        files = sorted((base / "labels").glob("*.mat"))
        if not files:
            raise MissingAnnotationError(
                f"{self.config.name}: no labels/0001.mat in {self.root}; extract the published archive there"
            )
        self.check_labelled(base, {file.stem for file in files})
        labels = {file.stem: MatLabel.read(str(file)) for file in files}
        names = sorted({label.action for label in labels.values()})
        if len(names) != self.config.num_classes:
            raise DataError(
                f"{files[0].parent}: {len(names)} different actions in {len(files)} files; {self.config.name} has "
                f"{self.config.num_classes}: get all files again"
            )
        chosen = [name for name in labels if labels[name].trains == (split == "train")]
        if not chosen:
            raise MissingAnnotationError(f"{files[0].parent}: no file is of the {split} split; {REMEDY}")
        folders = [str(base / "frames" / name) for name in chosen]
        if not any(map(os.path.isdir, folders)):
            raise DataError(
                f"{self.config.name}: none of the {len(folders)} {split} videos exists, e.g. {folders[0]}/000001.jpg; "
                f"extract the published archive"
            )
        pattern = picture_name(folders)
        records = tuple(
            VideoRecord(
                folder,
                names.index(labels[name].action),
                name,
                pictures=Pictures(pattern, labels[name].num_frames, DEFAULT_FPS),
            )
            for folder, name in zip(folders, chosen, strict=True)
        )
        paths = tuple(str(base / "labels" / f"{name}.mat") for name in chosen)
        return PennActionVideos(records, tuple(names), paths, self.config.people)

    def check_labelled(self, base: Path, labelled: set[str]) -> None:
        """Refuse videos without a .mat file: their class and split are unknown."""
        folder = base / "frames"
        if not folder.is_dir():
            return
        with os.scandir(folder) as entries:
            unlabelled = sorted(e.name for e in entries if e.name.isdigit() and e.name not in labelled)
        if unlabelled:
            others = f", nor have {len(unlabelled) - 1} others" if len(unlabelled) > 1 else ""
            raise DataError(
                f"{folder / unlabelled[0]}: the video has no labels/{unlabelled[0]}.mat{others}; get the file, or "
                f"remove the folder"
            )


class MatLabel(NamedTuple):
    """Class of a video, whether it is of the training split, and its number of frames."""

    action: str
    trains: bool
    num_frames: int

    @classmethod
    def read(cls, path: str) -> Self:
        """Label in a .mat file.

        Raises:
            DataError: if it has none.
        """
        fields = mat_fields(path, LABEL_FIELDS)
        action = fields["action"].ravel()
        if action.size != 1 or not str(action[0]).strip():
            raise DecodeError(path, f"action names no class: {REMEDY}")
        flag, count = (numbers(path, fields, name).ravel() for name in ("train", "nframes"))
        if flag.size != 1 or flag[0] not in (-1, 0, 1):
            raise DecodeError(path, f"train is {shortened(str(flag.tolist()))}; it is 1, or else 0 or -1: {REMEDY}")
        if count.size != 1 or not 1 <= count[0] <= MAX_FRAMES:
            raise DecodeError(path, f"nframes is {shortened(str(count.tolist()))}, no number of frames: {REMEDY}")
        return cls(str(action[0]).strip(), bool(flag[0] == 1), int(count[0]))


def mat_fields(path: str, names: tuple[str, ...]) -> Fields:
    """Fields of a .mat file by name.

    Raises:
        DecodeError: if the file cannot be read, or lacks one of them.
    """
    from scipy.io import loadmat  # here: it is slow to import

    try:
        fields = loadmat(path, appendmat=False, variable_names=names)
    except FileNotFoundError:
        raise DecodeError(path, "no such file", missing=True) from None
    except Exception as error:  # a damaged file may raise anything
        raise DecodeError(path, f"not a whole .mat file ({shortened(str(error))}): {REMEDY}") from error
    absent = [name for name in names if name not in fields]
    if absent:
        raise DecodeError(path, f"no {', '.join(absent)} in the file: {REMEDY}")
    return {name: np.asarray(fields[name]) for name in names}


def numbers(path: str, fields: Fields, name: str) -> NDArray[np.float64]:
    """Numbers of a field.

    Raises:
        DecodeError: if it holds something else.
    """
    try:
        return fields[name].astype(np.float64)
    except (TypeError, ValueError):
        raise DecodeError(path, f"{name} holds no numbers: {REMEDY}") from None
