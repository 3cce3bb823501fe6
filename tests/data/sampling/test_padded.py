"""Dense clips at a stride, compared with the authors' rule written out."""

import random
from fractions import Fraction

import numpy as np
import pytest

from data.sampling.base import Timeline
from data.sampling.strides import PaddedSampling
from interface.evaluation import EvalConfig

LENGTHS = [1, 2, 3, 4, 5, 15, 16, 17, 60, 61, 63, 64, 65, 66, 67, 68, 100, 128, 129, 250, 300, 301]


def timeline(num_frames: int, fps: int = 30) -> Timeline:
    return Timeline(np.arange(num_frames) / fps, Fraction(fps))


def spread(start: float, stop: float, number: int) -> list[float]:
    return [start + (stop - start) * i / (number - 1) for i in range(number)] if number > 1 else [start][:number]


def rule_of_training(num_frames: int, end: int) -> list[int]:
    """Indices of 16 frames at stride 4 for a drawn end."""
    if num_frames <= 64:
        points = spread(0, num_frames, num_frames // 4)
        points += [num_frames] * (16 - len(points))
        return [int(min(point, num_frames - 1)) for point in points]
    return [int(min(point, end - 1)) for point in spread(end - 64, end, 16)]


def rule_of_test(num_frames: int, clip: int, clips: int) -> list[int]:
    every = list(range(0, num_frames, 4))
    while len(every) < 16:
        every.append(every[-1])
    start = int(clip * max((len(every) - 16) / (clips - 1), 0))
    return every[start : start + 16]


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_training_clips_are_those_of_the_rule(num_frames: int) -> None:
    sampling = PaddedSampling.Config(stride=4).build(16)
    random.seed(0)
    drawn = {tuple(sampling.random(timeline(num_frames)).tolist()) for _ in range(40 * max(num_frames - 64, 1))}
    ends = range(64, num_frames) if num_frames > 64 else [0]
    assert drawn == {tuple(rule_of_training(num_frames, end)) for end in ends}


def test_training_clips_of_short_videos_are_these() -> None:
    sampling = PaddedSampling.Config(stride=4).build(16)
    assert sampling.random(timeline(3)).tolist() == [2] * 16  # no point at all: the last frame
    assert sampling.random(timeline(7)).tolist() == [0] + [6] * 15  # one point
    assert sampling.random(timeline(16)).tolist() == [0, 5, 10] + [15] * 13  # 0, 16/3, 32/3, 16
    full = sampling.random(timeline(64)).tolist()
    assert full == [0, 4, 8, 12, 17, 21, 25, 29, 34, 38, 42, 46, 51, 55, 59, 63]
    assert sampling.random(timeline(65)).tolist() == full  # the only start: the last frame is never drawn


def test_random_spans_are_uniform() -> None:
    sampling = PaddedSampling.Config().build(16)
    random.seed(0)
    starts, counts = np.unique([sampling.random(timeline(74))[0] for _ in range(5000)], return_counts=True)
    assert starts.tolist() == list(range(10))
    assert counts.min() > 400 and counts.max() < 600
    random.seed(4)
    first = sampling.random(timeline(300)).tolist()
    random.seed(4)
    assert sampling.random(timeline(300)).tolist() == first


@pytest.mark.parametrize("num_frames", LENGTHS)
@pytest.mark.parametrize("views", [2, 3, 5, 10])
def test_test_views_are_those_of_the_rule(num_frames: int, views: int) -> None:
    sampling = PaddedSampling.Config(stride=4).build(16)
    for clip, view in enumerate(sampling.views(timeline(num_frames), views)):
        assert view.tolist() == rule_of_test(num_frames, clip, views)


def test_test_views_are_these() -> None:
    views = PaddedSampling.Config().build(16).views(timeline(102), 5)  # M = 26: starts at 0, 2.5, 5, 7.5 and 10
    assert [view[0] for view in views] == [0, 8, 20, 28, 40]
    assert views[1].tolist() == list(range(8, 72, 4))
    assert PaddedSampling.Config().build(16).views(timeline(6), 2)[1].tolist() == [0] + [4] * 15


def test_a_single_view_is_the_clip_in_the_middle() -> None:
    (view,) = PaddedSampling.Config().build(16).views(timeline(102), 1)
    assert view.tolist() == list(range(20, 84, 4))
    assert view.tolist() == rule_of_test(102, 1, 3)
    (short,) = PaddedSampling.Config().build(16).views(timeline(1), 1)
    assert short.tolist() == [0] * 16


@pytest.mark.parametrize("frames", [1, 8])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("num_frames", [1, 2, 7, 23, 24, 25, 90])
def test_clips_have_their_number_of_ascending_frames_of_the_video(frames: int, stride: int, num_frames: int) -> None:
    sampling = PaddedSampling.Config(stride=stride).build(frames)
    for view in [sampling.random(timeline(num_frames)), *sampling.views(timeline(num_frames), 3)]:
        assert view.shape == (frames,) and view.dtype == np.int64
        assert (np.diff(view) >= 0).all() and view[0] >= 0 and view[-1] < num_frames


def test_a_stride_counts_frames_of_the_video_at_any_rate() -> None:
    sampling = PaddedSampling.Config(stride=4).build(16)
    at_12, at_60 = (sampling.views(timeline(200, fps), 2)[1].tolist() for fps in (12, 60))
    assert at_12 == at_60
    assert PaddedSampling.Config().expected_fps is None


def test_fewer_views_are_part_of_more() -> None:
    config = PaddedSampling.Config()
    assert config.view_starts(1) == (Fraction(1, 2),)
    assert config.view_starts(5) == (0, Fraction(1, 4), Fraction(1, 2), Fraction(3, 4), 1)
    assert set(config.view_starts(3)) <= set(config.view_starts(5))
    assert not set(config.view_starts(4)) <= set(config.view_starts(5))


def test_the_protocol_may_change_the_stride_and_has_no_span() -> None:
    assert PaddedSampling.Config().for_test(EvalConfig(stride=8)) == PaddedSampling.Config(stride=8)
    with pytest.raises(ValueError, match=r"^evaluation\.span: "):
        PaddedSampling.Config().for_test(EvalConfig(span=0.5))
    with pytest.raises(ValueError, match=r"^data\.sampling\.stride is 0"):
        PaddedSampling.Config(stride=0)
