"""Training augmentation of one part for each purpose: AutoAugment, crop, flip and erasing.

Follows https://github.com/1adrianb/video-transformers. AutoAugment has its policy v0 for ImageNet, one draw per clip.
Policy and operations are timm's, which follow those of EfficientNet (https://arxiv.org/abs/1905.11946) on TPUs. Crops
of a few sizes at fixed places are those of temporal segment networks (https://arxiv.org/abs/1608.00859). Random erasing
(https://arxiv.org/abs/1708.04896) is timm's.
F: frames of a clip. Frames are uint8, (F, 3, height, width), RGB.
"""

import math
import random
from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

from torch import Tensor

from data.transforms.pixels import SHORT_SIDE_RANGE, AugmentationConfig, random_crop, resized
from data.transforms.tracked_frames import Box, TrackedFrames, TrackedTransform
from interface.ranges import CheckedConfig, CountOrZero, Range, Share, ShareAboveZero

if TYPE_CHECKING:  # they are imported to change frames
    from data.transforms.clip_operations import Operation, Operations

# Number of boxes that are drawn until one lies within the frames. If none does, nothing is erased.
MAX_DRAWS = 10
# Zero after the normalisation with mean 0.5, up to half a grey level.
GREY = 128


class AutoAugment:
    """One of 25 pairs of operations, each applied with its own probability and at its own magnitude.

    All frames get the same operations, directions and filters.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        config_path: ClassVar[str] = "data.augmentation.auto_augment"

        shift: Share = 0.45
        """Largest vertical shift, as a share of the height. The policy shifts by nine tenths of it."""

        def build(self) -> "AutoAugment":
            return AutoAugment(self)

    def __init__(self, config: Config) -> None:
        from timm.data.auto_augment import auto_augment_policy  # here: timm takes a second to import

        self.policy = auto_augment_policy("v0", {"translate_pct": config.shift})
        for operation in (operation for pair in self.policy for operation in pair):
            # It then gives the operation in place of a changed image.
            operation.aug_fn = partial(_operation, operation.name)

    def drawn(self) -> "Operations":
        """Operations on a clip, drawn from the state of `random`."""
        from data.transforms.clip_operations import Operations

        pair = (operation(None) for operation in random.choice(self.policy))
        return Operations([(slice(None), [operation for operation in pair if operation is not None])])


def _operation(name: str, image: None, *amounts: float, **_: object) -> "Operation":
    from data.transforms.pillow_operations import OF_TIMM  # here: configs are resolved without importing Pillow

    return OF_TIMM[name](*amounts)


@dataclass(frozen=True, kw_only=True)
class RandomCropConfig(CheckedConfig, ABC):
    config_path: ClassVar[str] = "data.augmentation.crop"

    @abstractmethod
    def build(self, crop: int) -> "RandomCrop":
        """Crop of frames to (F, 3, crop, crop), drawn from the state of `random`."""


class RandomCrop(TrackedTransform):
    @abstractmethod
    def tracked(self, frames: Tensor, operations: "Operations | None" = None) -> TrackedFrames:
        """Clip (F, 3, crop, crop) of frames after operations."""


class ShortSideCrop(RandomCrop):
    """Box at a random place of frames with a random short side."""

    @dataclass(frozen=True, kw_only=True)
    class Config(RandomCropConfig):
        """Smallest and largest short side, relative to the crop size. It is drawn uniformly."""

        short_side: Annotated[tuple[float, float], Range(least=1, ascending=True)] = SHORT_SIDE_RANGE

        def build(self, crop: int) -> "ShortSideCrop":
            return ShortSideCrop(crop, self)

    def __init__(self, crop: int, config: Config) -> None:
        self.crop = crop
        self.config = config

    def tracked(self, frames: Tensor, operations: "Operations | None" = None) -> TrackedFrames:
        low, high = self.config.short_side
        short_side = round(random.uniform(low * self.crop, high * self.crop))
        return random_crop(TrackedFrames(frames), short_side, self.crop, operations)


class MultiScaleCrop(RandomCrop):
    """Box at one of 13 places, whose sides are shares of the frames' short side; resized to the crop size.

    The places are the crossings of a grid of quarters of the free space, in every second square: corners, middles of
    the edges, the centre, and four places around it.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(RandomCropConfig):
        scales: tuple[ShareAboveZero, ...] = (1.0, 0.875, 0.75, 0.66)
        """Shares of the short side, in descending order, for height and width."""
        distortion: CountOrZero = 1
        """Largest number of places in `scales` between the share of the height and that of the width."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.scales:
                raise ValueError(f"{self.config_path}.scales is empty; it has at least one share of the short side")

        def build(self, crop: int) -> "MultiScaleCrop":
            return MultiScaleCrop(crop, self)

    def __init__(self, crop: int, config: Config) -> None:
        self.crop = crop
        self.config = config

    def tracked(self, frames: Tensor, operations: "Operations | None" = None) -> TrackedFrames:
        height, width = frames.shape[-2:]
        place = self.random_box(height, width)
        changed = frames if operations is None else operations(frames, place)
        box = TrackedFrames(changed).cropped(*place)
        # As released, by Pillow's filter, which averages over all pixels of the box.
        return box.resized(resized(box.frames, (self.crop, self.crop), antialias=True))

    def random_box(self, height: int, width: int) -> Box:
        box_height, box_width = random.choice(self.sizes(min(height, width)))
        row, column = random.choice([(row, column) for row in range(5) for column in range(5) if row % 2 == column % 2])
        return Box(row * ((height - box_height) // 4), column * ((width - box_width) // 4), box_height, box_width)

    def sizes(self, short_side: int) -> list[tuple[int, int]]:
        """Heights and widths of the boxes of frames with this short side. Those that nearly fit need no resizing."""
        sides = [int(short_side * scale) for scale in self.config.scales]
        sides = [min(self.crop, short_side) if abs(side - self.crop) < 3 else max(side, 1) for side in sides]
        return [
            (height, width)
            for row, height in enumerate(sides)
            for column, width in enumerate(sides)
            if abs(row - column) <= self.config.distortion
        ]


class RandomErasing:
    """Box of random area, aspect ratio and place, filled with middle grey."""

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        config_path: ClassVar[str] = "data.augmentation.erasing"

        probability: Share = 0.5
        area: Annotated[tuple[float, float], Range(least=0, most=1, ascending=True)] = (0.02, 1 / 3)
        """Smallest and largest area of the box, as shares of the frame."""
        aspect: ShareAboveZero = 0.3
        """Smallest ratio of its sides. The largest one is its inverse, and its logarithm is uniform."""

        def build(self) -> "RandomErasing":
            return RandomErasing(self)

    def __init__(self, config: Config) -> None:
        self.config = config

    def __call__(self, frames: Tensor) -> Tensor:
        if random.random() >= self.config.probability:
            return frames
        height, width = frames.shape[-2:]
        for _ in range(MAX_DRAWS):
            box_height, box_width = self.random_sides(height * width)
            if box_height < height and box_width < width:
                top, left = random.randint(0, height - box_height), random.randint(0, width - box_width)
                frames = frames.clone()
                frames[..., top : top + box_height, left : left + box_width] = GREY
                return frames
        return frames

    def random_sides(self, num_pixels: int) -> tuple[int, int]:
        """Height and width of a box in frames of this many pixels."""
        area = num_pixels * random.uniform(*self.config.area)
        largest = -math.log(self.config.aspect)
        aspect = math.exp(random.uniform(-largest, largest))
        return round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))


class ComposedAugmentation(TrackedTransform):
    """AutoAugment, crop, flip and erasing in this order, each drawn once per clip from the state of `random`."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AugmentationConfig):
        """Parts. Those that are None are left out."""

        auto_augment: AutoAugment.Config | None = field(default_factory=AutoAugment.Config)
        crop: RandomCropConfig = field(default_factory=MultiScaleCrop.Config)
        flip: Share = 0.5
        erasing: RandomErasing.Config | None = None

        def build(self, crop: int) -> "ComposedAugmentation":
            return ComposedAugmentation(crop, self)

        def check_tracked(self) -> None:
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
        operations = None if self.auto_augment is None else self.auto_augment.drawn()
        clip = self.crop.tracked(frames, operations)
        if random.random() < self.flip:
            clip = clip.mirrored()
        frames = clip.frames if self.erasing is None else self.erasing(clip.frames)
        return TrackedFrames(frames.contiguous(), clip.geometry)
