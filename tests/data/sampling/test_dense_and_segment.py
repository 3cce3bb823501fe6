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
from data.sampling.segments import SegmentSampling
from data.sampling.strides import DenseSampling
from interface.evaluation import EvalConfig


def timeline(num_frames: int, fps: Fraction | int = 30) -> Timeline:
    return Timeline(np.arange(num_frames) / float(fps), Fraction(fps))


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


def test_dense_views_of_a_ten_second_video_at_thirty_frames() -> None:
    views = DenseSampling.Config(stride=4).build(16).views(timeline(300), 10)
    assert views[0].tolist() == [int(i * 63 / 15) for i in range(16)]
    # Starts are max(300 - 64, 0) * k / 10, rounded up to a frame: the last clip ends before the video ends.
    assert [view[0] for view in views] == [0, 24, 48, 71, 95, 118, 142, 166, 189, 213]
    assert views[9][-1] == 276


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


def test_clips_longer_than_the_video_repeat_its_last_frame() -> None:
    (view,) = DenseSampling.Config(stride=4).build(16).views(timeline(32), 1)
    assert view.tolist() == [min(int(i * 63 / 15), 31) for i in range(16)]


def test_random_dense_clips_start_anywhere_and_stay_inside() -> None:
    sampling = DenseSampling.Config(stride=4).build(16)
    with seeded(0):
        clips = np.stack([sampling.random(timeline(300)) for _ in range(2000)])
    assert clips[:, 0].min() <= 1
    assert 235 <= clips[:, 0].max() <= 236
    assert clips.max() <= 299
    assert (clips - clips[:, :1] == clips[0] - clips[0, 0]).all()


def test_the_centre_clip_is_in_the_middle() -> None:
    clip = DenseSampling.Config(stride=4).build(16).centre(timeline(300))
    assert (clip[0], clip[-1]) == (118, 118 + 63)


def test_a_single_view_is_the_middle_of_the_video() -> None:
    for sampling in (DenseSampling.Config(stride=4), SegmentSampling.Config(span=0.25)):
        built = sampling.build(16)
        assert built.views(timeline(300), 1)[0].tolist() == built.centre(timeline(300)).tolist()


def test_the_span_of_a_dense_clip_replaces_its_stride() -> None:
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
    with seeded(0):
        clips = np.stack([quarter.random(timeline(301)) for _ in range(500)])
    assert clips.min() < 10
    assert clips.max() > 290
    assert (clips[:, -1] - clips[:, 0]).max() <= 0.25 * 300 + 1


@pytest.mark.parametrize("span", [0.0, 1.5, -1.0])
def test_a_span_out_of_range_is_rejected(span: float) -> None:
    for config in (DenseSampling.Config, SegmentSampling.Config):
        with pytest.raises(ValueError, match=r"data\.sampling\.span is .*more than 0 and at most 1"):
            config(span=span)
    with pytest.raises(ValueError, match=r"evaluation\.span is .*more than 0 and at most 1"):
        EvalConfig(span=span)


@pytest.mark.parametrize("stride", [0, -1])
def test_a_stride_below_one_is_rejected(stride: int) -> None:
    with pytest.raises(ValueError, match=rf"data\.sampling\.stride is {stride}; it must be 1 or more"):
        DenseSampling.Config(stride=stride)
    with pytest.raises(ValueError, match=rf"evaluation\.stride is {stride}; it must be 1 or more"):
        EvalConfig(stride=stride)


def test_dense_clips_of_variable_rate_files_start_at_their_time() -> None:
    times = np.concatenate([np.arange(100) / 100, 1 + np.arange(100) / 10])  # 18.2 per second on average
    video = Timeline(times, Fraction(200, 11))
    views = DenseSampling.Config(stride=1).build(4).views(video, 2)
    start = (200 - 4 / 30 * 200 / 11) / 2 / (200 / 11)
    assert views[1][0] == np.searchsorted(times, start)


@pytest.mark.parametrize("num_views", [1, 2, 3, 5, 10])
def test_views_start_at_the_starts_of_their_config(num_views: int) -> None:
    dense, segments = DenseSampling.Config(stride=4), SegmentSampling.Config(span=0.25, nominal_fps=None)
    starts = dense.view_starts(num_views)
    assert starts == segments.view_starts(num_views)
    assert [view[0] for view in dense.build(16).views(timeline(300), num_views)] == [
        math.ceil(start * (300 - 64)) for start in starts
    ]
    assert [view.tolist() for view in segments.build(16).views(timeline(301), num_views)] == [
        segments.build(16).segment_middles(timeline(301), float(start)).tolist() for start in starts
    ]


