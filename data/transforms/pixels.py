"""Pixel transforms of clips: random crops and colours in training, fixed crops in testing.

Follows the recipes of https://github.com/facebookresearch/Motionformer.
F: frames of a clip. Frames are uint8, (F, 3, height, width), RGB.
# Differs from the released code: frames are resized in uint8. The result is at most one grey level off the float
# result, at a tenth of its cost.
# Differs from the released code, unless `color_jitter_as_released`: colour jitter is torchvision's, on [0, 1].
# Differs from the released code: a random crop can reach the last row and column.
"""

import math
import platform
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from data.transforms.rand_augment import RandAugment
from data.transforms.tracked_frames import Box, TrackedFrames, TrackedTransform
from interface.batches import sent
from interface.evaluation import EvalConfig
from interface.ranges import CheckedConfig, PositiveOrZero, Share

if TYPE_CHECKING:  # it is imported to change frames
    from data.transforms.clip_operations import Operations

# Relative to the crop: 256 and 320 at crop 224, 384 and 480 at crop 336, as in all recipes of the paper.
SHORT_SIDE_RANGE = (8 / 7, 10 / 7)
# One number for all channels, or one for each.
PerChannel = float | tuple[float, float, float]


@dataclass(frozen=True, kw_only=True)
class AugmentationConfig(CheckedConfig, ABC):
    """Training augmentation of the decoded frames of a clip."""

    config_path: ClassVar[str] = "data.augmentation"

    @abstractmethod
    def build(self, crop: int) -> TrackedTransform:
        """Augmentation of frames (F, 3, height, width), uint8, drawn from `random` and torch.

        It gives (F, 3, crop, crop), uint8, or float32 with black at 0 and white at 255. The type is that of all clips.
        """

    def check(self, crop: int) -> None:
        """Raise a `ValueError` for settings that do not fit the crop size."""

    def jittered(self, clips: Tensor, changes: Tensor) -> Tensor:
        """Clips (B, F, 3, crop, crop) after the colour jitter (B, 3, 2) that was left to their device."""
        return clips

    def check_tracked(self) -> None:
        """Raise a `ValueError` for settings under which joints cannot follow the pixels."""

    def tiny(self) -> Self:
        return self


