"""Training augmentation of one part for each purpose: AutoAugment, crop, flip and erasing.

Follows https://github.com/1adrianb/video-transformers.
F: frames of a clip. Frames are uint8, (F, 3, height, width), RGB.
"""

import random
from dataclasses import dataclass, field, replace
from typing import Self

from torch import Tensor

from data.auto_augment import AutoAugment
from data.random_crops import MultiScaleCrop, RandomCropConfig
from data.random_erasing import RandomErasing
from data.ranges import check_fields
from data.tracked_frames import TrackedFrames, TrackedTransform
from data.transforms import AugmentationConfig


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
        flip: float = 0.5
        erasing: RandomErasing.Config | None = None

        def __post_init__(self) -> None:
            check_fields("data.augmentation", self, "flip", least=0, most=1)

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
