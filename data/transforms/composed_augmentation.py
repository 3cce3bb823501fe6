"""Training augmentation of one part for each purpose: AutoAugment, crop, flip and erasing.

Follows https://github.com/1adrianb/video-transformers. AutoAugment has its policy v0 for ImageNet, one draw per clip.
Policy and operations are timm's, which follow those of EfficientNet (https://arxiv.org/abs/1905.11946) on TPUs.
F: frames of a clip. Frames are uint8, (F, 3, height, width), RGB.
"""

import random
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from data.transforms.pixels import AugmentationConfig
from data.transforms.random_crops import MultiScaleCrop, RandomCropConfig
from data.transforms.random_erasing import RandomErasing
from data.transforms.tracked_frames import TrackedFrames, TrackedTransform
from interface.ranges import CheckedConfig, Share

if TYPE_CHECKING:  # configs are resolved without importing Pillow
    from PIL import Image


class AutoAugment:
    """One of 25 pairs of operations, each applied with its own probability and at its own magnitude.

    All frames get the same operations, directions and filters. Pillow applies them: on 16 frames of 256 x 340 pixels,
    colours take 7 to 15 ms and warps 40 to 85 ms. On tensors, all but warps take longer.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        """Settings.

        Args:
            shift: largest vertical shift, as a share of the height. The policy shifts by nine tenths of it.
        """

        config_path: ClassVar[str] = "data.augmentation.auto_augment"

        shift: Share = 0.45

        def build(self) -> "AutoAugment":
            return AutoAugment(self)

    def __init__(self, config: Config) -> None:
        from timm.data.auto_augment import auto_augment_policy  # here: timm takes a second to import

        from data.transforms.pillow_operations import FILL, FILTERS

        settings = {"translate_pct": config.shift, "img_mean": FILL, "interpolation": FILTERS}
        self.policy = auto_augment_policy("v0", settings)
        for operation in (operation for pair in self.policy for operation in pair):
            if operation.name == "Posterize":
                operation.aug_fn = posterized

    def __call__(self, frames: Tensor) -> Tensor:
        from PIL import Image

        pair = random.choice(self.policy)
        state = random.getstate()
        changed = []
        for frame in frames.permute(0, 2, 3, 1).contiguous().numpy():
            random.setstate(state)  # the operations draw the same numbers for every frame
            image = first = Image.fromarray(frame)
            for operation in pair:
                image = operation(image)
            if image is first:  # neither operation was drawn
                return frames
            changed.append(np.asarray(image))
        return torch.from_numpy(np.stack(changed)).permute(0, 3, 1, 2)


def posterized(image: "Image.Image", bits: int, **_: object) -> "Image.Image":
    """Image with the first bits of each pixel. timm's function refuses 0 bits, which the policy has at magnitude 2."""
    from data.transforms.pillow_operations import with_bits

    return with_bits(image, bits)


class ComposedAugmentation(TrackedTransform):
    """AutoAugment, crop, flip and erasing in this order, each drawn once per clip from the state of `random`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AugmentationConfig):
        """Parts. Those that are None are left out.

        Args:
            flip: probability of a horizontal flip.
        """

        auto_augment: AutoAugment.Config | None = field(default_factory=AutoAugment.Config)
        crop: RandomCropConfig = field(default_factory=MultiScaleCrop.Config)
        flip: Share = 0.5
        erasing: RandomErasing.Config | None = None

        def build(self, crop: int) -> "ComposedAugmentation":
            return ComposedAugmentation(crop, self)

        def check_tracked(self) -> None:
            """Reject AutoAugment, which rotates and shears."""
            if self.auto_augment is not None:
                raise ValueError(
                    "data.augmentation.auto_augment rotates and shears, which joints do not follow; set it to None"
                )

        def tiny(self) -> Self:
            """The same without AutoAugment and erasing, which small models do not need."""
            return replace(self, auto_augment=None, erasing=None)

    def __init__(self, crop: int, config: Config) -> None:
        self.auto_augment = config.auto_augment.build() if config.auto_augment else None
        self.crop = config.crop.build(crop)
        self.flip = config.flip
        self.erasing = config.erasing.build() if config.erasing else None

    def tracked(self, frames: Tensor) -> TrackedFrames:
        """Augmented clip (F, 3, crop, crop), uint8. The map of points leaves out AutoAugment."""
        if self.auto_augment is not None:
            frames = self.auto_augment(frames)
        clip = self.crop.tracked(frames)
        if random.random() < self.flip:
            clip = clip.mirrored()
        frames = clip.frames if self.erasing is None else self.erasing(clip.frames)
        return TrackedFrames(frames.contiguous(), clip.geometry)
