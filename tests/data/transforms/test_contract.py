"""What all augmentations have in common: draws, frames that change alike, and points that follow the pixels."""

import pickle
import random

import pytest
import torch
from torch import Tensor

from data.items import seeded
from data.transforms.colour import ColourAugmentation
from data.transforms.composed_augmentation import ComposedAugmentation, MultiScaleCrop, RandomErasing, ShortSideCrop
from data.transforms.pixels import Augmentation, AugmentationConfig, Crops
from data.transforms.rand_augment import RandAugment
from data.transforms.tracked_frames import TrackedFrames
from interface.evaluation import EvalConfig
from tests.data.pictures import picture

TIMM = RandAugment.Config(magnitude=7.0, num_operations=4, independent=True, bicubic=True)
RECIPES: dict[str, AugmentationConfig] = {
    "kinetics": Augmentation.Config(),
    "kinetics, 32 frames": Augmentation.Config(resized_crop=True),
    "operations as in timm, resized crop": Augmentation.Config(resized_crop=True, color_jitter=0, rand_augment=TIMM),
    "ssv2": Augmentation.Config(flip=0, color_jitter=0, inverse_uniform=True, rand_augment=RandAugment.Config()),
    "composed": ComposedAugmentation.Config(),
    "composed, erasing": ComposedAugmentation.Config(crop=ShortSideCrop.Config(), erasing=RandomErasing.Config()),
    "colours": ColourAugmentation.Config(colour=1.0),
}


@pytest.mark.parametrize("name", RECIPES)
def test_draws_depend_on_the_seed_alone_and_all_frames_change_alike(name: str) -> None:
    still = picture().repeat(4, 1, 1, 1)
    augmentation = RECIPES[name].build(32)
    copy = pickle.loads(pickle.dumps(augmentation))  # for a worker process
    distinct = set()
    for seed in range(40):
        with seeded(seed):
            clip = augmentation(still)
            left = random.random(), torch.rand(1).item()
        with seeded(seed):
            assert torch.equal(copy.tracked(still).frames, clip) and (random.random(), torch.rand(1).item()) == left
        assert clip.shape == (4, 3, 32, 32) and clip.dtype == torch.uint8 and clip.is_contiguous()
        assert (clip == clip[:1]).all()
        distinct.add(clip.float().mean().item())
    assert len(distinct) > 20
    assert torch.equal(still, picture().repeat(4, 1, 1, 1))  # the frames may be those of a cache


# A dot is drawn at each point.
CROP = 48
NUM_POINTS = 24

PLAIN = Augmentation.Config(color_jitter=0.0)
CONFIGS: dict[str, AugmentationConfig] = {
    "short side": PLAIN,
    "inverse short side": Augmentation.Config(color_jitter=0.0, inverse_uniform=True, flip=1.0),
    "resized crop": Augmentation.Config(color_jitter=0.0, resized_crop=True),
    "resized crop, flipped": Augmentation.Config(color_jitter=0.0, resized_crop=True, flip=1.0),
    "crops of few sizes": ComposedAugmentation.Config(auto_augment=None, crop=MultiScaleCrop.Config()),
    "composed, short side": ComposedAugmentation.Config(auto_augment=None, crop=ShortSideCrop.Config(), flip=1.0),
    "flip before the crop": ColourAugmentation.Config(colour=0.0, flip=1.0),
}


def deviation(height: int, width: int) -> float:
    """Standard deviation of a dot in pixels. It is smooth, so that resizing does not move its centre."""
    return max(1.5, min(height, width) / 36)


def dotted(height: int, width: int) -> tuple[Tensor, Tensor]:
    """Frames (N, 3, height, width), each with a smooth dot, and the places (N, 2) of the dots."""
    generator = torch.Generator().manual_seed(height)
    points = torch.rand(NUM_POINTS, 2, generator=generator) * torch.tensor([width, height])
    columns, rows = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    across = (columns - points[:, :1]).square().unsqueeze(1)  # (N, 1, width)
    down = (rows - points[:, 1:]).square().unsqueeze(2)  # (N, height, 1)
    dots = 255 * (-(across + down) / (2 * deviation(height, width) ** 2)).exp()
    return dots.round().to(torch.uint8).unsqueeze(1).repeat(1, 3, 1, 1), points


def assert_dots_are_at(tracked: TrackedFrames, points: Tensor, deviation: float) -> int:
    """Check the dots that lie inside of the frames; returns their number."""
    moved, checked = tracked.geometry.of(points), 0
    height, width = tracked.frames.shape[-2:]
    margin = 1 + 3.5 * deviation * max(abs(tracked.geometry.scale_x), tracked.geometry.scale_y)
    columns, rows = torch.arange(width) + 0.5, torch.arange(height) + 0.5
    for frame, (x, y) in zip(tracked.frames, moved.tolist(), strict=True):
        if margin < x < width - margin and margin < y < height - margin:
            weights = frame.float().mean(0)
            assert (weights.sum(0) @ columns / weights.sum()).item() == pytest.approx(x, abs=0.1)
            assert (weights.sum(1) @ rows / weights.sum()).item() == pytest.approx(y, abs=0.1)
            checked += 1
    return checked


@pytest.mark.parametrize("size", [(64, 90), (90, 64), (48, 48), (150, 200), (40, 47)])
@pytest.mark.parametrize("name", CONFIGS)
def test_dots_are_where_the_geometry_of_a_random_augmentation_says(name: str, size: tuple[int, int]) -> None:
    frames, points = dotted(*size)
    augmentation = CONFIGS[name].build(CROP)
    checked = 0
    with seeded(0):
        for _ in range(6):
            checked += assert_dots_are_at(augmentation.tracked(frames), points, deviation(*size))
    assert checked > 10


@pytest.mark.parametrize("num_crops", [1, 3])
@pytest.mark.parametrize("short_side", [None, 60])
@pytest.mark.parametrize("size", [(64, 90), (90, 64), (150, 200)])
def test_dots_are_where_the_geometry_of_a_test_crop_says(
    size: tuple[int, int], short_side: int | None, num_crops: int
) -> None:
    frames, points = dotted(*size)
    crops = Crops(CROP, EvalConfig(crops=num_crops, short_side=short_side))(frames)
    assert len(crops) == num_crops
    assert crops[0].geometry.scale_y == pytest.approx((short_side or CROP) / min(size), rel=0.02)
    assert sum(assert_dots_are_at(crop, points, deviation(*size)) for crop in crops) > 3 * num_crops
