"""Reading of clips from videos: random ones, and the views of a test, with the joints of people where lists have them.

F: frames, V: crops, R: joints of all people. Joints follow the sampled frames, and every transform of the pixels.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from data.datasets.pose_videos import Poses, PoseVideoList, moved
from data.datasets.videos import VideoList, VideoRecord
from data.errors import DecodeError
from data.items import Inputs
from data.sampling.base import Indices, Sampling, Timeline
from data.transforms.pixels import Crops
from data.transforms.tracked_frames import TrackedFrames, TrackedTransform
from data.video.decode import VideoFile
from data.video.decoded_videos import DecodedVideo, Sharing
from data.video.frame_sources import FrameFolder, opened

# Per process. Too small for any published data set: a single ten-second video takes a sixth of it.
FRAME_BYTES = 512 * 2**20
POSE_BYTES = 64 * 2**20

OpenVideo = VideoFile | FrameFolder | DecodedVideo


@dataclass
class Clips:
    videos: VideoList
    sampling: Sampling
    reversed_channels: bool
    mirrored: Tensor
    """Index of the joint on the other side of the body, for each of the R joints; empty without joints."""

    def __post_init__(self) -> None:
        self.frame_cache = FrameCache(len(self.videos))
        self.pose_cache: PoseCache | None = None
        if len(self.mirrored):
            assert isinstance(self.videos, PoseVideoList)
            self.pose_cache = PoseCache(self.videos)

    def poses(self, index: int) -> tuple[Poses, ...]:
        """Joints in all frames of a video; none without joints."""
        return () if self.pose_cache is None else (self.pose_cache.poses(index),)

    def joints(
        self, index: int, poses: tuple[Poses, ...], timeline: Timeline, indices: Indices, frames: Tensor
    ) -> tuple[Tensor, ...]:
        """Joints (F, R, 3) of the frames of a video at the indices, in their pixels; none without joints."""
        height, width = frames.shape[-2:]
        if self.pose_cache is not None:
            self.pose_cache.videos.check_length(index, poses[0], timeline.num_frames)
        return tuple(of_video.joints(indices, height, width) for of_video in poses)

    def ordered_channels(self, frames: Tensor) -> Tensor:
        """Frames (F, 3, height, width) in RGB, or in BGR if reversed."""
        return frames.flip(1) if self.reversed_channels else frames

    def inputs(self, clip: TrackedFrames, joints: tuple[Tensor, ...]) -> Inputs:
        """A transformed clip, and its joints (F, R, 3)."""
        side = clip.frames.shape[-1]
        changes = () if clip.changes is None else (clip.changes,)
        return clip.frames, *(moved(part, clip.geometry, self.mirrored, side) for part in joints), *changes


@dataclass
class RandomClips(Clips):
    """One augmented clip (F, 3, crop, crop) of a video, with the type of its augmentation, and its joints (F, R, 3)."""

    augmentation: TrackedTransform

    def __call__(self, index: int) -> Inputs:
        poses = self.poses(index)  # before the frames are decoded: they may be missing
        timeline, indices, frames = self.sampled(index)
        joints = self.joints(index, poses, timeline, indices, frames)
        return self.inputs(self.augmentation.tracked(self.ordered_channels(frames)), joints)

    def sampled(self, index: int) -> tuple[Timeline, Indices, Tensor]:
        """Timeline of a video, indices of a random clip of it, and its frames (F, 3, height, width), uint8."""
        with self.frame_cache.opened(self.videos.records[index]) as video:
            indices = self.sampling.random(video.timeline)
            return video.timeline, indices, video.frames(indices)


@dataclass
class ClipViews(Clips):
    """Crops (V, F, 3, crop, crop), uint8, of a temporal view of a video, and their joints (V, F, R, 3)."""

    crops: Crops
    num_views: int

    def __call__(self, index: int, views: Sequence[int]) -> list[Inputs]:
        poses = self.poses(index)
        with self.frame_cache.opened(self.videos.records[index]) as video:
            of_video = self.sampling.views(video.timeline, self.num_views)
            chosen = [of_video[view] for view in views]
            num_together = len(np.unique(np.concatenate(chosen)))
            fits = video.num_bytes * num_together <= FRAME_BYTES * video.timeline.num_frames
            parts = [chosen] if fits else [[indices] for indices in chosen]
            return [inputs for part in parts for inputs in self.read(index, video, poses, part)]

    def read(
        self, index: int, video: OpenVideo, poses: tuple[Poses, ...], of_views: Sequence[Indices]
    ) -> Iterator[Inputs]:
        """Inputs of views. A frame of several views is decoded and resized once."""
        together, places = np.unique(np.concatenate(of_views), return_inverse=True)
        frames = video.frames(together)
        crops = self.crops(self.ordered_channels(frames))
        for indices, place in zip(of_views, np.split(places, len(of_views)), strict=True):
            joints = self.joints(index, poses, video.timeline, indices, frames)
            of_view = (crop._replace(frames=crop.frames[place]) for crop in crops)
            yield tuple(map(torch.stack, zip(*(self.inputs(crop, joints) for crop in of_view), strict=True)))

    def blank_shapes(self) -> list[tuple[tuple[int, ...], torch.dtype]]:
        num_crops, num_frames, side = self.crops.num_crops, self.sampling.frames, self.crops.crop
        crops = ((num_crops, num_frames, 3, side, side), torch.uint8)
        joints = ((num_crops, num_frames, len(self.mirrored), 3), torch.float32)
        return [crops] if self.pose_cache is None else [crops, joints]


class FrameCache:
    """Decoded frames of one data set. Videos share the memory equally; one that fits its share is decoded once."""

    def __init__(self, num_videos: int, num_bytes: int = FRAME_BYTES) -> None:
        self.share = num_bytes // max(num_videos, 1)
        self.videos: dict[VideoRecord, DecodedVideo] = {}

    @contextmanager
    def opened(self, record: VideoRecord) -> Iterator[OpenVideo]:
        """A video, decoded if it fits its share."""
        video = self.videos.get(record)
        if video is None and Sharing.videos is not None:
            video = Sharing.videos.find(record)
        if video is None:
            with opened(record) as source:
                video = decoded(source) if source.num_bytes <= self.share else None
                if video is None:
                    yield source
                    return
            if Sharing.videos is not None:
                video = Sharing.videos.add(record, video)
        self.videos[record] = video
        yield video


def decoded(video: VideoFile | FrameFolder) -> DecodedVideo | None:
    """All frames of a video; None if one of them, which a clip may not need, cannot be decoded."""
    try:
        frames = video.frames(np.arange(video.timeline.num_frames))
    except DecodeError:
        return None
    return DecodedVideo(frames.permute(0, 2, 3, 1).numpy(), video.timeline)


class PoseCache:
    """Joints of the videos of a list. Videos share the memory equally; joints that fit their share are read once."""

    def __init__(self, videos: PoseVideoList, num_bytes: int = POSE_BYTES) -> None:
        self.videos = videos
        self.share = num_bytes // max(len(videos), 1)
        self.kept: dict[int, Poses] = {}

    def poses(self, index: int) -> Poses:
        poses = self.kept.get(index)
        if poses is None:
            poses = self.videos.poses(index)
            if poses.places.nbytes <= self.share:
                self.kept[index] = poses
        return poses
