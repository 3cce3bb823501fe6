"""Augmentation of AutoAugment, crop, flip and erasing."""

import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from data.items import seeded
from data.transforms.composed_augmentation import (
    AutoAugment,
    ComposedAugmentation,
    MultiScaleCrop,
    RandomCropConfig,
    RandomErasing,
    ShortSideCrop,
)
from tests.data.pictures import picture

RECIPES = {
    "kinetics": ComposedAugmentation.Config(),
    "ssv2": ComposedAugmentation.Config(crop=ShortSideCrop.Config(), flip=0.0, erasing=RandomErasing.Config()),
}
# The policy v0 as published: operation, probability, magnitude; both operations of each pair.
# fmt: off
POLICY = (
    ("Equalize",  0.8, 1), ("ShearY",        0.8, 4),
    ("Color",     0.4, 9), ("Equalize",      0.6, 3),
    ("Color",     0.4, 1), ("Rotate",        0.6, 8),
    ("Solarize",  0.8, 3), ("Equalize",      0.4, 7),
    ("Solarize",  0.4, 2), ("Solarize",      0.6, 2),
    ("Color",     0.2, 0), ("Equalize",      0.8, 8),
    ("Equalize",  0.4, 8), ("SolarizeAdd",   0.8, 3),
    ("ShearX",    0.2, 9), ("Rotate",        0.6, 8),
    ("Color",     0.6, 1), ("Equalize",      1.0, 2),
    ("Invert",    0.4, 9), ("Rotate",        0.6, 0),
    ("Equalize",  1.0, 9), ("ShearY",        0.6, 3),
    ("Color",     0.4, 7), ("Equalize",      0.6, 0),
    ("Posterize", 0.4, 6), ("AutoContrast",  0.4, 7),
    ("Solarize",  0.6, 8), ("Color",         0.6, 9),
    ("Solarize",  0.2, 4), ("Rotate",        0.8, 9),
    ("Rotate",    1.0, 7), ("TranslateYRel", 0.8, 9),
    ("ShearX",    0.0, 0), ("Solarize",      0.8, 4),
    ("ShearY",    0.8, 0), ("Color",         0.6, 4),
    ("Color",     1.0, 0), ("Rotate",        0.6, 2),
    ("Equalize",  0.8, 4), ("Equalize",      0.0, 8),
    ("Equalize",  1.0, 4), ("AutoContrast",  0.6, 2),
    ("ShearY",    0.4, 7), ("SolarizeAdd",   0.6, 7),
    ("Posterize", 0.8, 2), ("Solarize",      0.6, 10),
    ("Solarize",  0.6, 8), ("Equalize",      0.6, 1),
    ("Color",     0.8, 6), ("Rotate",        0.4, 5),
)
# fmt: on


def still(frames: int = 4, height: int = 60, width: int = 80) -> Tensor:
    pixels = torch.randint(0, 256, (1, height, width, 3), generator=torch.Generator().manual_seed(0))
    return pixels.to(torch.uint8).permute(0, 3, 1, 2).expand(frames, -1, -1, -1)


@pytest.mark.parametrize("name", RECIPES)
def test_all_frames_of_a_clip_are_augmented_alike(name: str) -> None:
    augmentation = RECIPES[name].build(32)
    distinct = set()
    for seed in range(40):
        with seeded(seed):
            clip = augmentation(still())
        assert clip.shape == (4, 3, 32, 32) and clip.dtype == torch.uint8 and clip.is_contiguous()
        assert (clip == clip[:1]).all()
        distinct.add(clip.float().mean().item())
    assert len(distinct) > 30


@pytest.mark.parametrize("name", RECIPES)
def test_the_state_of_random_alone_decides(name: str) -> None:
    augmentation = RECIPES[name].build(32)
    for seed in range(10):
        clips = []
        for torch_seed in range(2):
            random.seed(seed)
            torch.manual_seed(torch_seed)
            clips.append((augmentation(still()), random.random()))
        assert torch.equal(clips[0][0], clips[1][0]) and clips[0][1] == clips[1][1]


@pytest.mark.parametrize("crop", [MultiScaleCrop.Config(), ShortSideCrop.Config()])
def test_the_order_is_auto_augment_crop_flip_erasing(crop: RandomCropConfig) -> None:
    config = ComposedAugmentation.Config(crop=crop, erasing=RandomErasing.Config())
    augmentation = config.build(32)
    parts = AutoAugment.Config().build(), crop.build(32), RandomErasing.Config().build()
    flipped = 0
    for seed in range(20):
        with seeded(seed):
            clip = augmentation(still())
        with seeded(seed):
            expected = parts[1](parts[0](still()))
            if random.random() < 0.5:
                expected = expected.flip(-1)
                flipped += 1
            expected = parts[2](expected)
        assert torch.equal(clip, expected)
    assert 3 < flipped < 17


def applied(name: str, magnitude: int) -> Image.Image:
    """The picture after the first operation of the policy with this name and magnitude, applied for certain."""
    operations = (operation for pair in AutoAugment.Config().build().policy for operation in pair)
    operation = next(one for one in operations if (one.name, one.magnitude) == (name, magnitude))
    operation.prob = 1.0
    return operation(original())


def original() -> Image.Image:
    return Image.fromarray(picture()[0].permute(1, 2, 0).contiguous().numpy())


def test_the_policy_is_the_published_one() -> None:
    policy = AutoAugment.Config().build().policy
    assert all(len(pair) == 2 for pair in policy)
    assert tuple((one.name, one.prob, one.magnitude) for pair in policy for one in pair) == POLICY


def test_operations_have_the_published_strengths() -> None:
    image = original()
    expected = {
        ("Color", 9): ImageEnhance.Color(image).enhance(0.1 + 1.8 * 0.9),
        ("Color", 0): ImageEnhance.Color(image).enhance(0.1),
        ("Solarize", 3): ImageOps.solarize(image, 76),
        ("Solarize", 10): image,
        ("Posterize", 6): ImageOps.posterize(image, 2),
        ("Posterize", 2): Image.new("RGB", image.size),  # black, as in the published code
        ("Invert", 9): ImageOps.invert(image),
    }
    for (name, magnitude), wanted in expected.items():
        assert np.array_equal(np.asarray(applied(name, magnitude)), np.asarray(wanted)), (name, magnitude)


@pytest.mark.parametrize("shift", [0.25, 0.5])
def test_shifts_are_a_share_of_the_height_in_both_directions(shift: float) -> None:
    augment = AutoAugment.Config(shift=shift).build()
    (operation,) = [one for pair in augment.policy for one in pair if one.name == "TranslateYRel"]
    operation.prob, operation.magnitude = 1.0, 10
    image, places = original(), set()
    with seeded(0):
        for _ in range(20):
            shifted = np.asarray(operation(image))
            grey = (shifted == 128).all((1, 2))
            assert grey.sum() == pytest.approx(shift * image.height, abs=1)
            places.add(bool(grey[0]))
    assert places == {True, False}


def test_each_frame_is_changed_as_it_would_be_alone() -> None:
    frames = torch.cat([picture(), picture().flip(-1), 255 - picture()])
    augment = AutoAugment.Config().build()
    for seed in range(30):
        with seeded(seed):
            together = augment(frames)
        for index in range(3):
            with seeded(seed):
                assert torch.equal(augment(frames[index : index + 1])[0], together[index])