class Augmentation(TrackedTransform):
    """RandAugment, short side, crop, flip and colour jitter, each drawn once per clip from `random` and torch."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AugmentationConfig):
        """The Kinetics recipe."""

        short_side: tuple[int, int] | None = None
        """Range of the short side; 8/7 to 10/7 of the crop if None."""
        inverse_uniform: bool = False
        """Draw the inverse of the short side uniformly."""
        resized_crop: bool = False
        """Crop a box of random size and aspect ratio, then resize it (Kinetics, 32 frames)."""
        flip: Share = 0.5
        color_jitter: PositiveOrZero = 0.4
        """Strength of brightness, contrast and saturation."""
        color_jitter_probability: Share = 0.8
        rand_augment: RandAugment.Config | None = None
        color_jitter_as_released: bool = field(default=False, metadata={"omit_if": False})
        """As in the released code, brightness is scaled around the middle grey instead of black, and values are not
        clipped. Clips are then float32."""

        def build(self, crop: int) -> "Augmentation":
            return Augmentation(crop, self)

        def short_side_range(self, crop: int) -> tuple[int, int]:
            low, high = self.short_side or (round(ratio * crop) for ratio in SHORT_SIDE_RANGE)
            return low, high

        def check(self, crop: int) -> None:
            low, high = self.short_side_range(crop)
            if low < crop or high < low:
                raise ValueError(f"short side {(low, high)} is not an ascending range from the crop size {crop} on")

        def jittered(self, clips: Tensor, changes: Tensor) -> Tensor:
            from data.transforms.colour_jitter import jittered

            return jittered(clips, changes, as_released=self.color_jitter_as_released)

        def check_tracked(self) -> None:
            if self.rand_augment is not None:
                raise ValueError(
                    "data.augmentation.rand_augment rotates and shears, which joints do not follow; set it to None"
                )

        def tiny(self) -> Self:
            """The same without RandAugment, which small models do not need."""
            return replace(self, rand_augment=None)

    def __init__(self, crop: int, config: Config) -> None:
        # Here: importing torchvision takes a second, and configs do not need it.
        from torchvision.transforms import v2

        from data.transforms.colour_jitter import UNCHANGED, ReleasedColorJitter
        from data.transforms.tensor_operations import ColorJitter

        self.crop = crop
        self.config = config
        config.check(crop)
        self.short_side = config.short_side_range(crop)
        self.rand_augment = config.rand_augment.build() if config.rand_augment else None
        jitter = ReleasedColorJitter if config.color_jitter_as_released else ColorJitter
        self.color_jitter = jitter(*3 * [config.color_jitter]) if config.color_jitter else None
        self.leaves_jitter, self.unchanged = False, torch.tensor(UNCHANGED)
        self.resized_crop = v2.RandomResizedCrop(crop, scale=(0.08, 1.0), ratio=(3 / 4, 4 / 3), antialias=False)

    def tracked(self, frames: Tensor) -> TrackedFrames:
        """Augmented clip (F, 3, crop, crop), uint8, or float32 with the released colour jitter.

        The map of points leaves out RandAugment.
        """
        operations = None if self.rand_augment is None else self.rand_augment.drawn()
        if self.config.resized_crop:
            clip = self.random_box(frames, operations)
        else:
            clip = random_crop(TrackedFrames(frames), self.random_short_side(), self.crop, operations)
        if random.random() < self.config.flip:
            clip = clip.mirrored()
        frames, changes = clip.frames, None
        jitter = self.color_jitter
        if jitter is not None and random.random() >= self.config.color_jitter_probability:
            jitter = None
        if self.leaves_jitter:
            changes = self.unchanged if jitter is None else torch.tensor(jitter.changes())
        else:
            frames = frames.float() if self.config.color_jitter_as_released else frames.contiguous()
            frames = frames if jitter is None else jitter(frames)
        return TrackedFrames(frames.contiguous(), clip.geometry, changes)

    def leave_jitter(self) -> bool:
        self.leaves_jitter = self.color_jitter is not None
        return self.leaves_jitter

    def random_box(self, frames: Tensor, operations: "Operations | None") -> TrackedFrames:
        """Box of random size and aspect ratio, resized to the crop size."""
        box = self.resized_crop.make_params([frames])
        if operations is not None:
            frames = operations(frames, Box(**box))
        resized = self.resized_crop.transform(frames, box)
        return TrackedFrames(frames).cropped(**box).resized(resized)

    def random_short_side(self) -> int:
        low, high = self.short_side
        if self.config.inverse_uniform:
            return round(1 / random.uniform(1 / high, 1 / low))
        return round(random.uniform(low, high))


class Crops:
    """Test crops of a protocol, evenly spaced along a side. A single crop is the middle one."""

    def __init__(self, crop: int, evaluation: EvalConfig) -> None:
        self.crop, self.num_crops = crop, evaluation.crops
        self.is_bicubic = evaluation.resizing == "bicubic"
        self.along = evaluation.crops_along
        self.short_side = evaluation.short_side or crop
        if self.short_side < crop:
            raise ValueError(f"short side {self.short_side} is smaller than the crop size {crop}; use {crop} or more")

    def __call__(self, frames: Tensor) -> list[TrackedFrames]:
        """Crops (F, 3, crop, crop), uint8, each with the map of points from the given frames."""
        whole = TrackedFrames(frames).resized(short_side_resized(frames, self.short_side, bicubic=self.is_bicubic))
        height, width = whole.frames.shape[-2:]
        positions = [0.5] if self.num_crops == 1 else [i / (self.num_crops - 1) for i in range(self.num_crops)]
        follows_height = self.along == "long side" and height > width
        rounded = math.ceil if self.along == "long side" else math.floor
        crops = []
        for position in positions:
            along_height, along_width = (position, 0.5) if follows_height else (0.5, position)
            top = rounded(along_height * (height - self.crop))
            left = rounded(along_width * (width - self.crop))
            crops.append(whole.cropped(top, left, self.crop, self.crop))
        return crops


def random_crop(
    clip: TrackedFrames, short_side: int, crop: int, operations: "Operations | None" = None, *, bicubic: bool = False
) -> TrackedFrames:
    """Crop (F, 3, crop, crop) at a random place of frames that are changed, then resized to this short side."""
    height, width = clip.frames.shape[-2:]
    size = resized_size(height, width, short_side)
    top, left = (random.randint(0, side - crop) for side in size)
    frames = clip.frames
    if operations is not None:
        (first_row, rows), (first_column, columns) = seen(top, crop, size[0], height), seen(left, crop, size[1], width)
        frames = operations(frames, Box(first_row, first_column, rows, columns))
    return clip.resized(short_side_resized(frames, short_side, bicubic=bicubic)).cropped(top, left, crop, crop)


def seen(start: int, length: int, resized: int, original: int) -> tuple[int, int]:
    """First place and number of places of a side to which a part of it refers after bilinear resizing."""
    scale = original / resized
    first = max(math.floor((start + 0.5) * scale - 0.5), 0)
    last = min(math.floor((start + length - 0.5) * scale - 0.5) + 1, original - 1)
    return first, last - first + 1


def resized_size(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Height and width of frames that are resized to this short side. The long side is rounded down."""
    long_side = short_side * max(height, width) // min(height, width)
    return (long_side, short_side) if width < height else (short_side, long_side)


def short_side_resized(frames: Tensor, short_side: int, *, bicubic: bool = False) -> Tensor:
    """Frames resized to this short side, bilinearly or, as PIL does, bicubically."""
    height, width = frames.shape[-2:]
    return resized(frames, resized_size(height, width, short_side), bicubic=bicubic, antialias=bicubic)


def resized(frames: Tensor, size: tuple[int, int], *, bicubic: bool = False, antialias: bool = False) -> Tensor:
    """Frames (F, 3, height, width) of bytes in another size, to the bit as torchvision, whose import takes a second."""
    if frames.shape[-2:] == size:
        return frames
    fast = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") or platform.machine() in ("aarch64", "arm64")
    as_bytes = frames.device.type == "cpu" and (fast or bicubic)
    pixels = frames if as_bytes else frames.float()
    mode = "bicubic" if bicubic else "bilinear"
    pixels = interpolate(pixels, size, mode=mode, align_corners=False, antialias=antialias)
    return pixels if as_bytes else pixels.clamp_(0, 255).round_().to(torch.uint8)


def normalized(clips: Tensor, mean: PerChannel, std: PerChannel) -> Tensor:
    """Normalised pixels (x / 255 - mean) / std of clips (B, F, 3, height, width) in float32."""
    if isinstance(mean, tuple) or isinstance(std, tuple):
        means, stds = (sent(torch.tensor(value), clips.device).expand(3).view(3, 1, 1) for value in (mean, std))
        scale, shift = 1 / (255 * stds), means / stds
    else:
        scale, shift = 1 / (255 * std), mean / std
    return clips.to(torch.float32, copy=True).mul_(scale).sub_(shift)
