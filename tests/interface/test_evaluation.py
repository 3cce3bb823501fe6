from dataclasses import replace

import pytest

from interface.evaluation import EvalConfig


def test_the_tiny_protocol_has_at_most_two_views_and_three_crops() -> None:
    large = EvalConfig(views=10, crops=5, short_side=256, stride=8, merge="mean of logits")
    assert large.tiny() == replace(large, views=2, crops=3)
    small = EvalConfig(views=1, crops=1, span=0.5)
    assert small.tiny() == small
    assert EvalConfig(views=2, crops=3).tiny() == EvalConfig(views=2, crops=3)


def test_the_tiny_protocol_has_half_the_frames() -> None:
    assert EvalConfig().tiny().frames is None
    frames = [EvalConfig(frames=frames).tiny().frames for frames in (4, 6, 8, 10, 12, 16, 1)]
    assert frames == [2, 3, 4, 5, 6, 8, 1]


def test_stride_and_span_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"^evaluation\.span and evaluation\.stride exclude each other; set one of"):
        EvalConfig(stride=2, span=0.5)
