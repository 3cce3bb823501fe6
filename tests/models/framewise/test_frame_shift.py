"""Shifts of parts of a tensor between frames, against a loop over frames."""

import pytest
import torch
from torch import Tensor

from models.framewise.frame_shift import Boundary, Part, shifted_projections
from tests.models.gradients import assert_same

FRAMES, TOKENS, PROJECTIONS, HEADS, CHANNELS = 5, 3, 2, 4, 2
SHAPE = (PROJECTIONS, HEADS, CHANNELS)
WIDTH = PROJECTIONS * HEADS * CHANNELS
BOUNDARIES: tuple[Boundary, ...] = ("zero", "copy", "circular")
PARTS = [
    Part((slice(None), 0, slice(0, 1), slice(None)), 1),
    Part((slice(0, 2), 0, slice(1, 2), slice(None)), -1),
    Part((slice(None), 0, slice(2, 3), slice(0, 1)), 2),
    Part((slice(None), 0, slice(3, 4), slice(None)), -7),
    Part((slice(1, 2), 1, slice(None), slice(1, 2)), -3),
    Part((slice(None), 1, slice(0, 1), slice(0, 1)), 0),
]


def tokens() -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2 * FRAMES, TOKENS, WIDTH, dtype=torch.double, requires_grad=True)


def expected(x: Tensor, boundary: Boundary) -> Tensor:
    clips = x.reshape(2, FRAMES, TOKENS, *SHAPE)
    out = clips.clone()
    for part in PARTS:
        for t in range(FRAMES):
            source = t + part.source
            if 0 <= source < FRAMES:
                value = clips[:, source]
            else:
                value = {"zero": clips[:, t] * 0, "copy": clips[:, t], "circular": clips[:, source % FRAMES]}[boundary]
            place = (slice(None), *part.place)
            out[:, t][place] = value[place]
    return out.reshape(x.shape)


def projected(x: Tensor, boundary: Boundary) -> Tensor:
    """Shifted projections, joined again."""
    projections = shifted_projections(x, (PROJECTIONS, HEADS), FRAMES, PARTS, boundary)
    assert [p.shape for p in projections] == [(2 * FRAMES, HEADS, TOKENS, CHANNELS)] * PROJECTIONS
    return torch.stack([p.transpose(1, 2) for p in projections], dim=2).flatten(2)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_each_frame_gets_its_parts_from_their_sources(boundary: Boundary) -> None:
    x = tokens()
    assert_same(projected(x * 1, boundary), expected(x, boundary), [x], 0)


def test_a_projection_that_is_not_used_gets_a_gradient_of_zero() -> None:
    x = tokens()
    first, _ = shifted_projections(x * 1, (PROJECTIONS, HEADS), FRAMES, PARTS)
    [gradient] = torch.autograd.grad(first.sum(), x)
    assert (gradient[..., : WIDTH // 2] != 0).any() and (gradient[..., WIDTH // 2 :] == 0).all()


def test_the_shift_is_in_place() -> None:
    x = tokens().detach()
    first, *_ = shifted_projections(x, (PROJECTIONS, HEADS), FRAMES, PARTS)
    assert first.untyped_storage().data_ptr() == x.untyped_storage().data_ptr()


def test_a_gradient_that_others_use_is_not_changed() -> None:
    x = tokens()
    doubled = x * 2
    outputs = shifted_projections(doubled.clone(), (PROJECTIONS, HEADS), FRAMES, PARTS)
    [gradient] = torch.autograd.grad(sum((output.sum() for output in outputs), doubled.sum()), x)
    [plain] = torch.autograd.grad((expected(x * 2, "zero") + x * 2).sum(), x)
    torch.testing.assert_close(gradient, plain)
