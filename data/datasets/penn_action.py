"""Penn Action: `frames/0001/000001.jpg` and `labels/0001.mat`, as published (http://dreamdragon.github.io/PennAction).

Each .mat file holds the class of a video, its split, and its joints. Coordinates count from 1: the middle of the first
pixel is 1. Joints that `visibility` marks as hidden have no place.
"""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from data.config import OfficialSizes, Split
from data.datasets.folders import refuse_absent
from data.datasets.pose_videos import PoseDatasetConfig, Poses, PoseVideoList, both_sides
from data.datasets.video_lists import DEFAULT_FPS, picture_name
from data.datasets.videos import Pictures, VideoRecord
from data.errors import DataError, MissingAnnotationError, decoding
from data.stand_ins.of_figures import PennActionStandIn

LABEL_FIELDS = ("action", "train", "nframes")
POSE_FIELDS = ("x", "y", "visibility", "dimensions")

JOINTS = ("head", *both_sides("shoulder", "elbow", "wrist", "hip", "knee", "ankle"))


def stored_poses(path: str, video_id: str) -> Poses:
    """Joints in the file of a video."""
    with decoding(path):
        x, y, visibility, dimensions = (field.astype(np.float64) for field in mat_fields(path, POSE_FIELDS))
        shape = (len(x), len(JOINTS))
        if not x.shape == y.shape == visibility.shape == shape:
            shapes = ", ".join(" x ".join(map(str, values.shape)) for values in (x, y, visibility))
            raise ValueError(f"x, y, visibility are {shapes}; they must be frames x {shape[1]}")
        height, width = dimensions.ravel()[:2]
    places = np.stack([x, y], -1) - 0.5  # the middle of the first pixel is 0.5 here, and 1 in the file
    places[visibility == 0] = np.nan
    return Poses(places[:, None].astype(np.float32), float(height), float(width))


class PennAction:
    @dataclass(frozen=True, kw_only=True)
    class Config(PoseDatasetConfig):
        official_sizes: ClassVar[OfficialSizes] = {"penn-action": {"train": 1_258, "val": 1_068, "test": 1_068}}
        joints: ClassVar[tuple[str, ...]] = JOINTS

        name: str = "penn-action"
        num_classes: int = 15

        def tiny(self) -> Self:
            videos = PennActionStandIn()
            return replace(self, num_classes=videos.num_classes, stand_in=videos)

        @property
        def drawing(self) -> type:
            from data.stand_ins.drawing.figure_layouts import PennActionDrawing

            return PennActionDrawing

        def read(self, root: Path, split: Split) -> PoseVideoList:
            """Videos of a split. The validation split is the test split. Classes are in alphabetical order."""
            base = next((path for path in (root, root / "Penn_Action") if (path / "labels").is_dir()), root)
            labels = {path.stem: label_in(str(path)) for path in sorted((base / "labels").glob("*.mat"))}
            if not labels:
                raise MissingAnnotationError(
                    f"{self.name}: no labels/0001.mat in {root}; extract the published archive there"
                )
            refuse_unlabelled(base / "frames", set(labels))
            names = sorted({action for action, _, _ in labels.values()})
            if len(names) != self.num_classes:
                raise DataError(
                    f"{base / 'labels'}: {len(names)} different actions in {len(labels)} files; {self.name} has "
                    f"{self.num_classes}: get all files again"
                )
            chosen = [name for name, (_, trains, _) in labels.items() if trains == (split == "train")]
            if not chosen:
                raise MissingAnnotationError(f"{base / 'labels'}: no file is of the {split} split; get the files again")
            folders = [str(base / "frames" / name) for name in chosen]
            refuse_absent(self.name, base / "labels", folders, "extract the published archive")
            pattern = picture_name(folders)
            records = []
            for folder, name in zip(folders, chosen, strict=True):
                action, _, num_frames = labels[name]
                pictures = Pictures(pattern, num_frames, DEFAULT_FPS)
                records.append(VideoRecord(folder, names.index(action), name, pictures=pictures))
            paths = tuple(str(base / "labels" / f"{name}.mat") for name in chosen)
            return PoseVideoList(tuple(records), tuple(names), paths, self.people, stored_poses)


def refuse_unlabelled(folder: Path, labelled: set[str]) -> None:
    """Refuse videos without a .mat file: their class and split are unknown."""
    names = os.listdir(folder) if folder.is_dir() else []
    unlabelled = sorted(name for name in names if name.isdigit() and name not in labelled)
    if unlabelled:
        raise DataError(
            f"{folder / unlabelled[0]}: the video has no labels/{unlabelled[0]}.mat, one of {len(unlabelled)} such "
            f"videos; get the file, or remove the folder"
        )


def label_in(path: str) -> tuple[str, bool, int]:
    """Class of a video, whether it is of the training split, and its number of frames."""
    with decoding(path):
        (action,), (train,), (count,) = (field.ravel() for field in mat_fields(path, LABEL_FIELDS))
        return str(action).strip(), bool(train == 1), int(count)


def mat_fields(path: str, names: tuple[str, ...]) -> list[NDArray]:
    from scipy.io import loadmat  # here: it is slow to import

    fields = loadmat(path, appendmat=False, variable_names=names)
    absent = [name for name in names if name not in fields]
    if absent:
        raise ValueError(f"no {', '.join(absent)} in the file")
    return [np.asarray(fields[name]) for name in names]
