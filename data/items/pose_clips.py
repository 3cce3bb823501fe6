"""Clips of videos with the joints of the people in them, for training and testing.

F: frames, V: crops, R: joints of all people. Joints follow the sampled frames, and every transform of the pixels.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from data.datasets.pose_videos import PoseVideoList
from data.items.clips import TestClips, TrainClips, ordered_channels
from data.poses import Poses, moved
from data.sampling.base import Sampling
from data.transforms.pixels import Crops
from data.transforms.tracked_frames import TrackedTransform
from data.video.frame_cache import SampledFrames

DEFAULT_BYTES = 64 * 2**20  # of joints that are kept, per process


class TrainPoseClips(TrainClips):
    """One augmented clip (F, 3, crop, crop) per video, and its joints (F, R, 3).

    Args:
        mirrored: index of the joint on the other side of the body, for each of the R joints.
    """

    def __init__(
        self,
        videos: PoseVideoList,
        seed: int,
        *,
        sampling: Sampling,
        augmentation: TrackedTransform,
        reversed_channels: bool,
        crop: int,
        mirrored: Sequence[int],
    ) -> None:
        super().__init__(
            videos, seed, sampling=sampling, augmentation=augmentation, reversed_channels=reversed_channels
        )
        self.pose_videos, self.pose_cache = videos, PoseCache(videos)
        self.tracked_augmentation, self.crop = augmentation, crop
        self.mirrored = torch.tensor(mirrored)

    def inputs(self, index: int) -> tuple[Tensor, ...]:
        poses = self.pose_cache.poses(index)  # before the frames are decoded: they may be missing
        sampled = self.frame_cache.sampled(self.videos.records[index], self.sampling.random)
        joints = joints_of(self.pose_videos, index, poses, sampled)
        clip = self.tracked_augmentation.tracked(ordered_channels(sampled.frames, self.reversed_channels))
        return clip.frames, moved(joints, clip.geometry, self.mirrored, self.crop)


class TestPoseClips(TestClips):
    """Crops (V, F, 3, crop, crop), uint8, of each temporal view of each video, and their joints (V, F, R, 3).

    Args:
        mirrored: as in `TrainPoseClips`.
    """

    def __init__(
        self,
        videos: PoseVideoList,
        num_views: int,
        *,
        sampling: Sampling,
        crops: Crops,
        reversed_channels: bool,
        mirrored: Sequence[int],
    ) -> None:
        super().__init__(videos, num_views, sampling=sampling, crops=crops, reversed_channels=reversed_channels)
        self.pose_videos, self.pose_cache = videos, PoseCache(videos)
        self.mirrored = torch.tensor(mirrored)

    def inputs(self, index: int, view: int) -> tuple[Tensor, ...]:
        poses = self.pose_cache.poses(index)
        sampled = self.sampled(self.videos.records[index], view)
        joints, crops = joints_of(self.pose_videos, index, poses, sampled), self.crops.tracked(sampled.frames)
        of_crops = [moved(joints, crop.geometry, self.mirrored, self.crops.crop) for crop in crops]
        return torch.stack([crop.frames for crop in crops]), torch.stack(of_crops)

    def blank_inputs(self) -> tuple[Tensor, ...]:
        (crops,) = super().blank_inputs()
        return crops, torch.zeros(*crops.shape[:2], len(self.mirrored), 3)


def joints_of(videos: PoseVideoList, index: int, poses: Poses, sampled: SampledFrames) -> Tensor:
    """Joints (F, R, 3) of sampled frames of a video, in their pixels.

    Raises:
        DecodeError: if the video has other frames than the joints.
    """
    videos.check_length(index, poses, sampled.num_frames)
    height, width = sampled.frames.shape[-2:]
    return poses.joints(sampled.indices, height, width)


class PoseCache:
    """Joints of the videos of a list. Videos share the memory equally; joints that fit their share are read once."""

    def __init__(self, videos: PoseVideoList, num_bytes: int = DEFAULT_BYTES) -> None:
        self.videos = videos
        self.share = num_bytes // max(len(videos), 1)
        self.kept: dict[int, Poses] = {}

    def poses(self, index: int) -> Poses:
        """Joints of a video.

        Raises:
            DecodeError: if they cannot be read, or if no joint has a place.
        """
        poses = self.kept.get(index)
        if poses is None:
            poses = self.videos.poses(index)
            if poses.places.nbytes <= self.share:
                self.kept[index] = poses
        return poses
