"""Clips of videos: augmented clips for training, all crops of a view for testing. F: frames, V: crops."""

from collections.abc import Callable

import torch
from torch import Tensor

from data.datasets.videos import VideoList, VideoRecord
from data.items.items import TestItems, TrainItems
from data.sampling.base import Sampling
from data.transforms.pixels import Crops
from data.video.frame_cache import FrameCache, SampledFrames
from data.video.frame_sources import opened


class TrainClips(TrainItems):
    """One augmented clip (F, 3, crop, crop) per video, with the type of its augmentation."""

    def __init__(
        self,
        videos: VideoList,
        seed: int,
        *,
        sampling: Sampling,
        augmentation: Callable[[Tensor], Tensor],
        reversed_channels: bool,
    ) -> None:
        super().__init__(videos, seed)
        self.videos = videos
        self.sampling, self.augmentation, self.reversed_channels = sampling, augmentation, reversed_channels
        self.frame_cache = FrameCache(len(videos))

    def inputs(self, index: int) -> tuple[Tensor, ...]:
        frames = self.frame_cache.frames(self.videos.records[index], self.sampling.random)
        return (self.augmentation(ordered_channels(frames, self.reversed_channels)),)


class TestClips(TestItems):
    """Crops (V, F, 3, crop, crop), uint8, of each temporal view of each video."""

    def __init__(
        self, videos: VideoList, num_views: int, *, sampling: Sampling, crops: Crops, reversed_channels: bool
    ) -> None:
        super().__init__(videos, num_views)
        self.videos = videos
        self.sampling, self.crops, self.reversed_channels = sampling, crops, reversed_channels

    def inputs(self, index: int, view: int) -> tuple[Tensor, ...]:
        return (self.crops(self.sampled(self.videos.records[index], view).frames),)

    def sampled(self, record: VideoRecord, view: int) -> SampledFrames:
        """Frames of a view of a video, with their channels in order."""
        with opened(record) as video:
            indices = self.sampling.views(video.timeline, self.num_views)[view]
            frames, num_frames = video.frames(indices), video.timeline.num_frames
        return SampledFrames(ordered_channels(frames, self.reversed_channels), indices, num_frames)

    def blank_inputs(self) -> tuple[Tensor, ...]:
        side = self.crops.crop
        return (torch.zeros(self.crops.num_crops, self.sampling.frames, 3, side, side, dtype=torch.uint8),)


def ordered_channels(frames: Tensor, is_reversed: bool) -> Tensor:
    """Frames (F, 3, height, width) in RGB, or in BGR if reversed."""
    return frames.flip(1) if is_reversed else frames
