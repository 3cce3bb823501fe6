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


@pytest.mark.parametrize("name", ["views", "crops"])
@pytest.mark.parametrize("number", [0, -1])
def test_views_and_crops_below_one_are_rejected(name: str, number: int) -> None:
    with pytest.raises(ValueError) as caught:
        EvalConfig(**{name: number})  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == f"evaluation.{name} is {number}; it must be 1 or more"


@pytest.mark.parametrize("span", [0.0, 1.5, -1.0, float("nan")])
def test_a_span_out_of_range_is_rejected(span: float) -> None:
    with pytest.raises(ValueError) as caught:
        EvalConfig(span=span)
    assert str(caught.value) == (
        f"evaluation.span is {span}; it is the share of a video that a clip spans, above 0 and at most 1"
    )


@pytest.mark.parametrize("frames", [0, -3, 10_001, 10**24, float("nan"), float("inf")])
def test_a_number_of_frames_out_of_range_is_rejected(frames: int) -> None:
    with pytest.raises(ValueError) as caught:
        EvalConfig(frames=frames)
    assert str(caught.value) == f"evaluation.frames is {frames}; it must be between 1 and 10000"


def test_the_tiny_protocol_has_half_the_frames() -> None:
    assert EvalConfig().tiny().frames is None
    frames = [EvalConfig(frames=frames).tiny().frames for frames in (4, 6, 8, 10, 12, 16, 1)]
    assert frames == [2, 3, 4, 5, 6, 8, 1]


@pytest.mark.parametrize("stride", [0, -1])
def test_a_stride_below_one_is_rejected(stride: int) -> None:
    with pytest.raises(ValueError, match=rf"^evaluation\.stride is {stride}; it must be 1 or more$"):
        EvalConfig(stride=stride)


def test_stride_and_span_exclude_each_other() -> None:
    with pytest.raises(ValueError, match=r"^evaluation\.span and evaluation\.stride exclude each other; set one of"):
        EvalConfig(stride=2, span=0.5)
