"""Videos with joints of the people in them: what every reader of them has in common, and the joints of clips.

F: frames, P: people, J: joints of a body, R = P * J. Joints of a clip are (F, R, 3): x and y in pixels and 1 for a
joint with a place, three zeros for one without. Coordinates are those of `data.transforms.tracked_frames`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.datasets.videos import VideoDataset, VideoList
from data.errors import DecodeError
from data.sampling.base import Indices
from data.transforms.tracked_frames import Geometry
from interface.ranges import Range
from interface.targets import ClassTarget


class Poses(NamedTuple):
    """Joints in every frame of a video.

    `places`: x, y (F, P, J, 2) in pixels of the original pictures; NaN for a joint without a place.
    `height`, `width`: size of these pictures, which may have been resized since.
    """

    places: NDArray[np.floating]
    height: float
    width: float

    @property
    def num_frames(self) -> int:
        return len(self.places)

    @property
    def valid(self) -> NDArray[np.bool_]:
        """Whether a joint has a place (F, P, J)."""
        return np.asarray(np.isfinite(self.places).all(-1))

    def with_people(self, people: int) -> Self:
        """The first of the people. Those that are missing have joints without a place."""
        missing = max(people - self.places.shape[1], 0)
        padding = [(0, 0), (0, missing), (0, 0), (0, 0)]
        return self._replace(places=np.pad(self.places[:, :people], padding, constant_values=np.nan))

    def joints(self, indices: Indices, height: int, width: int) -> Tensor:
        """Joints (F, R, 3) of the frames with these indices, in pixels of pictures of this size."""
        shown = self.places[np.minimum(indices, self.num_frames - 1)]
        places = torch.from_numpy(shown.astype(np.float32)).flatten(1, 2)  # (F, R, 2)
        scaled = Geometry().resized(height / self.height, width / self.width).of(places)
        return masked(scaled, scaled.isfinite().all(-1))


def masked(places: Tensor, valid: Tensor) -> Tensor:
    """Joints (..., 3) with these places (..., 2), and zeros for those that are not valid."""
    return torch.cat([places, torch.ones_like(places[..., :1])], -1).where(valid.unsqueeze(-1), 0.0)


def moved(joints: Tensor, geometry: Geometry, mirrored: Tensor, side: int) -> Tensor:
    """Joints (F, R, 3) of a clip after a transform of its pixels. Joints outside of the clip have no place.

    Args:
        geometry: map of points of the transform.
        mirrored: index of the joint on the other side of the body (R,), for each joint.
        side: height and width of the clip.
    """
    if geometry.is_mirrored:
        joints = joints[:, mirrored]
    places = geometry.of(joints[..., :2])
    is_inside = ((places >= 0) & (places <= side)).all(-1)
    return masked(places, is_inside & (joints[..., 2] > 0))


def both_sides(*names: str) -> tuple[str, ...]:
    """Names of the left and the right joint, for each name."""
    return tuple(f"{side} {name}" for name in names for side in ("left", "right"))


def other_side(name: str) -> str:
    side, _, rest = name.partition(" ")
    return {"left": f"right {rest}", "right": f"left {rest}"}.get(side, name)


@dataclass(frozen=True, kw_only=True)
class PoseDatasetConfig(VideoDataset):
    """Data set of videos with joints and one label each."""

    joints: ClassVar[tuple[str, ...]]
    """Names of the joints of one body, in the order of the data set; that of a joint on a side begins with it."""

    num_classes: int
    people: Annotated[int, Range(least=1, most=100)] = 1
    """Number of people whose joints are kept."""

    @property
    def targets(self) -> ClassTarget:
        return ClassTarget(self.num_classes)

    @property
    def num_joints(self) -> int:
        return self.people * len(self.joints)

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Index of the joint on the other side of the same body, for each joint of all people."""
        body = len(self.joints)
        mirrored = [self.joints.index(other_side(name)) for name in self.joints]
        return tuple(person * body + other for person in range(self.people) for other in mirrored)


@dataclass(frozen=True)
class PoseVideoList(VideoList):
    """Videos of one split with the files of their joints, which are read on demand."""

    pose_files: tuple[str, ...]
    """File of the joints of each video."""
    people: int
    """Number of people whose joints are kept."""
    stored_poses: Callable[[str, str], Poses]
    """Joints of any number of people, the most important first, from a file and the id of the video."""
    tolerance: int = 0
    """Number of frames by which joints and video may differ in length."""
    is_shared: bool = False
    """Whether all videos share one file of joints, so that messages also name the video."""

    def pose_name(self, index: int) -> str:
        """Name of the joints of a video in messages, which begins with the path of their file."""
        file = self.pose_files[index]
        return f"{file}: {self.records[index].video_id}" if self.is_shared else file

    def poses(self, index: int) -> Poses:
        poses = self.stored_poses(self.pose_files[index], self.records[index].video_id).with_people(self.people)
        if not poses.valid.any():
            raise DecodeError(self.pose_name(index), "no joint has a place in any frame")
        return poses

    def check_length(self, index: int, poses: Poses, num_frames: int) -> None:
        """Refuse joints of other frames than the `num_frames` of the video."""
        if abs(poses.num_frames - num_frames) > self.tolerance:
            raise DecodeError(
                self.pose_name(index),
                f"joints of {poses.num_frames} frames, but the video has {num_frames}: {self.records[index].path}",
            )
