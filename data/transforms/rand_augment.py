"""RandAugment with the settings of the released recipes (`rand-m20-mstd0.5-inc1`), one draw per clip.

Follows the timm policy in Motionformer's code (https://github.com/facebookresearch/Motionformer). Two of its oddities
are always kept, since they change the clips: any magnitude above 10 acts as 10, and, unless `independent`, a single
draw applies or skips all operations, so that half of the clips are unchanged.
# Differs from the released code, unless `as_released`: all frames get the same operations; each operation draws its own
# direction; posterising keeps at least one bit, since zero bits make a clip black; warps are bilinear, and shifts are
# by whole pixels.
# Differs from the released code, unless `reversed_channels`: operations get the channels in the order of the model.
With `independent` and `bicubic`, it is timm's own RandAugment with one draw per clip, as in
https://github.com/KHU-VLL/CAST (`rand-m7-n4-mstd0.5-inc1`).
Frames are uint8, (F, 3, height, width).
"""

import math
import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import torch
from torch import Tensor

from interface.ranges import CheckedConfig, Count, PositiveOrZero, Share

if TYPE_CHECKING:  # configs are resolved without importing Pillow
    from PIL import Image

    from data.transforms.pillow_operations import PillowOperation

MAX_LEVEL = 10
FILL = [128.0, 128.0, 128.0]

Operation = Callable[[Tensor, float, int], Tensor]


