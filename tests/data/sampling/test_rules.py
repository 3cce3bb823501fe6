"""Samplings of clips at a stride, or of a frame in each equal part of a video, beside the authors' rules."""

import contextlib
import math
import random
from fractions import Fraction

import av.error
import av.filter
import numpy as np
import pytest
from av.video.format import VideoFormat

from data.items import seeded
from data.sampling.base import Timeline
from data.sampling.segments import SegmentSampling, SegmentViewSampling, UniformSampling
from data.sampling.strides import CyclicSampling, DenseSampling, PaddedSampling, StridedSampling
from interface.evaluation import EvalConfig

LENGTHS = [1, 2, 3, 4, 5, 15, 16, 17, 60, 61, 63, 64, 65, 66, 67, 68, 100, 128, 129, 250, 300, 301]
SHORT_LENGTHS = [1, 2, 7, 15, 16, 17, 24, 31, 32, 33, 47, 48, 63, 64, 65, 100, 301]  # around multiples of 16


def timeline(num_frames: int, fps: Fraction | int = 30) -> Timeline:
    return Timeline(np.arange(num_frames) / float(fps), Fraction(fps))


# Clips at a stride


def authors_view(
    num_frames: int, fps: float, view: int, num_views: int, frames: int = 16, stride: int = 4
) -> list[int]:
    """Test clip of the released code: a window of frames, then `linspace` in it."""
    length = frames * stride / 30 * fps
    start = max(num_frames - length, 0) * view / num_views
    window = [i for i in range(num_frames) if i >= start - 1e-6]
    return [window[min(int(place), len(window) - 1)] for place in np.linspace(0, length - 1, frames)]


@pytest.mark.parametrize("fps", [30, 25, 12, 60])
@pytest.mark.parametrize("num_frames", [300, 250, 77, 64, 20, 1])
def test_dense_views_are_those_of_the_released_code(fps: int, num_frames: int) -> None:
    views = DenseSampling.Config(stride=4).build(16).views(timeline(num_frames, fps), 10)
    assert [view.tolist() for view in views] == [authors_view(num_frames, fps, k, 10) for k in range(10)]


@pytest.mark.parametrize("fps", [50, 60])
@pytest.mark.parametrize("num_frames", [2, 61, 107, 128, 300, 1234])
def test_clips_from_fractions_are_those_of_the_released_code_for_pictures(fps: int, num_frames: int) -> None:
    length = Fraction(64 * fps, 30)
    views = DenseSampling.Config(stride=4, from_fractions=True).build(16).views(timeline(num_frames, fps), 10)
    for number, view in enumerate(views):
        # Pictures count from 1. Sums without rounding errors: some are whole numbers.
        start = max(num_frames - length, 0) * Fraction(number, 10)
        pictures = [start + 1 + (length - 1) * Fraction(k, 15) for k in range(16)]
        assert view.tolist() == [math.floor(min(picture, num_frames - 1)) - 1 for picture in pictures]
        assert length < num_frames or view[-1] == num_frames - 2


def test_the_span_of_a_dense_clip_replaces_its_stride() -> None:
    whole = DenseSampling.Config(stride=4, span=1.0).build(16)
    assert whole.views(timeline(300), 1)[0].tolist() == [int(i * 299 / 15) for i in range(16)]
    assert whole.random(timeline(77, 12))[[0, -1]].tolist() == [0, 76]
    half = DenseSampling.Config(span=0.5).build(16)
    assert half.views(timeline(300), 1)[0][[0, -1]].tolist() == [75, 75 + 149]


def test_dense_clips_of_variable_rate_files_start_at_their_time() -> None:
    times = np.concatenate([np.arange(100) / 100, 1 + np.arange(100) / 10])  # 18.2 per second on average
    video = Timeline(times, Fraction(200, 11))
    views = DenseSampling.Config(stride=1).build(4).views(video, 2)
    start = (200 - 4 / 30 * 200 / 11) / 2 / (200 / 11)
    assert views[1][0] == np.searchsorted(times, start)


def strided_view(num_frames: int, span: float, view: int, views: int) -> list[int]:
    """Indices of a view by the authors' rule."""
    start = max(num_frames - span, 0) * view / views
    return [min(max(int(value), 0), num_frames - 1) for value in np.linspace(start, start + span - 1, 16)]


