"""Pickle of two-dimensional poses, as https://github.com/kennymckormick/pyskl distributes them, in compact arrays.

It is a dict with `annotations`, or their list. An annotation holds `frame_dir` (the name of the video), `img_shape`
(height and width), `keypoint` (people, frames, joints, 2) and `keypoint_score` (people, frames, joints). Coordinates
are indices of pixels: the middle of the first pixel is 0.
F: frames, P: people, J: joints.
"""

import functools
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.datasets.restricted_pickle import ARRAYS, unpickled
from data.errors import DataError, DecodeError, shortened
from data.poses import Poses

NUM_JOINTS = 17
REMEDY = "get the file of poses again"
MAX_SIDE = 100_000


class Stored(NamedTuple):
    """Place of a video's joints in the array of all: the first frame, their number, and the size of the pictures."""

    first: int
    num_frames: int
    height: float
    width: float


class PoseLibrary:
    """Joints of all videos of a pickle, in one array: processes that are forked share its memory.

    Args:
        path: path of the pickle, for messages.
        annotations: content of the pickle.
        people: number of people of each video that are kept, those with the highest mean score.
    """

    def __init__(self, path: str, annotations: Sequence[object], people: int) -> None:
        self.path = path
        self.stored: dict[str, Stored] = {}
        self.problems: dict[str, str] = {}
        parts, first = [np.empty((0, people, NUM_JOINTS, 2), np.float16)], 0
        for number, annotation in enumerate(annotations):
            name = annotation.get("frame_dir") if isinstance(annotation, Mapping) else None
            if not isinstance(annotation, Mapping) or not isinstance(name, str):
                raise DataError(f"{path}: annotation {number} has no frame_dir; {REMEDY}")
            try:
                places, (height, width) = best_people(annotation, people), picture_size(annotation)
            except ValueError as error:
                self.problems[key(name)] = str(error)
                continue
            self.stored[key(name)] = Stored(first, len(places), height, width)
            parts.append(places)
            first += len(places)
        self.places = np.concatenate(parts)  # (all frames, P, J, 2)

    def __len__(self) -> int:
        return len(self.stored) + len(self.problems)

    def poses(self, name: str) -> Poses:
        """Joints of a video.

        Raises:
            DecodeError: if there are none.
        """
        stored = self.stored.get(key(name))
        if stored is None:
            reason = self.problems.get(key(name), "the file has no joints of this video")
            raise DecodeError(f"{self.path}: {name}", f"{reason}; {REMEDY}")
        places = self.places[stored.first : stored.first + stored.num_frames]
        return Poses(places.astype(np.float32) + 0.5, stored.height, stored.width)


def key(name: str) -> str:
    """Name of a video without the marks of event and action, which some files leave out."""
    return name.replace("_E_", "_").replace("_A_", "_")


def best_people(annotation: Mapping, people: int) -> NDArray[np.floating]:
    """Places (F, P, J, 2) of the people with the highest mean score, best first; NaN for a joint without a score.

    Raises:
        ValueError: with the field that is not as expected.
    """
    places, scores = (array(annotation, name) for name in ("keypoint", "keypoint_score"))
    if places.ndim != 4 or places.shape[2:] != (NUM_JOINTS, 2):
        raise ValueError(f"keypoint is {shape(places)}; it must be people x frames x {NUM_JOINTS} x 2")
    if not places.shape[1]:
        raise ValueError("keypoint has no frames")
    if scores.shape != places.shape[:3]:
        raise ValueError(f"keypoint_score is {shape(scores)}, and keypoint {shape(places)}")
    total = annotation.get("total_frames", places.shape[1])
    if total != places.shape[1]:
        raise ValueError(f"keypoint has {places.shape[1]} frames, and total_frames is {shortened(str(total))}")
    means = np.nan_to_num(scores.astype(np.float32)).mean((1, 2))
    order = np.argsort(-means, kind="stable")[:people]
    best = np.full((places.shape[1], people, NUM_JOINTS, 2), np.nan, places.dtype)
    best[:, : len(order)] = places[order].swapaxes(0, 1)
    has_score = np.zeros(best.shape[:3], bool)
    has_score[:, : len(order)] = (scores[order] > 0).swapaxes(0, 1)
    best[~has_score] = np.nan
    return best


def array(annotation: Mapping, name: str) -> NDArray[np.floating]:
    """Array of an annotation, in half precision if the file has it, else in single precision."""
    value = annotation.get(name)
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fiu":
        raise ValueError(f"{name} is no array of numbers")
    return value if value.dtype == np.float16 else value.astype(np.float32)


def picture_size(annotation: Mapping) -> tuple[float, float]:
    """Height and width of the pictures to which the joints refer."""
    value = annotation.get("img_shape")
    if isinstance(value, tuple | list | np.ndarray) and len(value) >= 2:
        height, width = value[0], value[1]
        if all(isinstance(side, int | float | np.number) and 1 <= side <= MAX_SIDE for side in (height, width)):
            return float(height), float(width)
    raise ValueError("img_shape is no height and width")


def shape(values: NDArray) -> str:
    return " x ".join(map(str, values.shape)) or "a number"


def pose_library(path: Path, people: int) -> PoseLibrary:
    """Joints in a pickle. A file is read once per process, for all splits.

    Raises:
        DataError: if the file is damaged, or holds something else.
    """
    try:
        status = os.stat(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the file and its rights") from error
    return _read(path, people, status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=2)
def _read(path: Path, people: int, modified: int, size: int) -> PoseLibrary:
    content = unpickled(path, ARRAYS, kind="a plain pickle of poses", remedy=REMEDY)
    annotations = content.get("annotations") if isinstance(content, dict) else content
    if not isinstance(annotations, list | tuple) or not annotations:
        raise DataError(f"{path}: a pickle without a list of annotations; {REMEDY}")
    return PoseLibrary(str(path), annotations, people)