class RandAugment:
    """Random operations on a clip, drawn with replacement."""

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        """Settings of `rand-m{magnitude}-n{num_operations}-mstd{deviation}-inc1`.

        Args:
            probability: that of applying all operations or, if `independent`, that of applying each.
            as_released: as in the released code: the first frame gets operations of its own, one draw gives all
                operations the same direction and filter (bilinear or bicubic), posterising keeps 0 bits at full
                strength, and shifts are by fractions of pixels.
            reversed_channels: give the operations the channels in reverse order. The released code applies them to BGR,
                also where its model gets RGB.
            independent: each operation is applied or skipped by itself, as in timm.
            bicubic: warps are bicubic, shifts are by fractions of pixels, and posterising keeps 0 bits at full
                strength, as in timm with Pillow. It takes several times as long.
        """

        config_path: ClassVar[str] = "data.augmentation.rand_augment"

        magnitude: PositiveOrZero = 20.0
        deviation: PositiveOrZero = 0.5
        num_operations: Count = 2
        probability: Share = 0.5
        as_released: bool = field(default=False, metadata={"omit_if": False})
        reversed_channels: bool = field(default=False, metadata={"omit_if": False})
        independent: bool = field(default=False, metadata={"omit_if": False})
        bicubic: bool = field(default=False, metadata={"omit_if": False})

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.as_released and (self.independent or self.bicubic):
                name = "independent" if self.independent else "bicubic"
                raise ValueError(f"{self.config_path}.as_released and .{name} exclude each other; set one of them")

        def build(self) -> "RandAugment":
            return RandAugment(self)

    def __init__(self, config: Config) -> None:
        self.config = config

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Operations, made in each process: they cannot be pickled for a worker."""
        return bicubic_operations() if self.config.bicubic else operations()

    def __call__(self, frames: Tensor) -> Tensor:
        if not self.config.independent and random.random() > self.config.probability:
            return frames
        change = self.changed_as_released if self.config.as_released else self.changed
        return change(frames.flip(1)).flip(1) if self.config.reversed_channels else change(frames)

    def changed(self, frames: Tensor) -> Tensor:
        """Frames after the same random operations."""
        for operation in random.choices(self.operations, k=self.config.num_operations):
            if self.config.independent and random.random() > self.config.probability:
                continue
            strength = self.random_strength()
            frames = operation(frames, strength, random.choice((-1, 1)))
        return frames

    def changed_as_released(self, frames: Tensor) -> Tensor:
        """Frames after random operations of the first frame, and others of the remaining frames."""
        from data.transforms.pillow_operations import (  # here: configs are resolved without Pillow
            FILTERS,
            OPERATIONS,
            Amount,
        )

        # The released code seeds its generator anew before each operation of each frame. All of them so draw the same
        # numbers. The operations of the first frame alone are drawn before.
        amount = Amount(self.random_strength(), random.choice((-1, 1)), random.choice(FILTERS))
        first, others = (random.choices(OPERATIONS, k=self.config.num_operations) for _ in range(2))
        changed = []
        for index, image in enumerate(images_of(frames)):
            for operation in others if index else first:
                image = operation(image, amount)
            changed.append(image)
        return frames_of(changed)

    def random_strength(self) -> float:
        level = random.gauss(self.config.magnitude, self.config.deviation)
        return min(max(level, 0), MAX_LEVEL) / MAX_LEVEL


def images_of(frames: Tensor) -> "Iterator[Image.Image]":
    """Images of frames (F, 3, height, width)."""
    from PIL import Image

    return map(Image.fromarray, frames.permute(0, 2, 3, 1).contiguous().numpy())


def frames_of(images: "Iterable[Image.Image]") -> Tensor:
    """Frames (F, 3, height, width) of images."""
    return torch.from_numpy(np.stack([np.array(image) for image in images])).permute(0, 3, 1, 2)


@cache
def bicubic_operations() -> tuple[Operation, ...]:
    """Operations as below, applied by Pillow to each frame, with its bicubic filter."""
    from PIL import Image

    from data.transforms.pillow_operations import OPERATIONS, Amount

    def of_frames(operation: "PillowOperation") -> Operation:
        def changed(frames: Tensor, strength: float, sign: int) -> Tensor:
            amount = Amount(strength, sign, Image.Resampling.BICUBIC)
            return frames_of(operation(image, amount) for image in images_of(frames))

        return changed

    return tuple(map(of_frames, OPERATIONS))


@cache
def operations() -> tuple[Operation, ...]:
    """Operations: functions of frames, a strength in [0, 1], and a sign for operations with two directions."""
    from torchvision.transforms.v2 import InterpolationMode  # here: configs are resolved without importing torchvision
    from torchvision.transforms.v2 import functional as F

    def solarize_add(frames: Tensor, strength: float) -> Tensor:
        lightened = frames.clamp(max=255 - int(110 * strength)) + int(110 * strength)
        return lightened.where(frames < 128, frames)

    def warp(frames: Tensor, shift: tuple[float, float] = (0, 0), slope: tuple[float, float] = (0, 0)) -> Tensor:
        """Shift by shares of width and height, or shear about the top left corner."""
        height, width = frames.shape[-2:]
        return F.affine(
            frames,
            angle=0.0,
            translate=[round(shift[0] * width), round(shift[1] * height)],
            scale=1.0,
            shear=[math.degrees(math.atan(slope[0])), math.degrees(math.atan(slope[1]))],
            interpolation=InterpolationMode.BILINEAR,
            fill=FILL,
            center=[0.0, 0.0],
        )

    def rotate(frames: Tensor, degrees: float) -> Tensor:
        return F.rotate(frames, degrees, interpolation=InterpolationMode.BILINEAR, fill=FILL)

    return (
        lambda x, strength, sign: F.autocontrast(x),
        lambda x, strength, sign: F.equalize(x),
        lambda x, strength, sign: F.invert(x),
        lambda x, strength, sign: rotate(x, sign * strength * 30),
        lambda x, strength, sign: F.posterize(x, max(1, 4 - int(4 * strength))),
        lambda x, strength, sign: F.solarize(x, 256 - round(256 * strength)),
        lambda x, strength, sign: solarize_add(x, strength),
        lambda x, strength, sign: F.adjust_saturation(x, 1 + sign * strength * 0.9),
        lambda x, strength, sign: F.adjust_contrast(x, 1 + sign * strength * 0.9),
        lambda x, strength, sign: F.adjust_brightness(x, 1 + sign * strength * 0.9),
        lambda x, strength, sign: F.adjust_sharpness(x, 1 + sign * strength * 0.9),
        lambda x, strength, sign: warp(x, slope=(sign * strength * 0.3, 0)),
        lambda x, strength, sign: warp(x, slope=(0, sign * strength * 0.3)),
        lambda x, strength, sign: warp(x, shift=(sign * strength * 0.45, 0)),
        lambda x, strength, sign: warp(x, shift=(0, sign * strength * 0.45)),
    )
