"""Result of every reader of videos with joints: the videos of one split, and access to their joints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, ClassVar

from data.datasets.videos import VideoDataset, VideoList
from data.errors import DecodeError
from data.poses import Poses
from interface.ranges import Range
from interface.targets import ClassTarget


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
        """Joints of a video."""
        poses = self.stored_poses(self.pose_files[index], self.records[index].video_id).with_people(self.people)
        if not poses.valid.any():
            raise DecodeError(self.pose_name(index), "no joint has a place in any frame")
        return poses

    def check_length(self, index: int, poses: Poses, num_frames: int) -> None:
        """Refuse joints of other frames than those of the video.

        Args:
            num_frames: number of frames of the video.
        """
        if abs(poses.num_frames - num_frames) > self.tolerance:
            raise DecodeError(
                self.pose_name(index),
                f"joints of {poses.num_frames} frames, but the video has {num_frames}: {self.records[index].path}",
            )
