"""Random erasing of one box in all frames of a clip."""

import math

import pytest
import torch
from torch import Tensor

from data.items import seeded
from data.transforms.composed_augmentation import GREY, RandomErasing


def erased_box(clip: Tensor) -> tuple[int, int, int, int] | None:
    """Top, left, height and width of the grey pixels of a black clip, which are a box; None without grey pixels."""
    grey = (clip == GREY).all(1)  # (F, height, width)
    assert (grey == grey[:1]).all()
    rows, columns = grey[0].any(1).nonzero().flatten(), grey[0].any(0).nonzero().flatten()
    if not len(rows):
        return None
    top, left, height, width = int(rows[0]), int(columns[0]), len(rows), len(columns)
    assert int(grey[0].sum()) == height * width
    assert (clip[:, :, ~grey[0]] == 0).all()
    return top, left, height, width


def boxes(config: RandomErasing.Config, number: int) -> list[tuple[int, int, int, int] | None]:
    frames = torch.zeros(2, 3, 64, 96, dtype=torch.uint8)
    erase = config.build()
    with seeded(0):
        found = [erased_box(erase(frames)) for _ in range(number)]
    assert not frames.any()  # they may be those of a cache
    return found


def test_half_of_the_clips_lose_a_box_of_the_stated_area_and_aspect_ratio() -> None:
    drawn = boxes(RandomErasing.Config(), 1500)
    found = [box for box in drawn if box is not None]
    assert 0.45 < len(found) / len(drawn) < 0.55
    areas = [height * width / (64 * 96) for _, _, height, width in found]
    assert min(areas) > 0.017 and max(areas) < 0.35
    assert sum(areas) / len(areas) == pytest.approx((0.02 + 1 / 3) / 2, abs=0.015)  # fewer large ones fit
    ratios = [math.log(height / width) for _, _, height, width in found]
    assert max(map(abs, ratios)) < -math.log(0.3) + 0.15
    assert {top == 0 for top, *_ in found} == {left == 0 for _, left, *_ in found} == {True, False}
    assert any(top + height == 64 for top, _, height, _ in found)
    assert any(left + width == 96 for _, left, _, width in found)


def test_probabilities_may_be_zero_and_one() -> None:
    assert boxes(RandomErasing.Config(probability=0.0), 50) == [None] * 50
    assert None not in boxes(RandomErasing.Config(probability=1.0, area=(0.1, 0.1)), 200)


def test_a_box_that_never_fits_erases_nothing() -> None:
    assert set(boxes(RandomErasing.Config(probability=1.0, area=(1.0, 1.0)), 20)) == {None}
