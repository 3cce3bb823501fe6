"""Shifts of parts of a tensor between frames, against a loop over frames."""

import pytest
import torch
from torch import Tensor

from models.framewise.frame_shift import Boundary, Part, shift_

FRAMES, TOKENS, HEADS, CHANNELS = 5, 3, 4, 2
PARTS = [
    Part((slice(None), slice(0, 1)), 1),
    Part((slice(0, 2), slice(1, 2)), -1),
    Part((slice(None), slice(2, 3), slice(0, 1)), 2),
    Part((slice(None), slice(3, 4)), -7),
]


def tokens(*, requires_grad: bool = False) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(2 * FRAMES, TOKENS, HEADS * CHANNELS, dtype=torch.double, requires_grad=requires_grad)


def expected(x: Tensor, parts: list[Part], boundary: Boundary) -> Tensor:
    clips = x.reshape(2, FRAMES, TOKENS, HEADS, CHANNELS)
    out = clips.clone()
    for part in parts:
        for t in range(FRAMES):
            source = t + part.source
            if 0 <= source < FRAMES:
                value = clips[:, source]
            else:
                value = {"zero": clips[:, t] * 0, "copy": clips[:, t], "circular": clips[:, source % FRAMES]}[boundary]
            place = (slice(None), *part.place)
            out[:, t][place] = value[place]
    return out.reshape(x.shape)


@pytest.mark.parametrize("boundary", ["zero", "copy", "circular"])
def test_each_frame_gets_its_parts_from_their_sources(boundary: Boundary) -> None:
    x = tokens()
    shifted = shift_(x.clone(), FRAMES, PARTS, boundary, (HEADS, CHANNELS))
    torch.testing.assert_close(shifted, expected(x, PARTS, boundary), rtol=0, atol=0)


@pytest.mark.parametrize("boundary", ["zero", "copy", "circular"])
def test_gradients_are_those_of_the_loop(boundary: Boundary) -> None:
    x, weights = tokens(requires_grad=True), torch.arange(2.0 * FRAMES * TOKENS * HEADS * CHANNELS).reshape(10, 3, 8)
    ours = shift_(x * 2, FRAMES, PARTS, boundary, (HEADS, CHANNELS))
    [gradient] = torch.autograd.grad((ours * weights).sum(), x)
    [plain] = torch.autograd.grad((expected(x * 2, PARTS, boundary) * weights).sum(), x)
    torch.testing.assert_close(gradient, plain, rtol=0, atol=0)


def test_the_shift_is_in_place() -> None:
    x = tokens()
    assert shift_(x, FRAMES, PARTS, "zero", (HEADS, CHANNELS)) is x


def test_a_gradient_that_others_use_is_not_changed() -> None:
    x = tokens(requires_grad=True)
    doubled = x * 2
    shifted = shift_(doubled.clone(), FRAMES, PARTS, "zero", (HEADS, CHANNELS))
    [gradient] = torch.autograd.grad((shifted + doubled).sum(), x)
    [plain] = torch.autograd.grad((expected(x * 2, PARTS, "zero") + x * 2).sum(), x)
    torch.testing.assert_close(gradient, plain)
