"""Frame sampling of clips: dense sampling (Kinetics) and segment sampling (Something-Something V2).

Follows the released Motionformer code (https://github.com/facebookresearch/Motionformer). F: frames of a clip.
"""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from data.evaluation import EvalConfig, check_span, check_stride
from data.ranges import check_fields

Indices = NDArray[np.int64]


PART_EACH = "one of each of as many equal parts of the video"  # description of samplings


@dataclass(frozen=True)
class Timeline:
    """Presentation times of the frames of a video in seconds from the first, ascending; and their average rate."""

    times: NDArray[np.float64]
    fps: Fraction

    @property
    def num_frames(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> Fraction:
        """Duration of the video in seconds."""
        return self.num_frames / self.fps


class Sampling(ABC):
    """Frame sampling of clips.

    Args:
        frames: F, the number of frames of a clip.
    """

    def __init__(self, frames: int) -> None:
        self.frames = frames

    @abstractmethod
    def random(self, timeline: Timeline) -> Indices:
        """Frame indices of a training clip, drawn from the state of `random`."""

    @abstractmethod
    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Frame indices of each test view. A single view is the middle of the video."""


@dataclass(frozen=True, kw_only=True)
class SamplingConfig(ABC):
    """Settings of a frame sampling."""

    @property
    @abstractmethod
    def text(self) -> str:
        """The sampled frames in words."""

    @abstractmethod
    def build(self, frames: int) -> Sampling:
        """Sampling of clips with this number of frames."""

    @abstractmethod
    def for_test(self, evaluation: EvalConfig) -> "SamplingConfig":
        """Settings of the sampling under a test protocol.

        Raises:
            ValueError: for a protocol that this sampling does not support.
        """

    @property
    def expected_fps(self) -> int | None:
        """Frame rate for which the settings are meant; None if there is none."""
        return None

    def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
        """Start of each test view, as a share of the video's duration minus the clip's duration."""
        return (Fraction(1, 2),) if num_views == 1 else tuple(Fraction(view, num_views) for view in range(num_views))


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

        stride: int = 4
        nominal_fps: int = 30
        span: float | None = field(default=None, metadata={"omit_if": None})
        from_fractions: bool = field(default=False, metadata={"omit_if": False})

        def __post_init__(self) -> None:
            check_span(self.span, "data.sampling.span")
            check_stride(self.stride, "data.sampling.stride")
            check_fields("data.sampling", self, "nominal_fps", least=1)

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
        """Frame indices of a clip with a random start, drawn from the state of `random`."""
        from pytorchvideo.data.clip_sampling import make_clip_sampler  # here: it is slow to import

        sampler = make_clip_sampler("random", self.clip_seconds(timeline))
        clip = sampler(0, timeline.seconds, {})
        return self.from_start(timeline, float(clip.clip_start_sec))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips that start at max(duration - clip, 0) * k / num_views. The last one ends before the video ends.

        Differs from the released code: a single view is the middle of the video, not its start.
        """
        from pytorchvideo.data.clip_sampling import make_clip_sampler  # here: it is slow to import

        if num_views == 1:
            return [self.centre(timeline)]
        sampler = make_clip_sampler("constant_clips_per_video", self.clip_seconds(timeline), num_views)
        clips = [sampler(0, timeline.seconds, {}) for _ in range(num_views)]
        return [self.from_start(timeline, float(clip.clip_start_sec)) for clip in clips]

    def centre(self, timeline: Timeline) -> Indices:
        return self.views(timeline, 2)[1]

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
        """Duration of a clip of a video in seconds."""
        if self.config.span is not None:
            return Fraction(str(self.config.span)) * timeline.seconds
        return Fraction(self.frames * self.config.stride, self.config.nominal_fps)


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

        nominal_fps: int | None = 30
        span: float = field(default=1.0, metadata={"omit_if": 1.0})

        def __post_init__(self) -> None:
            check_span(self.span, "data.sampling.span")
            check_fields("data.sampling", self, "nominal_fps", least=1)

        @property
        def expected_fps(self) -> int | None:
            return self.nominal_fps

        @property
        def text(self) -> str:
            return (
                PART_EACH if self.span == 1 else f"one of each of as many equal parts of {self.span:.0%} of the video"
            )

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
        self.nominal_fps = config.nominal_fps
        self.span = config.span

    def random(self, timeline: Timeline) -> Indices:
        """Index of a random frame of each segment, both ends included, drawn from the state of `random`."""
        start = random.random() if self.span < 1 else 0.0
        ends = self.segment_ends(self.num_nominal_frames(timeline), start)
        indices = [random.randint(start, end) for start, end in pairwise(ends)]
        return self.source_indices(timeline, np.array(indices))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Frame indices of evenly spaced clips. A clip that spans the whole video has a single view.

        Raises:
            ValueError: for several views of the whole video, which would be equal.
        """
        if num_views == 1:
            return [self.centre(timeline)]
        if self.span == 1:
            raise ValueError(f"segment sampling spans the whole video: {num_views} views would be the same, use 1")
        return [self.segment_middles(timeline, view / num_views) for view in range(num_views)]

    def centre(self, timeline: Timeline) -> Indices:
        return self.segment_middles(timeline, 0.5)

    def segment_middles(self, timeline: Timeline, start: float) -> Indices:
        """Index of the middle frame of each segment of a clip.

        Args:
            start: start of the clip, as a share of the video's duration minus the clip's duration.
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
        """Number of frames of the video at the nominal rate."""
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
