"""Uniform clips of whole videos, compared with the authors' rule written out."""

import random
from fractions import Fraction

import numpy as np
import pytest

from data.sampling.base import Timeline
from data.sampling.segments import UniformSampling
from interface.evaluation import EvalConfig

LENGTHS = [1, 2, 7, 15, 16, 17, 24, 31, 32, 33, 47, 48, 63, 64, 65, 100, 301]


def timeline(num_frames: int, fps: int = 12) -> Timeline:
    return Timeline(np.arange(num_frames) / fps, Fraction(fps))


def rule_of_test(num_frames: int) -> tuple[list[int], list[int]]:
    """Both views: every second one of the sorted indices of both."""
    tick = num_frames / 16
    indices = sorted([int(tick / 2 + tick * i) for i in range(16)] + [int(tick * i) for i in range(16)])
    return indices[0::2], indices[1::2]


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_training_clips_have_a_uniform_frame_of_each_segment(num_frames: int) -> None:
    sampling = UniformSampling.Config().build(16)
    random.seed(0)
    average = num_frames // 16
    drawn = np.array([sampling.random(timeline(num_frames)) for _ in range(2000)])
    for place, column in enumerate(drawn.T):
        values, counts = np.unique(column, return_counts=True)
        allowed = [place * average + offset for offset in range(average)] if average > 0 else [0]
        assert values.tolist() == allowed
        assert counts.min() > 0.6 * len(drawn) / len(allowed)


def test_training_clips_are_these() -> None:
    sampling = UniformSampling.Config().build(16)
    for num_frames in range(1, 16):
        assert sampling.random(timeline(num_frames)).tolist() == [0] * 16
    for num_frames in (16, 17, 31):  # segments of one frame
        assert sampling.random(timeline(num_frames)).tolist() == list(range(16))
    random.seed(2)
    first = sampling.random(timeline(300)).tolist()
    random.seed(2)
    assert sampling.random(timeline(300)).tolist() == first


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_test_views_are_those_of_the_rule(num_frames: int) -> None:
    views = UniformSampling.Config().build(16).views(timeline(num_frames), 2)
    assert tuple(view.tolist() for view in views) == rule_of_test(num_frames)


def test_test_views_are_these() -> None:
    first, middle = UniformSampling.Config().build(16).views(timeline(40), 2)  # segments of 2.5 frames
    assert first.tolist() == [0, 2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30, 32, 35, 37]
    assert middle.tolist() == [1, 3, 6, 8, 11, 13, 16, 18, 21, 23, 26, 28, 31, 33, 36, 38]
    first, middle = UniformSampling.Config().build(16).views(timeline(4), 2)
    assert first.tolist() == middle.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3]


def test_a_single_view_is_the_middle_of_the_segments() -> None:
    sampling = UniformSampling.Config().build(16)
    (single,) = sampling.views(timeline(40), 1)
    assert single.tolist() == sampling.views(timeline(40), 2)[1].tolist()


@pytest.mark.parametrize("frames", [1, 7, 8])
@pytest.mark.parametrize("num_frames", [1, 3, 7, 8, 50])
def test_clips_have_their_number_of_ascending_frames_of_the_video(frames: int, num_frames: int) -> None:
    sampling = UniformSampling.Config().build(frames)
    for view in [sampling.random(timeline(num_frames)), *sampling.views(timeline(num_frames), 2)]:
        assert view.shape == (frames,) and view.dtype == np.int64
        assert (np.diff(view) >= 0).all() and view[0] >= 0 and view[-1] < num_frames


def test_the_place_of_a_single_view_is_among_those_of_two() -> None:
    config = UniformSampling.Config()
    assert config.view_starts(1) == config.view_starts(2)[1:]
    assert config.expected_fps is None


@pytest.mark.parametrize(
    ("evaluation", "message"),
    [
        (EvalConfig(views=3), r"^evaluation\.views is 3; at most 2: the first and the middle frame of each segment"),
        (EvalConfig(views=2, stride=2), r"^evaluation\.stride: "),
        (EvalConfig(views=2, span=0.5), r"^evaluation\.span: "),
    ],
)
def test_other_protocols_are_refused(evaluation: EvalConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UniformSampling.Config().for_test(evaluation)


def test_up_to_two_views_are_supported() -> None:
    config = UniformSampling.Config()
    assert config.for_test(EvalConfig(views=2)) == config.for_test(EvalConfig(views=1)) == config
