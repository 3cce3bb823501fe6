"""Sizes of items: examples, costs, and the kinds that a model may ask for."""

from dataclasses import replace

import pytest
import torch

from interface.sizes import ClipSize, InputSize, MaskedSequenceSize, PoseClipSize, TokenSequenceSize

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