def test_the_first_view_starts_with_the_video_unless_it_is_the_only_one() -> None:
    assert DenseSampling.Config().view_starts(1) == (Fraction(1, 2),)
    assert DenseSampling.Config().view_starts(4) == (0, Fraction(1, 4), Fraction(1, 2), Fraction(3, 4))


def test_stride_and_span_of_a_protocol_replace_those_of_the_sampling() -> None:
    dense, segments = DenseSampling.Config(stride=2, span=0.5), SegmentSampling.Config(span=0.5, nominal_fps=12)
    assert dense.for_test(EvalConfig()) == dense
    assert dense.for_test(EvalConfig(span=0.25)) == DenseSampling.Config(stride=2, span=0.25)
    assert dense.for_test(EvalConfig(stride=8)) == DenseSampling.Config(stride=8)
    assert segments.for_test(EvalConfig(views=2)) == segments
    assert segments.for_test(EvalConfig(views=1, span=1.0)) == SegmentSampling.Config(nominal_fps=12)


def test_unsupported_protocols_are_rejected() -> None:
    with pytest.raises(ValueError, match=r"segment sampling has one view, the whole video; evaluation\.views is 2"):
        SegmentSampling.Config().for_test(EvalConfig(views=2))
    with pytest.raises(ValueError, match=r"segment sampling has no stride in frames: set evaluation\.span"):
        SegmentSampling.Config().for_test(EvalConfig(views=1, stride=2))
    with pytest.raises(ValueError, match=r"clips that span the whole video have one view; evaluation\.views is 2"):
        DenseSampling.Config().for_test(EvalConfig(views=2, span=1.0))
    with pytest.raises(ValueError, match=r"clips that span the whole video have one view; evaluation\.views is 2"):
        DenseSampling.Config(span=1.0).for_test(EvalConfig(views=2))


def authors_segments(num_frames: int, frames: int) -> list[tuple[int, int]]:
    segment = (num_frames - 1) / frames
    return [(round(segment * i), round(segment * (i + 1))) for i in range(frames)]


@pytest.mark.parametrize("num_frames", [200, 90, 31, 5])
def test_segments_are_those_of_the_released_code(num_frames: int) -> None:
    sampling = SegmentSampling.Config().build(16)
    ends = authors_segments(num_frames, 16)
    assert sampling.centre(timeline(num_frames)).tolist() == [(start + end) // 2 for start, end in ends]
    with seeded(0):
        clips = np.stack([sampling.random(timeline(num_frames)) for _ in range(500)])
    assert clips.min(0).tolist() == [start for start, _ in ends]
    assert clips.max(0).tolist() == [end for _, end in ends]


def test_slow_videos_are_sampled_at_thirty_frames_per_second() -> None:
    source = [frame for frame in range(36) for _ in range(3)]  # 10 per second, each frame three times
    shown = [(start + end) // 2 for start, end in authors_segments(108, 16)]
    sampling = SegmentSampling.Config().build(16)
    assert sampling.centre(timeline(36, 10)).tolist() == [source[place] for place in shown]
    own_rate = SegmentSampling.Config(nominal_fps=None).build(16).centre(timeline(36, 10))
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


def test_a_video_of_one_frame_gives_a_clip() -> None:
    assert SegmentSampling.Config().build(8).random(timeline(1)).tolist() == [0] * 8
    assert DenseSampling.Config().build(8).random(timeline(1)).tolist() == [0] * 8


def test_segment_sampling_has_one_view() -> None:
    sampling = SegmentSampling.Config().build(16)
    assert sampling.views(timeline(90), 1)[0].tolist() == sampling.centre(timeline(90)).tolist()
    with pytest.raises(ValueError, match="3 views would be the same, use 1"):
        sampling.views(timeline(90), 3)


def test_draws_do_not_change_the_outer_state() -> None:
    random.seed(5)
    expected = [random.random() for _ in range(2)]
    random.seed(5)
    assert random.random() == expected[0]
    with seeded(1, 2, 3):
        DenseSampling.Config().build(8).random(timeline(300))
    assert random.random() == expected[1]