@pytest.mark.parametrize("num_frames", [1, 20, 100, 255, 256, 300, 301, 750])
@pytest.mark.parametrize("views", [1, 2, 4, 10])
def test_strided_views_start_with_the_video_and_are_evenly_spaced(num_frames: int, views: int) -> None:
    sampling = StridedSampling.Config(stride=16).build(16)
    for number, view in enumerate(sampling.views(timeline(num_frames), views)):
        assert view.tolist() == strided_view(num_frames, 256, number, views)


@pytest.mark.parametrize("fps", [12, 24, 25, 50])
def test_a_stride_counts_frames_at_the_nominal_rate_or_those_of_the_video(fps: int) -> None:
    at_rate = StridedSampling.Config(stride=16).build(16)
    assert at_rate.views(timeline(300, fps), 2)[1].tolist() == strided_view(300, 256 * fps / 30, 1, 2)
    plain = StridedSampling.Config(stride=16, nominal_fps=None).build(16)
    assert plain.views(timeline(300, fps), 2)[1].tolist() == strided_view(300, 256, 1, 2)


def test_cyclic_views_start_at_equal_parts_of_the_video_or_at_the_last_start_and_a_short_video_starts_again() -> None:
    cyclic = CyclicSampling.Config(stride=32).build(8)
    views = cyclic.views(timeline(300), 10)
    assert [int(view[0]) for view in views] == [0, 30, 45, 45, 45, 45, 45, 45, 45, 45]
    assert [views[0].tolist(), views[-1].tolist()] == [list(range(0, 256, 32)), list(range(45, 301, 32))]
    assert cyclic.views(timeline(100), 1)[0].tolist() == [0, 32, 64, 96, 28, 60, 92, 24]
    random.seed(0)
    starts = {int(cyclic.random(timeline(260))[0]) for _ in range(200)}
    assert starts == {0, 1, 2, 3}  # of five possible ones, the last is never drawn in the released code


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


def spread(start: float, stop: float, number: int) -> list[float]:
    return [start + (stop - start) * i / (number - 1) for i in range(number)] if number > 1 else [start][:number]


