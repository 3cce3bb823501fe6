"""Clips that go on with the start of a short video."""

import random
from fractions import Fraction

import numpy as np
import pytest

from data.sampling.base import Timeline
from data.sampling.strides import CyclicSampling
from interface.evaluation import EvalConfig


def timeline(num_frames: int) -> Timeline:
    return Timeline(np.arange(num_frames) / 25, Fraction(25))


@pytest.fixture
def sampling() -> CyclicSampling:
    return CyclicSampling.Config(stride=32).build(8)


def test_views_start_at_equal_parts_of_the_video_or_at_the_last_start(sampling: CyclicSampling) -> None:
    views = sampling.views(timeline(300), 10)
    assert [int(view[0]) for view in views] == [0, 30, 45, 45, 45, 45, 45, 45, 45, 45]
    assert views[0].tolist() == list(range(0, 256, 32))
    assert views[-1].tolist() == [45, 77, 109, 141, 173, 205, 237, 269]


def test_a_short_video_starts_again(sampling: CyclicSampling) -> None:
    assert sampling.views(timeline(100), 1)[0].tolist() == [0, 32, 64, 96, 28, 60, 92, 24]
    assert sampling.random(timeline(100))[0] == 0
    assert [int(view[0]) for view in sampling.views(timeline(100), 3)] == [0, 1, 1]


def test_all_views_of_a_video_up_to_a_clip_long_start_with_it_unless_late() -> None:
    def starts(num_frames: int, late: bool) -> list[int]:
        config = CyclicSampling.Config(stride=32).for_test(EvalConfig(views=10, late_short_clips=late))
        return [int(view[0]) for view in config.build(8).views(timeline(num_frames), 10)]

    def released(num_frames: int) -> list[int]:
        bound = max(num_frames - 256 + 1, 1)
        return [0 if bound == 1 else min(int(view * num_frames / 10), bound) for view in range(10)]

    for num_frames in (8, 100, 255, 256, 257, 300, 3000):
        assert starts(num_frames, late=False) == released(num_frames)
    assert starts(256, late=True) == [0, *9 * [1]]


def test_random_starts_are_those_of_the_released_code(sampling: CyclicSampling) -> None:
    random.seed(0)
    starts = {int(sampling.random(timeline(260))[0]) for _ in range(200)}
    assert starts == {0, 1, 2, 3}  # of five possible ones, the last is never drawn


def test_fewer_views_are_part_of_more() -> None:
    config = CyclicSampling.Config()
    assert set(config.view_starts(5)) <= set(config.view_starts(10))
    assert config.view_starts(1) == (0,)


def test_the_protocol_may_change_the_stride_and_has_no_span() -> None:
    assert CyclicSampling.Config().for_test(EvalConfig(stride=8)).stride == 8
    with pytest.raises(ValueError, match="has a stride in frames"):
        CyclicSampling.Config().for_test(EvalConfig(span=0.5))
    with pytest.raises(ValueError, match="stride"):
        CyclicSampling.Config(stride=0)
