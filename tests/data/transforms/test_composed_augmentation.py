"""Augmentation of AutoAugment, crop, flip and erasing."""

import hashlib
import math
import random
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.auto_augment import auto_augment_policy
from torch import Tensor

from data.items import seeded
from data.transforms.clip_operations import Operation, Operations
from data.transforms.composed_augmentation import (
    GREY,
    AutoAugment,
    ComposedAugmentation,
    MultiScaleCrop,
    RandomCropConfig,
    RandomErasing,
    ShortSideCrop,
)
from data.transforms.pillow_operations import FILTERS
from data.transforms.tracked_frames import Box
from tests.data.pictures import noise, picture
from tests.data.transforms.reference_operations import equal

GREYS = (128, 128, 128)


@pytest.mark.parametrize("crop", [MultiScaleCrop.Config(), ShortSideCrop.Config()])
def test_the_order_is_auto_augment_crop_flip_erasing(crop: RandomCropConfig) -> None:
    config = ComposedAugmentation.Config(crop=crop, erasing=RandomErasing.Config())
    augmentation = config.build(32)
    parts = AutoAugment.Config().build(), crop.build(32), RandomErasing.Config().build()
    flipped, still = 0, noise(1, 60, 80).expand(4, -1, -1, -1)
    for seed in range(20):
        with seeded(seed):
            clip = augmentation(still)
        with seeded(seed):
            expected = parts[1](parts[0].drawn()(still))
            if random.random() < 0.5:
                expected = expected.flip(-1)
                flipped += 1
            expected = parts[2](expected)
        assert torch.equal(clip, expected)
    assert 3 < flipped < 17


