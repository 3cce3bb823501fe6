"""Pickle of two-dimensional poses, as https://github.com/kennymckormick/pyskl distributes them, in compact arrays.

It is a dict with `annotations`, or their list. An annotation holds `frame_dir` (the name of the video), `img_shape`
(height and width), `keypoint` (people, frames, joints, 2) and `keypoint_score` (people, frames, joints). Coordinates
are indices of pixels: the middle of the first pixel is 0.
F: frames, P: people, J: joints.
"""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.datasets.annotations import unpickled
from data.errors import DataError, DecodeError, reading
from data.poses import Poses

NUM_JOINTS = 17
REMEDY = "get the file of poses again"


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
                places = best_people(annotation, people)
                height, width = map(float, annotation["img_shape"][:2])
            except (KeyError, TypeError, ValueError, IndexError) as error:
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
        ValueError: if arrays are not of the same people, frames and joints, or a `KeyError` or `TypeError`.
    """
    places, scores = (np.asarray(annotation[name]) for name in ("keypoint", "keypoint_score"))
    expected = (len(places), annotation.get("total_frames", places.shape[1]), NUM_JOINTS, 2)
    if places.shape != expected or scores.shape != expected[:3] or not places.shape[1]:
        raise ValueError(f"keypoint is {places.shape}, and keypoint_score {scores.shape}; they must be {expected}")
    if places.dtype != np.float16:
        places = places.astype(np.float32)
    means = np.nan_to_num(scores.astype(np.float32)).mean((1, 2))
    order = np.argsort(-means, kind="stable")[:people]
    best = np.full((places.shape[1], people, NUM_JOINTS, 2), np.nan, places.dtype)
    best[:, : len(order)] = places[order].swapaxes(0, 1)
    has_score = np.zeros(best.shape[:3], bool)
    has_score[:, : len(order)] = (scores[order] > 0).swapaxes(0, 1)
    best[~has_score] = np.nan
    return best


def pose_library(path: Path, people: int) -> PoseLibrary:
    """Joints in a pickle. A file is read once per process, for all splits.

    Raises:
        DataError: if the file is damaged, or holds something else.
    """
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
