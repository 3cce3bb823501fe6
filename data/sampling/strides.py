"""Sampling of clips of frames at a stride. F: frames of a clip, L: frames of the video, r: stride.

Dense sampling follows https://github.com/facebookresearch/Motionformer, strided sampling
https://github.com/1adrianb/video-transformers, cyclic sampling
https://github.com/VideoNetworks/TokShift-Transformer and padded sampling https://github.com/KHU-VLL/CAST.
"""

import random
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Self

import numpy as np

from data.sampling.base import Indices, Sampling, SamplingConfig, Timeline
from interface.evaluation import EvalConfig
from interface.ranges import Count, ShareAboveZero


class DenseSampling(Sampling):
    """F frames at a stride, measured at a nominal frame rate. Starts are random (training) or evenly spaced (testing).

    A clip is c = F * stride * fps / nominal fps source frames long. Its indices are trunc(linspace(0, c - 1, F)) from
    its start. Indices beyond the end of the video give the last frame.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(SamplingConfig):
        """Stride in frames at the nominal rate. `span`, the share of each video that a clip spans, replaces it.

        `from_fractions`: a clip may start between two frames, and frames are those before the exact places; the last
        frame of a video is never read. So does the released code with pictures (EPIC-Kitchens).
        """

        stride: Count = 4
        nominal_fps: Count = 30
        span: ShareAboveZero | None = field(default=None, metadata={"omit_if": None})
        from_fractions: bool = field(default=False, metadata={"omit_if": False})

        @property
        def expected_fps(self) -> int | None:
            return self.nominal_fps

        @property
        def text(self) -> str:
            if self.span is not None:
                return f"evenly over {self.span:.0%} of the video"
            return f"one in {self.stride} of a video of {self.nominal_fps} frames per second"

        def build(self, frames: int) -> "DenseSampling":
            return DenseSampling(frames, self)

        def for_test(self, evaluation: EvalConfig) -> "DenseSampling.Config":
            config = self
            if evaluation.span is not None:
                config = replace(config, span=evaluation.span)
            if evaluation.stride is not None:
                config = replace(config, stride=evaluation.stride, span=None)
            if config.span == 1 and evaluation.views != 1:
                views = evaluation.views
                raise ValueError(f"clips that span the whole video have one view; evaluation.views is {views}")
            return config

    def __init__(self, frames: int, config: Config) -> None:
        super().__init__(frames)
        self.config = config

    def random(self, timeline: Timeline) -> Indices:
        from pytorchvideo.data.clip_sampling import make_clip_sampler  # here: it is slow to import

        sampler = make_clip_sampler("random", self.clip_seconds(timeline))
        clip = sampler(0, timeline.seconds, {})
        return self.from_start(timeline, float(clip.clip_start_sec))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips that start at max(duration - clip, 0) * k / num_views. The last one ends before the video ends.

        Differs from the released code: a single view is the middle of the video, not its start.
        """
        room = max(timeline.seconds - self.clip_seconds(timeline), Fraction(0))
        return [self.from_start(timeline, float(room * share)) for share in self.config.view_starts(num_views)]

    def from_start(self, timeline: Timeline, start: float) -> Indices:
        """Frame indices of the clip that starts with the first frame at or after `start` seconds."""
        length = float(self.clip_seconds(timeline) * timeline.fps)
        steps = np.linspace(0, max(length - 1, 0), self.frames)
        # Tolerance of a microsecond: containers round times to their time base.
        if self.config.from_fractions:
            places = ((start + 1e-6) * float(timeline.fps) + steps).astype(np.int64)
            return np.minimum(places, max(timeline.num_frames - 2, 0))
        first = int(np.searchsorted(timeline.times, start - 1e-6))
        return np.minimum(first + steps.astype(np.int64), timeline.num_frames - 1)

    def clip_seconds(self, timeline: Timeline) -> Fraction:
        if self.config.span is not None:
            return Fraction(str(self.config.span)) * timeline.seconds
        return Fraction(self.frames * self.config.stride, self.config.nominal_fps)


@dataclass(frozen=True, kw_only=True)
class StrideConfig(SamplingConfig):
    """Settings of a sampling at a stride, which a test protocol may change."""

    stride: Count

    def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
        """Start of each test view, as a share of the range of starts. A single view starts with the video."""
        return tuple(Fraction(view, num_views) for view in range(num_views))

    def for_test(self, evaluation: EvalConfig) -> Self:
        if evaluation.span is not None:
            raise ValueError("evaluation.span: this sampling has a stride in frames; set evaluation.stride instead")
        return self if evaluation.stride is None else replace(self, stride=evaluation.stride)


class StridedSampling(Sampling):
    """F frames at a stride, from a random start (training) or evenly spaced starts (testing).

    A clip is c = F * stride * fps / nominal fps frames long. Its indices are trunc(linspace(start, start + c - 1, F)),
    where the start is a real number. Indices beyond the end of the video give the last frame.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(StrideConfig):
        """Stride in frames at the nominal rate, or in frames of the video if that is None."""

        stride: Count = 16
        nominal_fps: Count | None = 30

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
        indices = np.linspace(start, start + self.length(timeline) - 1, self.frames).astype(np.int64)
        return np.clip(indices, 0, timeline.num_frames - 1)


class CyclicSampling(Sampling):
    """F frames at a stride in frames of the video, from a random start (training) or evenly spaced starts (testing)."""

    @dataclass(frozen=True, kw_only=True)
    class Config(StrideConfig):
        """Stride in frames of the video, whatever its frame rate. A test sets `late_short_clips` as in its protocol."""

        stride: Count = 32
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
        """As released, the last possible start is never drawn."""
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


class PaddedSampling(Sampling):
    """F frames of a random span of F r frames (training), or of evenly spaced clips of every r-th frame (testing).

    As released, the two differ: the F frames of a span are (F r) / (F - 1) frames apart, those of a test clip r frames.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(StrideConfig):
        """Stride in frames of the video, whatever its frame rate."""

        stride: Count = 4

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
        """Indices trunc(linspace(start, start + F r, F)), the last one reduced to start + F r - 1.

        As released, a span stops before the last frame of the video, which is never drawn.
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
