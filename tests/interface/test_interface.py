"""Types that models, data and training share: ranges of config fields, test protocols, targets, and sizes of items."""

import math
from dataclasses import dataclass, replace
from typing import Annotated, ClassVar

import pytest
import torch

from interface.evaluation import EvalConfig
from interface.ranges import CheckedConfig, Count, Positive, Range, Share, ShareAboveZero, ShareBelowOne
from interface.sizes import ClipSize, InputSize, MaskedSequenceSize, PoseClipSize, TokenSequenceSize
from interface.targets import ClassTarget, Targets, VerbNounTarget

# Ranges


@dataclass(frozen=True, kw_only=True)
class Example(CheckedConfig):
    config_path: ClassVar[str] = "data.example"

    count: Count | None = None
    share: Share = 0.5
    shares: tuple[ShareAboveZero, ...] = ()
    rate: ShareBelowOne = 0.0
    factor: Positive = 1.0
    side: Annotated[int, Range(least=1, most=16)] = 1
    sides: Annotated[tuple[float, float], Range(least=1, ascending=True)] = (1.0, 2.0)
    free: float = 0.0


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("count", 0, "1 or more"),
        ("share", -0.1, "between 0 and 1"),
        ("share", math.nan, "between 0 and 1"),
        ("shares", (0.5, 0.0), "more than 0 and at most 1"),
        ("rate", 1.0, "0 or more and below 1"),
        ("factor", 0.0, "more than 0"),
        ("factor", math.inf, "more than 0"),
        ("side", 17, "between 1 and 16"),
        ("sides", (2.0, 1.0), "1 or more, in ascending order"),
    ],
)
def test_a_value_out_of_range_is_rejected_with_its_field_and_the_range(name: str, value: object, wanted: str) -> None:
    with pytest.raises(ValueError) as caught:
        Example(**{name: value})  # pyright: ignore[reportArgumentType]
    assert str(caught.value) == f"data.example.{name} is {value}; it must be {wanted}"


def test_ends_of_ranges_none_and_fields_without_a_range_are_accepted() -> None:
    Example(count=1, share=1, shares=(1.0, 0.1), side=16, sides=(1.0, 1.0), free=-math.inf)
    Example(count=None, share=0, shares=(), rate=0.0)


def test_a_field_that_is_declared_again_keeps_its_range_unless_it_has_another() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Special(Example):
        side: int = 2
        share: Annotated[float, Range(least=0, most=2)] = 2.0

    assert Special().share == 2.0
    with pytest.raises(ValueError, match="side is 17; it must be between 1 and 16"):
        Special(side=17)


# Test protocols


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


# Targets


@pytest.mark.parametrize(
    ("targets", "classes", "shape", "names"),
    [
        (ClassTarget(2), [("class", 2)], (3,), {"class": ("take", "tap")}),
        (VerbNounTarget(1, 2), [("verb", 1), ("noun", 2)], (3, 2), {"verb": ("take",), "noun": ("tap", "plate")}),
    ],
)
def test_classes_and_their_names_are_in_the_order_of_the_outputs_and_examples_are_valid_labels(
    targets: Targets, classes: list[tuple[str, int]], shape: tuple[int, ...], names: dict[str, tuple[str, ...]]
) -> None:
    assert list(targets.classes.items()) == classes
    assert targets.by_kind(("take", "tap", "plate")) == names
    example = targets.example(3)
    assert example.shape == shape and example.dtype == torch.int64 and not example.any()
    assert targets.example(3, "meta").is_meta


# Sizes


SIZES = {
    "clip": ClipSize(4, 16, 24),
    "pose_clip": PoseClipSize(4, 16, 24, 13),
    "token_sequence": TokenSequenceSize(10, 5, pair=True),
    "masked_sequence": MaskedSequenceSize(4, 16, 24),
}
SHAPES = {
    "clip": [(2, 4, 3, 16, 24)],
    "pose_clip": [(2, 4, 3, 16, 24), (2, 4, 13, 3)],
    "token_sequence": [(2, 10), (2, 10)],
    "masked_sequence": [(2, 4, 3, 16, 24), (2, 1, 16, 24)],
}


@pytest.mark.parametrize("kind", SIZES)
def test_a_size_is_returned_to_models_of_its_kind_and_refused_to_others(kind: str) -> None:
    wanted = type(SIZES[kind])
    for other, size in SIZES.items():
        if other == kind:
            assert wanted.of(size) is size
            continue
        with pytest.raises(ValueError, match=f"^model: it takes {wanted.plural}, and the data give a {size.kind}$"):
            wanted.of(size)


@pytest.mark.parametrize("kind", SIZES)
def test_an_example_has_the_size_and_the_cost_grows_with_it(kind: str) -> None:
    size: InputSize = SIZES[kind]
    assert [tuple(part.shape) for part in size.example(2)] == SHAPES[kind]
    assert {part.device.type for part in size.example(1, "meta")} == {"meta"}
    assert size.cost == (8 * 10 * 2 if kind == "token_sequence" else 4 * 16 * 24)
    assert size.is_uniform == (kind != "masked_sequence")


def test_frames_can_be_replaced() -> None:
    for size in (ClipSize(16, 224, 192), PoseClipSize(12, 224, 192, 13)):
        assert size.with_frames(8) == replace(size, frames=8)
    assert MaskedSequenceSize(60, 480, 848).clip(16) == ClipSize(16, 480, 848)


def test_example_joints_have_places_in_the_crop_and_example_tokens_are_no_padding() -> None:
    _, joints = PoseClipSize(4, 16, 24, 13).example(2)
    assert joints[..., 2].eq(1).all() and (joints[..., :2] < torch.tensor([24, 16])).all() and (joints >= 0).all()
    assert all(ids.min() >= 1 and ids.max() < 5 for ids in TokenSequenceSize(1000, 5).example(1))
