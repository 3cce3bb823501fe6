"""Keeps the decoded frames of a data set that is small enough, so that its later epochs need no decoder."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from torch import Tensor

from data.datasets.videos import VideoRecord
from data.footage import opened
from data.sampling import Indices, Timeline

# Per process. Published data sets never come near it: a ten-second video takes a sixth of it.
DEFAULT_BYTES = 512 * 2**20


class HeldVideo(NamedTuple):
    """All frames of a video (F, 3, height, width), uint8, and when they are shown."""

    frames: Tensor
    timeline: Timeline


class HeldFrames:
    """Frames of the videos of one data set; a video that takes no more than its share of the memory is decoded once."""

    def __init__(self, num_videos: int, num_bytes: int = DEFAULT_BYTES) -> None:
        self.share = num_bytes // max(num_videos, 1)
        self.videos: dict[VideoRecord, HeldVideo] = {}

    def frames(self, record: VideoRecord, sampling: Callable[[Timeline], Indices]) -> Tensor:
        """The frames of a video that the sampling picks."""
        held = self.videos.get(record)
        if held is None:
            with opened(record) as video:
                if video.num_bytes > self.share:
                    return video.frames(sampling(video.timeline))
                held = HeldVideo(video.frames(np.arange(video.timeline.num_frames)), video.timeline)
            self.videos[record] = held
        return held.frames[sampling(held.timeline)]
