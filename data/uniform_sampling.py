"""Uniform sampling over the whole video, with up to two test views.

Follows https://github.com/KHU-VLL/CAST. F: frames of a clip, L: frames of the video.
"""

import random
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from data.evaluation import EvalConfig
from data.sampling import PART_EACH, Indices, Sampling, SamplingConfig, Timeline

MAX_VIEWS = 2


class UniformSampling(Sampling):
    """One of the video's own frames in each of F equal segments: a random one (training), or one for each view.

    In training, segments have L // F frames, so that the last L % F frames of the video are never drawn. In tests, they
    have L / F frames.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(SamplingConfig):
        """No options."""

        @property
        def text(self) -> str:
            return PART_EACH

        def build(self, frames: int) -> "UniformSampling":
            return UniformSampling(frames)

        def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
            """Place of each test view in the segments, as a share of their length. A single view is in the middle.

            Differs from the released code, whose single view has 2 F frames.
            """
            return (Fraction(1, 2),) if num_views == 1 else (Fraction(0), Fraction(1, 2))

        def for_test(self, evaluation: EvalConfig) -> "UniformSampling.Config":
            if evaluation.stride is not None or evaluation.span is not None:
                name = "span" if evaluation.stride is None else "stride"
                raise ValueError(f"evaluation.{name}: clips of this sampling span the whole video; leave it None")
            if evaluation.views > MAX_VIEWS:
                raise ValueError(
                    f"evaluation.views is {evaluation.views}; at most {MAX_VIEWS}: the first and the middle frame of "
                    f"each segment"
                )
            return self

    def random(self, timeline: Timeline) -> Indices:
        """Index of a random frame of each segment, drawn from the state of `random`.

        As released, a video with fewer than F frames gives its first frame F times.
        """
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
