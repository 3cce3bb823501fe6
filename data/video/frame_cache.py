"""Cache of the decoded frames of a small data set, so that later epochs need no decoding."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from torch import Tensor

from data.datasets.videos import VideoRecord
from data.sampling.base import Indices, Timeline
from data.video.frame_sources import opened

# Per process. Too small for any published data set: a single ten-second video takes a sixth of it.
DEFAULT_BYTES = 512 * 2**20


class CachedVideo(NamedTuple):
    """All frames of a video (F, 3, height, width), uint8, and their presentation times."""

    frames: Tensor
    timeline: Timeline


class SampledFrames(NamedTuple):
    """Frames of a clip (F, 3, height, width), uint8; their indices, and the number of frames of the video."""

    frames: Tensor
    indices: Indices
    num_frames: int


class FrameCache:
    """Decoded frames of one data set. Videos share the memory equally; one that fits its share is decoded once."""

    def __init__(self, num_videos: int, num_bytes: int = DEFAULT_BYTES) -> None:
        self.share = num_bytes // max(num_videos, 1)
        self.videos: dict[VideoRecord, CachedVideo] = {}

    def frames(self, record: VideoRecord, sampling: Callable[[Timeline], Indices]) -> Tensor:
        return self.sampled(record, sampling).frames

    def sampled(self, record: VideoRecord, sampling: Callable[[Timeline], Indices]) -> SampledFrames:
        """Frames of a video at the indices of the sampling, and these indices."""
        cached = self.videos.get(record)
        if cached is None:
            with opened(record) as video:
                if video.num_bytes > self.share:
                    indices = sampling(video.timeline)
                    return SampledFrames(video.frames(indices), indices, video.timeline.num_frames)
                cached = CachedVideo(video.frames(np.arange(video.timeline.num_frames)), video.timeline)
            self.videos[record] = cached
        indices = sampling(cached.timeline)
        return SampledFrames(cached.frames[indices], indices, cached.timeline.num_frames)
