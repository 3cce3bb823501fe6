"""Augmentation of AutoAugment, crop, flip and erasing."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from data.auto_augment import AutoAugment
from data.composed_augmentation import ComposedAugmentation
from data.items.items import Draw, seeded
from data.random_crops import MultiScaleCrop, RandomCropConfig, ShortSideCrop
from data.random_erasing import RandomErasing
from data.sampling.segments import SegmentViewSampling
from tests.data.small_clips import DATA

RECIPES = {
    "kinetics": ComposedAugmentation.Config(),
    "ssv2": ComposedAugmentation.Config(crop=ShortSideCrop.Config(), flip=0.0, erasing=RandomErasing.Config()),
}


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


def test_parts_may_be_left_out() -> None:
    fixed = MultiScaleCrop.Config(scales=(1.0,))
    augmentation = ComposedAugmentation.Config(auto_augment=None, crop=fixed, flip=0.0).build(32)
    frames = still(2, 32, 32)
    with seeded(0):
        assert torch.equal(augmentation(frames), frames)


def test_tiny_clips_get_neither_auto_augment_nor_erasing() -> None:
    tiny = RECIPES["ssv2"].tiny()
    assert tiny == ComposedAugmentation.Config(auto_augment=None, crop=ShortSideCrop.Config(), flip=0.0)


def test_probabilities_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^data\.augmentation\.flip is 1\.5; it must be between 0 and 1$"):
        ComposedAugmentation.Config(flip=1.5)


def test_training_items_depend_on_their_draw_alone(kinetics_root: Path) -> None:
    data = replace(DATA, augmentation=RECIPES["ssv2"], sampling=SegmentViewSampling.Config())
    videos = data.dataset.build(kinetics_root, "train")
    draws = [Draw(epoch, place) for epoch in range(2) for place in range(6)]
    items, others = (data.train_items(videos, seed=3) for _ in range(2))
    clips = {draw: items[draw].inputs[0] for draw in draws}
    for draw in reversed(draws):
        random.random()
        assert torch.equal(others[draw].inputs[0], clips[draw])
    assert not torch.equal(clips[draws[0]], clips[draws[6]])
