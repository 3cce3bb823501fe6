"""What all samplings have in common: pinned draws, frames of the video, and test protocols."""

import hashlib
import random
from fractions import Fraction

import numpy as np
import pytest

from data.items import seeded
from data.sampling.base import SamplingConfig
from data.sampling.segments import SegmentSampling, SegmentViewSampling, UniformSampling
from data.sampling.strides import CyclicSampling, DenseSampling, PaddedSampling, StridedSampling
from interface.evaluation import EvalConfig
from tests.data.sampling.test_rules import timeline

Dense, Strided, Cyclic = DenseSampling.Config, StridedSampling.Config, CyclicSampling.Config
Padded, Uniform = PaddedSampling.Config, UniformSampling.Config
Segment, SegmentView = SegmentSampling.Config, SegmentViewSampling.Config

CONFIGS: dict[str, SamplingConfig] = {
    "e75de68e412e": Dense(),
    "32745509a90c": Dense(stride=2, from_fractions=True),
    "2597ab8d3137": Dense(span=0.5),
    "93a58a152d33": Dense(span=1.0),
    "fc083086ffd5": Segment(),
    "1f1ab7f129be": Segment(nominal_fps=None),
    "6f58a4016a77": Segment(span=0.25),
    "b9fb2958cdaa": SegmentView(),
    "cfa763fe69ed": Uniform(),
    "243efb332edb": Strided(),
    "47b505f307af": Strided(stride=3, nominal_fps=None),
    "290bfb1e931a": Cyclic(stride=5),
    "772948da5471": Cyclic(stride=4, late_short_clips=False),
    "58465a71a449": Padded(),
    "692c9b64b042": Padded(stride=2),
}
LENGTHS = [1, 2, 7, 8, 23, 50, 90, 300]


def most_views(config: SamplingConfig) -> int:
    """Largest supported number of views, up to 4."""
    for views in (4, 3, 2):
        try:
            config.for_test(EvalConfig(views=views))
        except ValueError:
            continue
        return views
    return 1


@pytest.mark.parametrize(("digest", "config"), CONFIGS.items())
def test_training_clips_and_views_are_pinned_and_lie_in_the_video(digest: str, config: SamplingConfig) -> None:
    found = hashlib.sha256()
    for frames in (1, 8):
        sampling = config.build(frames)
        for number, fps in ((number, fps) for number in LENGTHS for fps in (Fraction(12), Fraction(30000, 1001))):
            video = timeline(number, fps)
            with seeded(number, frames):
                clips = [sampling.random(video) for _ in range(3)]
                found.update(repr(random.random()).encode())  # the draws that are left
            clips += sampling.views(video, most_views(config))
            for clip in clips:
                assert clip.shape == (frames,) and clip.dtype == np.int64 and clip.min() >= 0 and clip.max() < number
                assert isinstance(sampling, CyclicSampling) or (np.diff(clip) >= 0).all()
                found.update(repr(clip.tolist()).encode())
    assert found.hexdigest()[:12] == digest


@pytest.mark.parametrize("config", CONFIGS.values())
def test_views_that_start_at_the_same_share_of_the_video_are_equal(config: SamplingConfig) -> None:
    sampling, video, most = config.build(8), timeline(90, Fraction(25)), most_views(config)
    every = dict(zip(config.view_starts(most), sampling.views(video, most), strict=True))
    for number in range(1, most + 1):
        few = dict(zip(config.view_starts(number), sampling.views(video, number), strict=True))
        assert len(few) == number and all((few[start] == every[start]).all() for start in few.keys() & every.keys())


@pytest.mark.parametrize(
    ("config", "evaluation", "expected"),
    [
        (Dense(stride=2, span=0.5), EvalConfig(), Dense(stride=2, span=0.5)),
        (Dense(stride=2, span=0.5), EvalConfig(span=0.25), Dense(stride=2, span=0.25)),
        (Dense(stride=2, span=0.5), EvalConfig(stride=8), Dense(stride=8)),
        (Segment(span=0.5, nominal_fps=12), EvalConfig(views=2), Segment(span=0.5, nominal_fps=12)),
        (Segment(span=0.5, nominal_fps=12), EvalConfig(views=1, span=1.0), Segment(nominal_fps=12)),
        (Strided(nominal_fps=None), EvalConfig(stride=8), Strided(stride=8, nominal_fps=None)),
        (Cyclic(), EvalConfig(stride=8, late_short_clips=False), Cyclic(stride=8, late_short_clips=False)),
        (Padded(), EvalConfig(stride=8), Padded(stride=8)),
        (Uniform(), EvalConfig(views=2), Uniform()),
        (SegmentView(), EvalConfig(views=3), SegmentView()),
    ],
)
def test_a_protocol_replaces_stride_and_span_alone(
    config: SamplingConfig, evaluation: EvalConfig, expected: SamplingConfig
) -> None:
    assert config.for_test(evaluation) == expected


@pytest.mark.parametrize(
    ("config", "evaluation", "message"),
    [
        (Segment(), EvalConfig(views=2), r"segment sampling has one view, the whole video; evaluation\.views is 2"),
        (Segment(), EvalConfig(views=1, stride=2), r"segment sampling has no stride in frames: set evaluation\.span"),
        (Dense(), EvalConfig(views=2, span=1.0), r"clips that span the whole video have one view"),
        (Dense(span=1.0), EvalConfig(views=2), r"clips that span the whole video have one view"),
        (Strided(), EvalConfig(span=0.5), r"^evaluation\.span: .*set evaluation\.stride instead"),
        (Cyclic(), EvalConfig(span=0.5), r"^evaluation\.span: "),
        (Padded(), EvalConfig(span=0.5), r"^evaluation\.span: "),
        (Uniform(), EvalConfig(views=3), r"^evaluation\.views is 3; at most 2: the first and the middle frame of each"),
        (Uniform(), EvalConfig(views=2, stride=2), r"^evaluation\.stride: "),
        (SegmentView(), EvalConfig(views=4), r"^evaluation\.views is 4; at most 3: the middle, the first and the last"),
        (SegmentView(), EvalConfig(views=1, span=0.5), r"^evaluation\.span: "),
    ],
)
def test_other_protocols_are_refused(config: SamplingConfig, evaluation: EvalConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config.for_test(evaluation)