def padded_clip(num_frames: int, end: int) -> list[int]:
    """Indices of 16 frames at stride 4 for a drawn end."""
    if num_frames <= 64:
        points = spread(0, num_frames, num_frames // 4)
        points += [num_frames] * (16 - len(points))
        return [int(min(point, num_frames - 1)) for point in points]
    return [int(min(point, end - 1)) for point in spread(end - 64, end, 16)]


def padded_view(num_frames: int, clip: int, clips: int) -> list[int]:
    every = list(range(0, num_frames, 4))
    while len(every) < 16:
        every.append(every[-1])
    start = int(clip * max((len(every) - 16) / (clips - 1), 0))
    return every[start : start + 16]


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_padded_clips_are_those_of_the_rule(num_frames: int) -> None:
    sampling = PaddedSampling.Config(stride=4).build(16)
    random.seed(0)
    drawn = {tuple(sampling.random(timeline(num_frames)).tolist()) for _ in range(40 * max(num_frames - 64, 1))}
    ends = range(64, num_frames) if num_frames > 64 else [0]
    assert drawn == {tuple(padded_clip(num_frames, end)) for end in ends}


@pytest.mark.parametrize("num_frames", LENGTHS)
@pytest.mark.parametrize("views", [2, 3, 5, 10])
def test_padded_views_are_those_of_the_rule(num_frames: int, views: int) -> None:
    sampling = PaddedSampling.Config(stride=4).build(16)
    for clip, view in enumerate(sampling.views(timeline(num_frames), views)):
        assert view.tolist() == padded_view(num_frames, clip, views)


def test_a_single_padded_view_is_the_clip_in_the_middle() -> None:
    (view,) = PaddedSampling.Config().build(16).views(timeline(102), 1)
    assert view.tolist() == list(range(20, 84, 4))
    assert view.tolist() == padded_view(102, 1, 3)
    (short,) = PaddedSampling.Config().build(16).views(timeline(1), 1)
    assert short.tolist() == [0] * 16


# A frame in each equal part


def authors_segments(num_frames: int, frames: int) -> list[tuple[int, int]]:
    segment = (num_frames - 1) / frames
    return [(round(segment * i), round(segment * (i + 1))) for i in range(frames)]


@pytest.mark.parametrize("num_frames", [200, 90, 31, 5])
def test_segments_are_those_of_the_released_code(num_frames: int) -> None:
    sampling = SegmentSampling.Config().build(16)
    ends = authors_segments(num_frames, 16)
    (middle,) = sampling.views(timeline(num_frames), 1)
    assert middle.tolist() == [(start + end) // 2 for start, end in ends]
    with seeded(0):
        clips = np.stack([sampling.random(timeline(num_frames)) for _ in range(500)])
    assert clips.min(0).tolist() == [start for start, _ in ends]
    assert clips.max(0).tolist() == [end for _, end in ends]


def test_slow_videos_are_sampled_at_thirty_frames_per_second() -> None:
    source = [frame for frame in range(36) for _ in range(3)]  # 10 per second, each frame three times
    shown = [(start + end) // 2 for start, end in authors_segments(108, 16)]
    samplings = (SegmentSampling.Config(nominal_fps=fps).build(16) for fps in (30, None))
    (at_thirty,), (own_rate,) = (sampling.views(timeline(36, 10), 1) for sampling in samplings)
    assert at_thirty.tolist() == [source[place] for place in shown]
    assert own_rate.tolist() == [(start + end) // 2 for start, end in authors_segments(36, 16)]


@pytest.mark.parametrize(
    ("ticks", "time_base", "fps"),
    [
        ([round(number * 1000 / 12) for number in range(48)], 1000, 12),  # WebM: milliseconds
        ([round(number * 1000 / 24) for number in range(90)], 1000, 24),
        ([1024 * number for number in range(48)], 12288, 12),
        ([512 * number for number in range(120)], 30720, 60),
        ([1001 * number for number in range(90)], 30000, Fraction(30000, 1001)),
        ([256 * number for number in range(130)], 12800, 50),
        ([0, 40, 95, 130, 260, 262, 300, 420, 450, 483], 1000, 20),
    ],
    ids=["12 webm", "24 webm", "12", "60", "29.97", "50", "variable"],
)
def test_segments_choose_from_the_output_of_the_fps_filter(
    ticks: list[int], time_base: int, fps: Fraction | int
) -> None:
    graph = av.filter.Graph()
    source = graph.add_buffer(width=16, height=16, format=VideoFormat("gray", 16, 16), time_base=Fraction(1, time_base))
    graph.link_nodes(source, graph.add("fps", "fps=30"), graph.add("buffersink")).configure()
    output = []
    for number, tick in enumerate([*ticks, None]):
        if tick is None:
            source.push(None)
        else:
            frame = av.VideoFrame.from_ndarray(np.full((16, 16), number, np.uint8), format="gray")
            frame.pts, frame.time_base = tick, Fraction(1, time_base)
            source.push(frame)
        with contextlib.suppress(av.error.BlockingIOError, av.error.EOFError):
            while True:
                output.append(int(graph.vpull().to_ndarray()[0, 0]))
    video = Timeline((np.array(ticks) - ticks[0]) / time_base, Fraction(fps))
    indices = SegmentSampling.Config().build(16).source_indices(video, np.arange(len(output)))
    assert indices.tolist() == output


@pytest.mark.parametrize("num_frames", [1, 2, 7, 16, 25, 37, 60, 118])
@pytest.mark.parametrize("frames", [8, 16])
def test_views_are_the_middle_the_first_and_the_last_frame_of_each_segment(num_frames: int, frames: int) -> None:
    views = SegmentViewSampling.Config().build(frames).views(timeline(num_frames), 3)
    segments = authors_segments(num_frames, frames)
    assert views[0].tolist() == [(a + b) // 2 for a, b in segments]
    assert views[1].tolist() == [a for a, _ in segments]
    assert views[2].tolist() == [b for _, b in segments]


@pytest.mark.parametrize("num_frames", SHORT_LENGTHS)
def test_uniform_training_clips_have_a_frame_of_each_segment(num_frames: int) -> None:
    sampling = UniformSampling.Config().build(16)
    random.seed(0)
    average = num_frames // 16
    drawn = np.array([sampling.random(timeline(num_frames)) for _ in range(2000)])
    for place, column in enumerate(drawn.T):
        values, counts = np.unique(column, return_counts=True)
        allowed = [place * average + offset for offset in range(average)] if average > 0 else [0]
        assert values.tolist() == allowed
        assert counts.min() > 0.6 * len(drawn) / len(allowed)


@pytest.mark.parametrize("num_frames", SHORT_LENGTHS)
def test_uniform_views_are_those_of_the_rule(num_frames: int) -> None:
    """Each is every second one of the sorted indices of both."""
    tick = num_frames / 16
    indices = sorted([int(tick / 2 + tick * i) for i in range(16)] + [int(tick * i) for i in range(16)])
    views = UniformSampling.Config().build(16).views(timeline(num_frames), 2)
    assert [view.tolist() for view in views] == [indices[0::2], indices[1::2]]
