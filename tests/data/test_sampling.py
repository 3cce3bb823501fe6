import random
from fractions import Fraction

import numpy as np
import pytest

from data.clips import drawing_from
from data.config import EvalConfig
from data.sampling import DenseSampling, SegmentSampling, Timeline


def timeline(num_frames: int, fps: Fraction | int = 30) -> Timeline:
    return Timeline(np.arange(num_frames) / float(fps), Fraction(fps))


def authors_view(
    num_frames: int, fps: float, view: int, num_views: int, frames: int = 16, stride: int = 4
) -> list[int]:
    """A test clip as the released code takes it: a window of frames, then `linspace` in it."""
    length = frames * stride / 30 * fps
    start = max(num_frames - length, 0) * view / num_views
    window = [i for i in range(num_frames) if i >= start - 1e-6]
    return [window[min(int(place), len(window) - 1)] for place in np.linspace(0, length - 1, frames)]


@pytest.mark.parametrize("fps", [30, 25, 12, 60])
@pytest.mark.parametrize("num_frames", [300, 250, 77, 64, 20, 1])
def test_dense_views_are_those_of_the_released_code(fps: int, num_frames: int) -> None:
    views = DenseSampling.Config(stride=4).build(16).views(timeline(num_frames, fps), 10)
    assert [view.tolist() for view in views] == [authors_view(num_frames, fps, k, 10) for k in range(10)]


def test_dense_views_of_a_ten_second_video_at_thirty_frames() -> None:
    views = DenseSampling.Config(stride=4).build(16).views(timeline(300), 10)
    assert views[0].tolist() == [int(i * 63 / 15) for i in range(16)]
    # Starts are max(300 - 64, 0) * k / 10, rounded up to a frame: the last clip ends before the video does.
    assert [view[0] for view in views] == [0, 24, 48, 71, 95, 118, 142, 166, 189, 213]
    assert views[9][-1] == 276


def test_clips_longer_than_the_video_repeat_its_last_frame() -> None:
    (view,) = DenseSampling.Config(stride=4).build(16).views(timeline(32), 1)
    assert view.tolist() == [min(int(i * 63 / 15), 31) for i in range(16)]


def test_random_dense_clips_start_anywhere_and_stay_inside() -> None:
    sampling = DenseSampling.Config(stride=4).build(16)
    with drawing_from(0):
        clips = np.stack([sampling.random(timeline(300)) for _ in range(2000)])
    assert clips[:, 0].min() <= 1
    assert 235 <= clips[:, 0].max() <= 236
    assert clips.max() <= 299
    assert (clips - clips[:, :1] == clips[0] - clips[0, 0]).all()


def test_centre_clip_lies_in_the_middle() -> None:
    clip = DenseSampling.Config(stride=4).build(16).centre(timeline(300))
    assert (clip[0], clip[-1]) == (118, 118 + 63)


def test_a_single_view_is_the_middle_of_the_video() -> None:
    for sampling in (DenseSampling.Config(stride=4), SegmentSampling.Config(span=0.25)):
        built = sampling.build(16)
        assert built.views(timeline(300), 1)[0].tolist() == built.centre(timeline(300)).tolist()


def test_a_dense_clip_may_span_a_share_of_the_video_whatever_its_stride() -> None:
    whole = DenseSampling.Config(stride=4, span=1.0).build(16)
    assert whole.views(timeline(300), 1)[0].tolist() == [int(i * 299 / 15) for i in range(16)]
    assert whole.random(timeline(77, 12))[[0, -1]].tolist() == [0, 76]
    half = DenseSampling.Config(span=0.5).build(16)
    assert half.centre(timeline(300))[[0, -1]].tolist() == [75, 75 + 149]


def test_segments_may_span_a_share_of_the_video() -> None:
    quarter = SegmentSampling.Config(span=0.25).build(16)
    ends = quarter.segment_ends(301, 0.5)
    assert (ends[0], ends[-1]) == (round(0.375 * 300), round(0.625 * 300))
    assert np.diff(ends).tolist() == pytest.approx([300 * 0.25 / 16] * 16, abs=1)
    first, second, third = (view.tolist() for view in quarter.views(timeline(301), 3))
    assert first[0] < 5
    assert first[-1] < second[-1] < third[-1]
    with drawing_from(0):
        clips = np.stack([quarter.random(timeline(301)) for _ in range(500)])
    assert clips.min() < 10
    assert clips.max() > 290
    assert (clips[:, -1] - clips[:, 0]).max() <= 0.25 * 300 + 1


