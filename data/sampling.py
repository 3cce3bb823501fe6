"""Which frames make a clip: dense clips (Kinetics) and one frame of each of F segments (Something-Something V2).

Follows the released Motionformer code (https://github.com/facebookresearch/Motionformer); F frames a clip.
"""

import random
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """When the frames of a video are shown: seconds from the first one, ascending, and their average rate."""

    times: NDArray[np.float64]
    fps: Fraction

    @property
    def num_frames(self) -> int:
        """How many frames there are."""
        return len(self.times)

    @property
    def seconds(self) -> Fraction:
        """How long the video is."""
        return self.num_frames / self.fps


def check_span(span: float | None, where: str) -> None:
    """Refuse shares of a video that there are not.

    Raises:
        ValueError: naming where the share was given.
    """
    if span is not None and not 0 < span <= 1:
        raise ValueError(f"{where} is {span}; it is the share of a video that a clip spans, above 0 and at most 1")


def check_stride(stride: int | None, where: str) -> None:
    """Refuse strides that no clip can have.

    Raises:
        ValueError: naming where the stride was given.
    """
    if stride is not None and stride < 1:
        raise ValueError(f"{where} is {stride}; it must be 1 or more")


class DenseSampling:
    """F frames at a stride, counted at a nominal rate, starting anywhere (training) or at even places (testing).

    The clip is c = F * stride * fps / nominal fps source frames long and the indices are
    trunc(linspace(0, c - 1, F)) from its start; those beyond the end are the last frame.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Stride in frames of a video at the nominal rate; or the share of each video that a clip spans instead."""

        stride: int = 4
        nominal_fps: int = 30
        span: float | None = field(default=None, metadata={"omit_if": None})

        def __post_init__(self) -> None:
            """Refuse what no clip can span."""
            check_span(self.span, "data.sampling.span")
            check_stride(self.stride, "data.sampling.stride")

        def build(self, frames: int) -> "DenseSampling":
            """The sampling of clips of so many frames."""
            return DenseSampling(frames, self)

    def __init__(self, frames: int, config: Config) -> None:
        self.frames = frames
        self.config = config

    def random(self, timeline: Timeline) -> Indices:
        """A clip that starts anywhere; drawn from the state of `random`."""
        from pytorchvideo.data.clip_sampling import make_clip_sampler  # here: it is slow to import

        sampler = make_clip_sampler("random", self.clip_seconds(timeline))
        clip = sampler(0, timeline.seconds, {})
        return self.from_start(timeline, float(clip.clip_start_sec))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips that start at max(duration - clip, 0) * k / num_views: the last one ends before the video does.

        Differs from the released code: a single view is the middle of the video, not its start.
        """
        from pytorchvideo.data.clip_sampling import make_clip_sampler  # here: it is slow to import

        if num_views == 1:
            return [self.centre(timeline)]
        sampler = make_clip_sampler("constant_clips_per_video", self.clip_seconds(timeline), num_views)
        clips = [sampler(0, timeline.seconds, {}) for _ in range(num_views)]
        return [self.from_start(timeline, float(clip.clip_start_sec)) for clip in clips]

    def centre(self, timeline: Timeline) -> Indices:
        """The clip in the middle of the video."""
        return self.views(timeline, 2)[1]

    def from_start(self, timeline: Timeline, start: float) -> Indices:
        """The clip that starts with the first frame shown at or after a time."""
        # A microsecond: containers round times to their own clock.
        first = int(np.searchsorted(timeline.times, start - 1e-6))
        length = float(self.clip_seconds(timeline) * timeline.fps)
        steps = np.linspace(0, max(length - 1, 0), self.frames).astype(np.int64)
        return np.minimum(first + steps, timeline.num_frames - 1)

    def clip_seconds(self, timeline: Timeline) -> Fraction:
        """How long a clip of a video is."""
        if self.config.span is not None:
            return Fraction(str(self.config.span)) * timeline.seconds
        return Fraction(self.frames * self.config.stride, self.config.nominal_fps)


class SegmentSampling:
    """One frame of each of F equal segments of the video: a random one (training) or the middle one.

    The authors cut the videos into frames at 30 a second first, which repeats frames of a slower video; the
    same frames are found here without writing them.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The rate at which the video is cut into frames (None: its own), and the share of it that a clip spans.

        The stride that evenly covers the video is called S in the paper's Figure 3; a share of k is a stride of k S.
        """

        nominal_fps: int | None = 30
        span: float = field(default=1.0, metadata={"omit_if": 1.0})

        def __post_init__(self) -> None:
            """Refuse what no clip can span."""
            check_span(self.span, "data.sampling.span")

        def build(self, frames: int) -> "SegmentSampling":
            """The sampling of clips of so many frames."""
            return SegmentSampling(frames, self)

    def __init__(self, frames: int, config: Config) -> None:
        self.frames = frames
        self.nominal_fps = config.nominal_fps
        self.span = config.span

    def random(self, timeline: Timeline) -> Indices:
        """A random frame of each segment, both ends included; drawn from the state of `random`."""
        start = random.random() if self.span < 1 else 0.0
        ends = self.segment_ends(self.num_shown(timeline), start)
        picked = [random.randint(start, end) for start, end in pairwise(ends)]
        return self.source_indices(timeline, np.array(picked))

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Clips at even places; the only one there is where clips span the whole video.

        Raises:
            ValueError: for more than one of the whole video, which would all be the same.
        """
        if num_views == 1:
            return [self.centre(timeline)]
        if self.span == 1:
            raise ValueError(f"segment sampling spans the whole video: {num_views} views would be the same, use 1")
        return [self.middles(timeline, view / num_views) for view in range(num_views)]

    def centre(self, timeline: Timeline) -> Indices:
        """The clip in the middle of the video."""
        return self.middles(timeline, 0.5)

    def middles(self, timeline: Timeline, start: float) -> Indices:
        """The middle frame of each segment of a clip; it starts at that share of what it leaves of the video."""
        ends = self.segment_ends(self.num_shown(timeline), start)
        picked = [(start + end) // 2 for start, end in pairwise(ends)]
        return self.source_indices(timeline, np.array(picked))

    def segment_ends(self, num_shown: int, start: float = 0.0) -> list[int]:
        """Where segments meet, F + 1 numbers."""
        segment = self.span * (num_shown - 1) / self.frames
        first = start * (1 - self.span) * (num_shown - 1)
        return [round(first + segment * i) for i in range(self.frames + 1)]

    def num_shown(self, timeline: Timeline) -> int:
        """How many frames the video has at the nominal rate."""
        if self.nominal_fps is None:
            return timeline.num_frames
        return max(1, round(float(timeline.num_frames / timeline.fps * self.nominal_fps)))

    def source_indices(self, timeline: Timeline, shown: Indices) -> Indices:
        """The frames of the file that are shown at places of the nominal rate."""
        if self.nominal_fps is None:
            return shown
        first_shown = np.round(timeline.times * self.nominal_fps)
        return np.maximum(np.searchsorted(first_shown, shown, side="right") - 1, 0)
