"""Clips at a stride, of which the first starts with the video."""

import random
from fractions import Fraction

import numpy as np
import pytest

from data.sampling.base import Timeline
from data.sampling.strides import StridedSampling
from interface.evaluation import EvalConfig


def timeline(num_frames: int, fps: int = 30) -> Timeline:
    return Timeline(np.arange(num_frames) / fps, Fraction(fps))


def expected_view(num_frames: int, span: float, view: int, views: int) -> list[int]:
    """Indices of a view by the authors' rule."""
    start = max(num_frames - span, 0) * view / views
    return [min(max(int(value), 0), num_frames - 1) for value in np.linspace(start, start + span - 1, 16)]


@pytest.mark.parametrize("num_frames", [1, 20, 100, 255, 256, 300, 301, 750])
@pytest.mark.parametrize("views", [1, 2, 4, 10])
def test_views_start_with_the_video_and_are_evenly_spaced(num_frames: int, views: int) -> None:
    sampling = StridedSampling.Config(stride=16).build(16)
    for number, view in enumerate(sampling.views(timeline(num_frames), views)):
        assert view.tolist() == expected_view(num_frames, 256, number, views)


@pytest.mark.parametrize("fps", [12, 24, 25, 50])
def test_a_stride_counts_frames_at_the_nominal_rate_or_those_of_the_video(fps: int) -> None:
    at_rate = StridedSampling.Config(stride=16).build(16)
    assert at_rate.views(timeline(300, fps), 2)[1].tolist() == expected_view(300, 256 * fps / 30, 1, 2)
    plain = StridedSampling.Config(stride=16, nominal_fps=None).build(16)
    assert plain.views(timeline(300, fps), 2)[1].tolist() == expected_view(300, 256, 1, 2)


def test_a_single_view_is_the_first_clip_of_the_video() -> None:
    (view,) = StridedSampling.Config(stride=16).build(16).views(timeline(300), 1)
    assert (view[0], view[-1]) == (0, 255)


def test_random_starts_are_uniform_over_the_video() -> None:
    sampling = StridedSampling.Config(stride=16).build(16)
    random.seed(0)
    starts = np.array([sampling.random(timeline(356))[0] for _ in range(4000)])
    assert (starts.min(), starts.max()) == (0, 99)
    assert starts.mean() == pytest.approx(49.5, abs=1.5)
    assert sampling.random(timeline(100)).tolist() == expected_view(100, 256, 0, 1)
    random.seed(1)
    first = sampling.random(timeline(356))
    random.seed(1)
    assert first.tolist() == sampling.random(timeline(356)).tolist()


def test_fewer_views_are_part_of_more() -> None:
    config = StridedSampling.Config()
    assert set(config.view_starts(5)) <= set(config.view_starts(10))
    assert config.view_starts(1) == (0,)


def test_the_protocol_may_change_the_stride_and_has_no_span() -> None:
    assert StridedSampling.Config().for_test(EvalConfig(stride=8)).stride == 8
    assert StridedSampling.Config().for_test(EvalConfig()) == StridedSampling.Config()
    with pytest.raises(ValueError, match=r"^evaluation\.span: .*set evaluation\.stride instead"):
        StridedSampling.Config().for_test(EvalConfig(span=0.5))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^data\.sampling\.stride is 0"):
        StridedSampling.Config(stride=0)
    with pytest.raises(ValueError, match=r"^data\.sampling\.nominal_fps is 0"):
        StridedSampling.Config(nominal_fps=0)
    assert StridedSampling.Config().expected_fps == 30