@pytest.mark.parametrize("span", [0.0, 1.5, -1.0])
def test_a_clip_spans_no_more_than_the_video(span: float) -> None:
    for config in (DenseSampling.Config, SegmentSampling.Config):
        with pytest.raises(ValueError, match=r"data\.sampling\.span is .*above 0 and at most 1"):
            config(span=span)
    with pytest.raises(ValueError, match=r"evaluation\.span is .*above 0 and at most 1"):
        EvalConfig(span=span)


@pytest.mark.parametrize("stride", [0, -1])
def test_a_stride_is_one_frame_or_more(stride: int) -> None:
    with pytest.raises(ValueError, match=rf"data\.sampling\.stride is {stride}; it must be 1 or more"):
        DenseSampling.Config(stride=stride)
    with pytest.raises(ValueError, match=rf"evaluation\.stride is {stride}; it must be 1 or more"):
        EvalConfig(stride=stride)


def test_dense_clips_of_variable_rate_files_start_at_their_time() -> None:
    times = np.concatenate([np.arange(100) / 100, 1 + np.arange(100) / 10])  # average 18.2 a second
    video = Timeline(times, Fraction(200, 11))
    views = DenseSampling.Config(stride=1).build(4).views(video, 2)
    start = (200 - 4 / 30 * 200 / 11) / 2 / (200 / 11)
    assert views[1][0] == np.searchsorted(times, start)


def authors_segments(num_frames: int, frames: int) -> list[tuple[int, int]]:
    segment = (num_frames - 1) / frames
    return [(round(segment * i), round(segment * (i + 1))) for i in range(frames)]


@pytest.mark.parametrize("num_frames", [200, 90, 31, 5])
def test_segments_are_those_of_the_released_code(num_frames: int) -> None:
    sampling = SegmentSampling.Config().build(16)
    ends = authors_segments(num_frames, 16)
    assert sampling.centre(timeline(num_frames)).tolist() == [(start + end) // 2 for start, end in ends]
    with drawing_from(0):
        clips = np.stack([sampling.random(timeline(num_frames)) for _ in range(500)])
    assert clips.min(0).tolist() == [start for start, _ in ends]
    assert clips.max(0).tolist() == [end for _, end in ends]


def test_slow_videos_are_sampled_as_if_cut_into_thirty_frames_a_second() -> None:
    source = [frame for frame in range(36) for _ in range(3)]  # 10 a second, each frame three times
    shown = [(start + end) // 2 for start, end in authors_segments(108, 16)]
    sampling = SegmentSampling.Config().build(16)
    assert sampling.centre(timeline(36, 10)).tolist() == [source[place] for place in shown]
    as_they_lie = SegmentSampling.Config(nominal_fps=None).build(16).centre(timeline(36, 10))
    assert as_they_lie.tolist() == [(start + end) // 2 for start, end in authors_segments(36, 16)]


def test_a_video_of_one_frame_gives_a_clip() -> None:
    assert SegmentSampling.Config().build(8).random(timeline(1)).tolist() == [0] * 8
    assert DenseSampling.Config().build(8).random(timeline(1)).tolist() == [0] * 8


def test_segment_sampling_has_one_view() -> None:
    sampling = SegmentSampling.Config().build(16)
    assert sampling.views(timeline(90), 1)[0].tolist() == sampling.centre(timeline(90)).tolist()
    with pytest.raises(ValueError, match="3 views would be the same, use 1"):
        sampling.views(timeline(90), 3)


def test_draws_leave_the_outer_state_alone() -> None:
    random.seed(5)
    expected = [random.random() for _ in range(2)]
    random.seed(5)
    assert random.random() == expected[0]
    with drawing_from(1, 2, 3):
        DenseSampling.Config().build(8).random(timeline(300))
    assert random.random() == expected[1]
