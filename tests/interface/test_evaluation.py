from dataclasses import replace

import pytest

from interface.evaluation import EvalConfig


def test_the_tiny_protocol_has_at_most_two_views_and_three_crops() -> None:
    large = EvalConfig(views=10, crops=5, short_side=256, stride=8, merge="mean of logits")
    assert large.tiny() == replace(large, views=2, crops=3)
    small = EvalConfig(views=1, crops=1, span=0.5)
    assert small.tiny() == small
    assert EvalConfig(views=2, crops=3).tiny() == EvalConfig(views=2, crops=3)


def test_the_default_protocol_sums_softmax_scores_over_ten_views_of_three_crops() -> None:
    evaluation = EvalConfig()
    assert (evaluation.views, evaluation.crops, evaluation.merge) == (10, 3, "sum of softmax")


@pytest.mark.parametrize(
    ("name", "number"), [("views", 0), ("crops", -1), ("stride", 0), ("span", 0.0), ("span", 1.5), ("frames", 10_001)]
)
def test_numbers_out_of_range_are_rejected(name: str, number: float) -> None:
    with pytest.raises(ValueError, match=rf"^evaluation\.{name} is {number}; it must be "):
        EvalConfig(**{name: number})  # pyright: ignore[reportArgumentType]


def test_the_tiny_protocol_has_half_the_frames() -> None:
    assert EvalConfig().tiny().frames is None
    frames = [EvalConfig(frames=frames).tiny().frames for frames in (4, 6, 8, 10, 12, 16, 1)]
    assert frames == [2, 3, 4, 5, 6, 8, 1]


def test_stride_and_span_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"^evaluation\.span and evaluation\.stride exclude each other; set one of"):
        EvalConfig(stride=2, span=0.5)
