"""Sampling of one frame in each of F equal segments of a video. F: frames of a clip, L: frames of the video.

Segment sampling follows https://github.com/facebookresearch/Motionformer, its views
https://github.com/1adrianb/video-transformers, and uniform sampling https://github.com/KHU-VLL/CAST.
"""

import random
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, Self

import numpy as np

from data.sampling.base import PART_EACH, Indices, Sampling, SamplingConfig, Timeline
from interface.evaluation import EvalConfig
from interface.ranges import Count, ShareAboveZero


class SegmentSampling(Sampling):
    """One frame of each of F equal segments of the video: a random one (training) or the middle one (testing).

    The authors first extract frames at 30 frames per second, which repeats frames of a slower video. Here, without an
    extraction, the frames are those of ffmpeg's filter `fps=30`.

    Differs from the authors: their command, `ffmpeg -r 30` of version 4.1, rounds the durations of frames. In a video
    of 12 frames per second, a fifth of its output is the frame before or after that of the filter.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(SamplingConfig):
        """Frame rate of the extraction (None: the video's own), and share of the video that a clip spans.

        The paper's Figure 3 calls the stride that evenly covers the video S. A share of k is a stride of k S.
        """

        nominal_fps: Count | None = 30
        span: ShareAboveZero = field(default=1.0, metadata={"omit_if": 1.0})

        @property
        def expected_fps(self) -> int | None:
            return self.nominal_fps

        @property
        def text(self) -> str:
            whole = self.span == 1
            return PART_EACH if whole else f"one of each of as many equal parts of {self.span:.0%} of the video"

        def build(self, frames: int) -> "SegmentSampling":
            return SegmentSampling(frames, self)

        def for_test(self, evaluation: EvalConfig) -> "SegmentSampling.Config":
            config = self if evaluation.span is None else replace(self, span=evaluation.span)
            if evaluation.stride is not None:
                raise ValueError(
                    "segment sampling has no stride in frames: set evaluation.span, the share of the video"
                )
            if config.span == 1 and evaluation.views != 1:
                views = evaluation.views
                raise ValueError(f"segment sampling has one view, the whole video; evaluation.views is {views}")
            return config

    def __init__(self, frames: int, config: Config) -> None:
        super().__init__(frames)
        self.config = config
        self.nominal_fps = config.nominal_fps
        self.span = config.span

    def random(self, timeline: Timeline) -> Indices:
        start = random.random() if self.span < 1 else 0.0
        ends = self.segment_ends(self.num_nominal_frames(timeline), start)
        indices = [random.randint(start, end) for start, end in pairwise(ends)]
        return self.source_indices(timeline, np.array(indices))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Frame indices of evenly spaced clips. A clip that spans the whole video has a single view, the middle one."""
        return [self.segment_middles(timeline, float(start)) for start in self.config.view_starts(num_views)]

    def segment_middles(self, timeline: Timeline, start: float) -> Indices:
        """Index of the middle frame of each segment of a clip.

        `start`: start of the clip, as a share of the video's duration minus the clip's duration.
        """
        ends = self.segment_ends(self.num_nominal_frames(timeline), start)
        indices = [(start + end) // 2 for start, end in pairwise(ends)]
        return self.source_indices(timeline, np.array(indices))

    def segment_ends(self, num_nominal_frames: int, start: float = 0.0) -> list[int]:
        """The F + 1 boundaries of the segments, as indices at the nominal rate."""
        segment = self.span * (num_nominal_frames - 1) / self.frames
        first = start * (1 - self.span) * (num_nominal_frames - 1)
        return [round(first + segment * i) for i in range(self.frames + 1)]

    def num_nominal_frames(self, timeline: Timeline) -> int:
        if self.nominal_fps is None:
            return timeline.num_frames
        return max(1, round(float(timeline.num_frames / timeline.fps * self.nominal_fps)))

    def source_indices(self, timeline: Timeline, nominal_indices: Indices) -> Indices:
        """Indices of the source frames at indices of the nominal rate."""
        if self.nominal_fps is None:
            return nominal_indices
        # Halves are rounded up. The tolerance is that of times in floating point.
        first_nominal_indices = np.floor(timeline.times * self.nominal_fps + 0.5 + 1e-9)
        return np.maximum(np.searchsorted(first_nominal_indices, nominal_indices, side="right") - 1, 0)


@dataclass(frozen=True, kw_only=True)
class WholeVideoConfig(SamplingConfig):
    """Settings of clips of one frame of each of F equal parts of the video. Views differ in its place in the parts."""

    max_views: ClassVar[int]
    view_names: ClassVar[str]

    @property
    def text(self) -> str:
        return PART_EACH

    def for_test(self, evaluation: EvalConfig) -> Self:
        for name in ("stride", "span"):
            if getattr(evaluation, name) is not None:
                raise ValueError(f"evaluation.{name}: clips of this sampling span the whole video; leave it None")
        if evaluation.views > self.max_views:
            frames = f"{self.view_names} frame of each segment"
            raise ValueError(f"evaluation.views is {evaluation.views}; at most {self.max_views}: {frames}")
        return self


class SegmentViewSampling(Sampling):
    """One of the video's own frames in each of F equal segments: a random one (training), or one for each view."""

    @dataclass(frozen=True, kw_only=True)
    class Config(WholeVideoConfig):
        max_views = 3
        view_names = "the middle, the first and the last"

        def build(self, frames: int) -> "SegmentViewSampling":
            return SegmentViewSampling(frames)

        def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
            """Place of each test view in the segments, as a share of their length."""
            return (Fraction(1, 2), Fraction(0), Fraction(1))[:num_views]

    def __init__(self, frames: int) -> None:
        super().__init__(frames)
        self.segments = SegmentSampling.Config(nominal_fps=None).build(frames)

    def random(self, timeline: Timeline) -> Indices:
        return self.segments.random(timeline)

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        ends = self.segments.segment_ends(timeline.num_frames)
        return [*self.segments.views(timeline, 1), np.array(ends[:-1]), np.array(ends[1:])][:num_views]


class UniformSampling(Sampling):
    """One of the video's own frames in each of F equal segments: a random one (training), or one for each view.

    In training, segments have L // F frames, so that the last L % F frames of the video are never drawn. In tests, they
    have L / F frames.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(WholeVideoConfig):
        max_views = 2
        view_names = "the first and the middle"

        def build(self, frames: int) -> "UniformSampling":
            return UniformSampling(frames)

        def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
            """Place of each test view in the segments, as a share of their length. A single view is in the middle.

            Differs from the released code, whose single view has 2 F frames.
            """
            return (Fraction(1, 2),) if num_views == 1 else (Fraction(0), Fraction(1, 2))

    def random(self, timeline: Timeline) -> Indices:
        """As released, a video with fewer than F frames gives its first frame F times."""
        segment = timeline.num_frames // self.frames
        if segment == 0:
            return np.zeros(self.frames, np.int64)
        return np.array([segment * place + random.randrange(segment) for place in range(self.frames)])

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Index of the first and of the middle frame of each segment, rounded down. A single view has the latter.

        A segment of less than a frame repeats the frame before it.
        """
        segment = timeline.num_frames / self.frames
        first = np.array([int(segment * place) for place in range(self.frames)])
        middle = np.array([int(segment / 2 + segment * place) for place in range(self.frames)])
        return [middle] if num_views == 1 else [first, middle]
