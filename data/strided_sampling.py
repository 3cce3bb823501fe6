"""Sampling of clips at a stride, from evenly spaced starts of which the first is that of the video.

Follows https://github.com/1adrianb/video-transformers. F: frames of a clip.
"""

import random
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data.ranges import check_fields
from data.sampling import Indices, Sampling, Timeline
from data.stride_config import StrideConfig


class StridedSampling(Sampling):
    """F frames at a stride, from a random start (training) or evenly spaced starts (testing).

    A clip is c = F * stride * fps / nominal fps frames long. Its indices are trunc(linspace(start, start + c - 1, F)),
    where the start is a real number. Indices beyond the end of the video give the last frame.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(StrideConfig):
        """Stride in frames at the nominal rate, or in frames of the video if that is None."""

        stride: int = 16
        nominal_fps: int | None = 30

        def __post_init__(self) -> None:
            super().__post_init__()
            check_fields("data.sampling", self, "nominal_fps", least=1)

        @property
        def expected_fps(self) -> int | None:
            return self.nominal_fps

        @property
        def text(self) -> str:
            rate = "" if self.nominal_fps is None else f" of a video of {self.nominal_fps} frames per second"
            return f"one in {self.stride}{rate}"

        def build(self, frames: int) -> "StridedSampling":
            return StridedSampling(frames, self)

    def __init__(self, frames: int, config: Config) -> None:
        super().__init__(frames)
        self.config = config

    def random(self, timeline: Timeline) -> Indices:
        """Frame indices of a clip with a random start, drawn from the state of `random`."""
        return self.from_start(timeline, random.uniform(0, self.last_start(timeline)))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips that start at max(frames - c, 0) * k / num_views. The last one ends before the video ends."""
        last = self.last_start(timeline)
        return [self.from_start(timeline, last * float(share)) for share in self.config.view_starts(num_views)]

    def last_start(self, timeline: Timeline) -> float:
        """Last start of a clip within the video; 0 for a video that is shorter than a clip."""
        return max(timeline.num_frames - self.length(timeline), 0.0)

    def length(self, timeline: Timeline) -> float:
        """Length c of a clip in frames of the video."""
        rate = Fraction(1) if self.config.nominal_fps is None else timeline.fps / self.config.nominal_fps
        return float(self.frames * self.config.stride * rate)

    def from_start(self, timeline: Timeline, start: float) -> Indices:
        """Frame indices of the clip from a start."""
        indices = np.linspace(start, start + self.length(timeline) - 1, self.frames).astype(np.int64)
        return np.clip(indices, 0, timeline.num_frames - 1)
