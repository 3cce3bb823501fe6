"""Augmentation with rare, strong changes of colour."""

import itertools
import random

import pytest
from torch import Tensor
from torchvision.transforms.functional import adjust_brightness, adjust_gamma, adjust_hue, adjust_saturation

from data.transforms.colour import ColourAugmentation
from data.transforms.pixels import short_side_resized
from tests.data.pictures import noise


@pytest.fixture
def frames() -> Tensor:
    return noise(1, 48, 64).expand(4, -1, -1, -1)


def augmented(frames: Tensor, seed: int, **settings: object) -> Tensor:
    random.seed(seed)
    return ColourAugmentation.Config(**settings).build(32)(frames)  # type: ignore[arg-type]


def test_colours_change_as_often_as_stated(frames: Tensor) -> None:
    changed = sum(
        not augmented(frames, seed, colour=0.1).equal(augmented(frames, seed, colour=0.0)) for seed in range(300)
    )
    assert 300 * 0.25 < changed < 300 * 0.45  # 1 - 0.9 ** 4 is 0.34


@pytest.mark.parametrize("side", [48, 40])  # of the frames, and a smaller one
def test_flip_and_crop_alone_keep_the_values(frames: Tensor, side: int) -> None:
    clip = augmented(frames, 0, colour=0.0, short_side=(side / 32, side / 32))
    whole = short_side_resized(frames, side, bicubic=True)
    places = itertools.product(*(range(size - 31) for size in whole.shape[2:]))
    crops = [whole[..., top : top + 32, left : left + 32] for top, left in places]
    assert any(clip.equal(crop) or clip.equal(crop.flip(-1)) for crop in crops)


@pytest.mark.parametrize(("end", "amounts"), [(0, (0.5, 0.5, 0.8, -0.5)), (1, (2.0, 3.0, 1.2, 0.5))])
def test_brightness_saturation_gamma_and_hue_change_in_this_order_by_the_amounts_of_the_recipe(
    frames: Tensor, monkeypatch: pytest.MonkeyPatch, end: int, amounts: tuple[float, ...]
) -> None:
    expected = augmented(frames, 0, colour=0.0)
    for change, amount in zip((adjust_brightness, adjust_saturation, adjust_gamma, adjust_hue), amounts, strict=True):
        expected = change(expected, amount)
    monkeypatch.setattr(random, "uniform", lambda *bounds: bounds[end])
    assert augmented(frames, 0, colour=1.0).equal(expected)
