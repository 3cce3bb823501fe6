"""Dense sampling at a stride in frames of the video. The last frame fills up the clips of a short video.

Follows https://github.com/KHU-VLL/CAST. F: frames of a clip, L: frames of the video, r: stride.
"""

import random
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data.sampling import Indices, Sampling, Timeline
from data.stride_config import StrideConfig


class PaddedSampling(Sampling):
    """F frames of a random span of F r frames (training), or of evenly spaced clips of every r-th frame (testing).

    As released, the two differ: the F frames of a span are (F r) / (F - 1) frames apart, those of a test clip r frames.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(StrideConfig):
        """Stride in frames of the video, whatever its frame rate."""

        stride: int = 4

        @property
        def text(self) -> str:
            return f"one in {self.stride}; the last one fills up the clip of a short video"

        def build(self, frames: int) -> "PaddedSampling":
            return PaddedSampling(frames, self.stride)

        def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
            """Start of each test view, as a share of the last start, with which the last view begins.

            Differs from the released code, which cannot test a single view: it is the clip in the middle.
            """
            if num_views == 1:
                return (Fraction(1, 2),)
            return tuple(Fraction(view, num_views - 1) for view in range(num_views))

    def __init__(self, frames: int, stride: int) -> None:
        super().__init__(frames)
        self.stride = stride

    def random(self, timeline: Timeline) -> Indices:
        """Frame indices of a span with a random end, drawn from the state of `random`.

        The indices are trunc(linspace(start, start + F r, F)), and the last one is reduced to start + F r - 1. As
        released, a span stops before the last frame of the video, which is never drawn.
        """
        length = self.frames * self.stride
        if timeline.num_frames <= length:
            return self.whole(timeline)
        start = random.randrange(timeline.num_frames - length)
        steps = np.linspace(start, start + length, self.frames)
        return np.clip(steps, start, start + length - 1).astype(np.int64)

    def whole(self, timeline: Timeline) -> Indices:
        """Frame indices of a video of at most F r frames: L // r of them from first to last, then the last frame."""
        num_steps = timeline.num_frames // self.stride
        steps = np.linspace(0, timeline.num_frames, num_steps)
        padded = np.append(steps, np.full(self.frames - num_steps, timeline.num_frames))
        return np.clip(padded, 0, timeline.num_frames - 1).astype(np.int64)

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips of F successive ones of every r-th frame; the last frame of those fills up a short video.

        Of M such frames, clip k of K starts at trunc(k (M - F) / (K - 1)).
        """
        every = np.arange(0, timeline.num_frames, self.stride)  # (M,)
        every = np.append(every, np.full(max(self.frames - len(every), 0), every[-1]))
        step = (len(every) - self.frames) / max(num_views - 1, 1)
        starts = [int(view * step) for view in range(num_views)] if num_views > 1 else [int(step / 2)]
        return [every[start : start + self.frames] for start in starts]
