"""Segments with the middle, the first or the last frame of each."""

import random
from fractions import Fraction

import numpy as np
import pytest

from data.sampling.base import Timeline
from data.sampling.segments import SegmentViewSampling
from interface.evaluation import EvalConfig


def timeline(num_frames: int, fps: int = 12) -> Timeline:
    return Timeline(np.arange(num_frames) / fps, Fraction(fps))


def bounds(num_frames: int, frames: int) -> list[tuple[int, int]]:
    """First and last frame of each segment by the authors' rule."""
    size = (num_frames - 1) / frames
    return [(int(np.round(size * i)), int(np.round(size * (i + 1)))) for i in range(frames)]


@pytest.mark.parametrize("num_frames", [1, 2, 7, 16, 25, 37, 60, 118])
@pytest.mark.parametrize("frames", [8, 16])
def test_views_are_the_middle_the_first_and_the_last_frame_of_each_segment(num_frames: int, frames: int) -> None:
    views = SegmentViewSampling.Config().build(frames).views(timeline(num_frames), 3)
    segments = bounds(num_frames, frames)
    assert views[0].tolist() == [(a + b) // 2 for a, b in segments]
    assert views[1].tolist() == [a for a, _ in segments]
    assert views[2].tolist() == [b for _, b in segments]


def test_fewer_views_are_the_first_ones() -> None:
    sampling = SegmentViewSampling.Config().build(8)
    three = [view.tolist() for view in sampling.views(timeline(50), 3)]
    for number in (1, 2):
        assert [view.tolist() for view in sampling.views(timeline(50), number)] == three[:number]


def test_random_frames_are_uniform_over_each_segment_with_both_ends() -> None:
    sampling = SegmentViewSampling.Config().build(4)
    random.seed(0)
    drawn = np.array([sampling.random(timeline(13)) for _ in range(4000)])
    for column, (a, b) in zip(drawn.T, bounds(13, 4), strict=True):
        values, counts = np.unique(column, return_counts=True)
        assert values.tolist() == list(range(a, b + 1))
        assert counts.min() / len(drawn) > 0.9 / len(values)
    random.seed(3)
    again = sampling.random(timeline(13))
    random.seed(3)
    assert again.tolist() == sampling.random(timeline(13)).tolist()


def test_frames_are_those_of_the_video_at_any_rate() -> None:
    sampling = SegmentViewSampling.Config().build(8)
    assert sampling.views(timeline(40, 12), 1)[0].tolist() == sampling.views(timeline(40, 30), 1)[0].tolist()


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (EvalConfig(views=4), r"^evaluation\.views is 4; at most 3: the middle, the first and the last frame"),
        (EvalConfig(views=1, stride=2), r"^evaluation\.stride: "),
        (EvalConfig(views=1, span=0.5), r"^evaluation\.span: "),
    ],
)
def test_other_protocols_are_refused(evaluation: EvalConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        SegmentViewSampling.Config().for_test(evaluation)


def test_views_are_part_of_more_views() -> None:
    config = SegmentViewSampling.Config()
    assert config.for_test(EvalConfig(views=3)) == config
    three = config.view_starts(3)
    assert [three.index(start) for start in config.view_starts(2)] == [0, 1]
