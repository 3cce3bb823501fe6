"""Augmentation with rare, strong changes of colour."""

import random

import pytest
from torch import Tensor

from data.transforms.colour import ColourAugmentation
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


def test_flip_and_crop_alone_keep_the_values(frames: Tensor) -> None:
    clip = augmented(frames, 0, colour=0.0, short_side=(1.5, 1.5))  # the frames' own short side
    crops = [frames[..., top : top + 32, left : left + 32] for top in range(17) for left in range(33)]
    assert any(clip.equal(crop) or clip.equal(crop.flip(-1)) for crop in crops)
