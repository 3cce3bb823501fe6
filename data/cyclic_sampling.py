"""Sampling of clips that go on with the start of a video that is shorter than they are.

Follows https://github.com/VideoNetworks/TokShift-Transformer. F: frames of a clip.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from data.evaluation import EvalConfig
from data.sampling import Indices, Sampling, Timeline
from data.stride_config import StrideConfig


class CyclicSampling(Sampling):
    """F frames at a stride in frames of the video, from a random start (training) or evenly spaced starts (testing)."""

    @dataclass(frozen=True, kw_only=True)
    class Config(StrideConfig):
        """Stride in frames of the video, whatever its frame rate. A test sets `late_short_clips` as in its protocol."""

        stride: int = 32
        late_short_clips: bool = field(default=True, metadata={"omit_if": True})

        @property
        def text(self) -> str:
            return f"one in {self.stride}; a short video starts again"

        def build(self, frames: int) -> "CyclicSampling":
            return CyclicSampling(frames, self)

        def for_test(self, evaluation: EvalConfig) -> Self:
            return replace(super().for_test(evaluation), late_short_clips=evaluation.late_short_clips)

    def __init__(self, frames: int, config: Config) -> None:
        super().__init__(frames)
        self.stride = config.stride
        self.late_short_clips = config.late_short_clips

    def random(self, timeline: Timeline) -> Indices:
        """Frame indices of a clip with a random start, drawn from the state of `random`.

        As released, the last possible start is never drawn.
        """
        return self.from_start(timeline, random.randrange(max(self.num_starts(timeline) - 1, 1)))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips that start at k / num_views of the video, or at the last start. A single view starts with the video.

        As released, the last start is one frame late, so that its clip ends with the first frame. A video that is no
        longer than a clip has one start in the released code, its first frame.
        """
        last = self.num_starts(timeline)
        if last == 1 and not self.late_short_clips:
            last = 0
        return [
            self.from_start(timeline, min(view * timeline.num_frames // num_views, last)) for view in range(num_views)
        ]

    def num_starts(self, timeline: Timeline) -> int:
        """Number of starts of clips within a video; 1 for a video that is shorter than a clip."""
        return max(timeline.num_frames - self.frames * self.stride + 1, 1)

    def from_start(self, timeline: Timeline, start: int) -> Indices:
        return (start + self.stride * np.arange(self.frames)) % timeline.num_frames
