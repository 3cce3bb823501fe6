"""Random crops: boxes of a few sizes at 13 places, and boxes at any place of scaled frames."""

import random
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data.items import seeded
from data.transforms.composed_augmentation import Box, MultiScaleCrop, ShortSideCrop


def noise(frames: int = 2, height: int = 256, width: int = 340) -> Tensor:
    pixels = torch.randint(0, 256, (frames, height, width, 3), generator=torch.Generator().manual_seed(0))
    return pixels.to(torch.uint8).permute(0, 3, 1, 2)


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


def test_sizes_and_places_are_equally_likely() -> None:
    crop = MultiScaleCrop.Config().build(224)
    with seeded(0):
        drawn = [crop.random_box(400, 400) for _ in range(13000)]
    sizes = Counter(box[2:] for box in drawn)
    assert len(sizes) == 10
    assert min(sizes.values()) > 1150 and max(sizes.values()) < 1450
    places = Counter(box[:2] for box in drawn if box[2:] == (300, 300))
    assert len(places) == 13 and min(places.values()) > 60


def test_a_crop_is_pillows_resized_box() -> None:
    frames = noise()
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


def test_a_scaled_crop_has_a_uniform_short_side_and_any_place() -> None:
    frames = noise(1, 288, 400)
    crop = ShortSideCrop.Config(short_side=(288 / 224, 288 / 224)).build(224)
    places = Counter()
    for seed in range(60):
        with seeded(seed):
            clip = crop(frames)
        assert clip.shape == (1, 3, 224, 224)
        with seeded(seed):
            random.random()  # the short side
            top, left = random.randint(0, 64), random.randint(0, 176)
        assert torch.equal(clip, frames[..., top : top + 224, left : left + 224])
        places[top, left] += 1
    assert len(places) > 50