def changed(operation: Operation) -> np.ndarray:
    return Operations([(slice(None), [operation])])(picture())[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize(("seed", "shift"), [(0, 0.45), (1, 0.25), (2, 0.5)])
def test_operations_are_timms(seed: int, shift: float) -> None:
    original = Image.fromarray(picture()[0].permute(1, 2, 0).contiguous().numpy())
    policy = auto_augment_policy("v0", {"translate_pct": shift, "img_mean": GREYS, "interpolation": FILTERS})
    for ours, theirs in zip(AutoAugment.Config(shift=shift).build().policy, policy, strict=True):
        for operation, expected in zip(ours, theirs, strict=True):
            operation.prob = expected.prob = 1.0
            if (operation.name, operation.magnitude) == ("Posterize", 2):  # timm's function refuses 0 bits
                assert not changed(operation(None)).any()  # black, as in the published code
                continue
            with seeded(seed):
                result, left = changed(operation(None)), random.random()
            with seeded(seed):
                assert equal(result, np.asarray(expected(original))), operation.name
                assert random.random() == left


def test_the_policy_is_the_published_one() -> None:
    policy = AutoAugment.Config().build().policy
    assert len(policy) == 25 and all(len(pair) == 2 for pair in policy)
    operations = tuple((one.name, one.prob, one.magnitude) for pair in policy for one in pair)
    assert operations[:2] == (("Equalize", 0.8, 1), ("ShearY", 0.8, 4))
    assert hashlib.sha256(repr(operations).encode()).hexdigest()[:16] == "50b1ec6e43d5ce29"  # as published


# Random crops


def allowed_boxes(height: int, width: int, crop: int) -> set[Box]:
    """Every box that the rule of temporal segment networks allows, written out."""
    sides = []
    for scale in (1, 0.875, 0.75, 0.66):
        side = int(min(height, width) * scale)
        sides.append(crop if abs(side - crop) < 3 else side)
    boxes = set()
    for i in range(4):
        for j in range(4):
            if abs(i - j) > 1:
                continue
            h, w = sides[i], sides[j]
            y, x = (height - h) // 4, (width - w) // 4
            corners = [(0, 0), (0, 4 * x), (4 * y, 0), (4 * y, 4 * x)]
            middles = [(2 * y, 2 * x), (2 * y, 0), (2 * y, 4 * x), (4 * y, 2 * x), (0, 2 * x)]
            quarters = [(y, x), (y, 3 * x), (3 * y, x), (3 * y, 3 * x)]
            boxes |= {Box(top, left, h, w) for top, left in corners + middles + quarters}
    return boxes


@pytest.mark.parametrize(("height", "width"), [(256, 340), (340, 256), (240, 427), (1080, 1920)])
def test_boxes_are_those_of_the_rule_and_all_of_them_are_drawn(height: int, width: int) -> None:
    crop = MultiScaleCrop.Config().build(224)
    with seeded(0):
        drawn = Counter(crop.random_box(height, width) for _ in range(6000))
    allowed = allowed_boxes(height, width, 224)
    assert set(drawn) == allowed
    for box in drawn:
        assert box.top >= 0 and box.left >= 0 and box.top + box.height <= height and box.left + box.width <= width


def test_a_crop_is_pillows_resized_box() -> None:
    frames = noise(2, 256, 340)
    crop = MultiScaleCrop.Config().build(112)
    for seed in range(8):
        with seeded(seed):
            box = crop.random_box(256, 340)
        with seeded(seed):
            clip = crop(frames)
        assert clip.shape == (2, 3, 112, 112) and clip.dtype == torch.uint8
        image = Image.fromarray(frames[1].permute(1, 2, 0).contiguous().numpy())
        part = image.crop((box.left, box.top, box.left + box.width, box.top + box.height))
        expected = np.asarray(part.resize((112, 112), Image.Resampling.BILINEAR)).astype(int)
        assert np.abs(clip[1].permute(1, 2, 0).numpy().astype(int) - expected).max() <= 1


def test_boxes_that_nearly_fit_are_not_resized_and_never_leave_the_frames() -> None:
    assert (224, 224) in MultiScaleCrop.Config().build(224).sizes(340)  # 0.66 of it is 224.4
    assert (224, 224) in MultiScaleCrop.Config().build(224).sizes(225)
    small = MultiScaleCrop.Config().build(224)
    assert small.sizes(222)[0] == (222, 222)  # the released code fills two rows and columns with black
    assert small(noise(1, 222, 300)).shape == (1, 3, 224, 224)
    assert MultiScaleCrop.Config().build(32)(noise(1, 1, 5)).shape == (1, 3, 32, 32)


def test_the_short_side_of_a_scaled_crop_is_uniform_and_its_place_any() -> None:
    crop, frames = ShortSideCrop.Config(short_side=(1.0, 2.0)).build(16), noise(1, 32, 40)
    with seeded(0):
        clips = [crop.tracked(frames).geometry for _ in range(1000)]
    sides = Counter(round(clip.scale_y * 32) for clip in clips)
    assert sides.keys() == set(range(16, 33))
    assert all(40 < sides[side] < 90 for side in range(17, 32))  # 62 are expected
    assert {clip.shift_y for clip in clips if clip.scale_y == 24 / 32} == {-float(top) for top in range(9)}


# Random erasing


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
    assert (max(ratios), -min(ratios)) == pytest.approx((-math.log(0.3),) * 2, abs=0.15)
    assert {top == 0 for top, *_ in found} == {left == 0 for _, left, *_ in found} == {True, False}
    assert any(top + height == 64 for top, _, height, _ in found)
    assert any(left + width == 96 for _, left, _, width in found)


def test_probabilities_may_be_zero_and_one() -> None:
    assert boxes(RandomErasing.Config(probability=0.0), 50) == [None] * 50
    assert None not in boxes(RandomErasing.Config(probability=1.0, area=(0.1, 0.1)), 200)


def test_a_box_that_never_fits_erases_nothing() -> None:
    assert set(boxes(RandomErasing.Config(probability=1.0, area=(1.0, 1.0)), 20)) == {None}
