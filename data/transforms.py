"""From decoded frames to the pixels of a clip: training's random crops and colours, testing's fixed crops.

Follows the released Motionformer recipes. F frames a clip; frames are uint8, (F, 3, height, width), RGB.
# Differs from the released code: resizing is done in uint8, at most one grey level from its float result, at a tenth of
# its cost; colour jitter is torchvision's, in [0, 1], where the released one scales [-1, 1] and weighs red as blue;
# a crop reaches the last row and column.
"""

import math
import random
from dataclasses import dataclass

import torch
from torch import Tensor

from data.rand_augment import RandAugment

# 256 and 320 at crop 224, 384 and 480 at 336: all recipes of the paper.
SHORT_SIDE_RANGE = (8 / 7, 10 / 7)


class Augmentation:
    """One draw per clip: RandAugment, short side, crop, flip, colour jitter; `random` and torch decide."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """The Kinetics recipe.

        Args:
            short_side: its range; 8/7 to 10/7 of the crop if None.
            inverse_uniform: draw the inverse of the short side evenly.
            resized_crop: a random box of any size and aspect instead of a random crop (Kinetics, 32 frames).
            color_jitter: strength of brightness, contrast and saturation.
        """

        short_side: tuple[int, int] | None = None
        inverse_uniform: bool = False
        resized_crop: bool = False
        flip: float = 0.5
        color_jitter: float = 0.4
        color_jitter_probability: float = 0.8
        rand_augment: RandAugment.Config | None = None

        def build(self, crop: int) -> "Augmentation":
            """The augmentation for clips of this size."""
            return Augmentation(crop, self)

    def __init__(self, crop: int, config: Config) -> None:
        from torchvision.transforms import v2  # here: configs are resolved without the second that torchvision takes

        self.crop = crop
        self.config = config
        self.short_side = config.short_side or tuple(round(ratio * crop) for ratio in SHORT_SIDE_RANGE)
        if self.short_side[0] < crop or self.short_side[1] < self.short_side[0]:
            raise ValueError(f"short side {self.short_side} is not an ascending range from the crop size {crop} on")
        self.rand_augment = config.rand_augment.build() if config.rand_augment else None
        self.color_jitter = v2.ColorJitter(*3 * [config.color_jitter]) if config.color_jitter else None
        self.resized_crop = v2.RandomResizedCrop(crop, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), antialias=False)

    def __call__(self, frames: Tensor) -> Tensor:
        """The clip (F, 3, crop, crop), uint8."""
        if self.rand_augment is not None:
            frames = self.rand_augment(frames)
        frames = self.resized_crop(frames) if self.config.resized_crop else self.jittered_crop(frames)
        if random.random() < self.config.flip:
            frames = frames.flip(-1)
        if self.color_jitter is not None and random.random() < self.config.color_jitter_probability:
            frames = self.color_jitter(frames)
        return frames.contiguous()

    def jittered_crop(self, frames: Tensor) -> Tensor:
        """A random crop at a random scale."""
        frames = short_side_resized(frames, self.random_short_side())
        height, width = frames.shape[-2:]
        top, left = random.randint(0, height - self.crop), random.randint(0, width - self.crop)
        return frames[..., top : top + self.crop, left : left + self.crop]

    def random_short_side(self) -> int:
        """The short side to scale to."""
        low, high = self.short_side
        if self.config.inverse_uniform:
            return round(1 / random.uniform(1 / high, 1 / low))
        return round(random.uniform(low, high))


class Crops:
    """Test crops at even places along the long side; one crop is the middle one."""

    def __init__(self, num_crops: int, crop: int, short_side: int | None = None) -> None:
        self.num_crops = num_crops
        self.crop = crop
        self.short_side = short_side or crop
        if self.short_side < crop:
            raise ValueError(f"short side {short_side} is smaller than the crop size {crop}; use {crop} or more")
        if num_crops < 1:
            raise ValueError(f"{num_crops} crops; a view has one at least")

    def __call__(self, frames: Tensor) -> Tensor:
        """The crops (num_crops, F, 3, crop, crop), uint8."""
        frames = short_side_resized(frames, self.short_side)
        height, width = frames.shape[-2:]
        places = [0.5] if self.num_crops == 1 else [i / (self.num_crops - 1) for i in range(self.num_crops)]
        crops = []
        for place in places:
            along_height, along_width = (place, 0.5) if height > width else (0.5, place)
            top = math.ceil(along_height * (height - self.crop))
            left = math.ceil(along_width * (width - self.crop))
            crops.append(frames[..., top : top + self.crop, left : left + self.crop])
        return torch.stack(crops)


def short_side_resized(frames: Tensor, short_side: int) -> Tensor:
    """Frames scaled so that their short side has this length; the long side is rounded down."""
    height, width = frames.shape[-2:]
    if min(height, width) == short_side:
        return frames
    long_side = short_side * max(height, width) // min(height, width)
    size = [long_side, short_side] if width < height else [short_side, long_side]
    from torchvision.transforms.v2 import functional as F  # here: see Augmentation

    return F.resize(frames, size, antialias=False)


def normalized(clips: Tensor, mean: float, std: float) -> Tensor:
    """Pixels as a model takes them: (x / 255 - mean) / std, in float32."""
    return clips.float().mul_(1 / (255 * std)).sub_(mean / std)
