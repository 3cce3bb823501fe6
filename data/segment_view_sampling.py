"""Segment sampling with up to three test views: the middle, the first and the last frame of each segment.

Follows https://github.com/1adrianb/video-transformers.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data.evaluation import EvalConfig
from data.sampling import PART_EACH, Indices, Sampling, SamplingConfig, SegmentSampling, Timeline

MAX_VIEWS = 3


class SegmentViewSampling(Sampling):
    """One of the video's own frames in each of F equal segments: a random one (training), or one for each view."""

    @dataclass(frozen=True, kw_only=True)
    class Config(SamplingConfig):
        """No options."""

        @property
        def text(self) -> str:
            return PART_EACH

        def build(self, frames: int) -> "SegmentViewSampling":
            return SegmentViewSampling(frames)

        def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
            """Place of each test view in the segments, as a share of their length."""
            return (Fraction(1, 2), Fraction(0), Fraction(1))[:num_views]

        def for_test(self, evaluation: EvalConfig) -> "SegmentViewSampling.Config":
            if evaluation.stride is not None or evaluation.span is not None:
                name = "span" if evaluation.stride is None else "stride"
                raise ValueError(f"evaluation.{name}: clips of segments span the whole video; leave it None")
            if evaluation.views > MAX_VIEWS:
                raise ValueError(
                    f"evaluation.views is {evaluation.views}; at most {MAX_VIEWS}: the middle, the first and the last "
                    f"frame of each segment"
                )
            return self

    def __init__(self, frames: int) -> None:
        super().__init__(frames)
        self.segments = SegmentSampling.Config(nominal_fps=None).build(frames)

    def random(self, timeline: Timeline) -> Indices:
        """Index of a random frame of each segment, both ends included, drawn from the state of `random`."""
        return self.segments.random(timeline)

    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        ends = self.segments.segment_ends(timeline.num_frames)
        return [self.segments.centre(timeline), np.array(ends[:-1]), np.array(ends[1:])][:num_views]
