"""Samplings of one frame in each equal part of a video, compared with the authors' rules written out."""

import contextlib
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

LENGTHS = [1, 2, 7, 15, 16, 17, 24, 31, 32, 33, 47, 48, 63, 64, 65, 100, 301]


def timeline(num_frames: int, fps: Fraction | int = 30) -> Timeline:
    return Timeline(np.arange(num_frames) / float(fps), Fraction(fps))


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


def rule_of_uniform_views(num_frames: int) -> tuple[list[int], list[int]]:
    """Both views: every second one of the sorted indices of both."""
    tick = num_frames / 16
    indices = sorted([int(tick / 2 + tick * i) for i in range(16)] + [int(tick * i) for i in range(16)])
    return indices[0::2], indices[1::2]


@pytest.mark.parametrize("num_frames", LENGTHS)
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


@pytest.mark.parametrize("num_frames", LENGTHS)
def test_uniform_views_are_those_of_the_rule(num_frames: int) -> None:
    views = UniformSampling.Config().build(16).views(timeline(num_frames), 2)
    assert tuple(view.tolist() for view in views) == rule_of_uniform_views(num_frames)
