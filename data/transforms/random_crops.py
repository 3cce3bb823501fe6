"""Random square crops of clips: boxes at fixed places and of a few sizes, or boxes at any place after a random scaling.

Follows https://github.com/1adrianb/video-transformers; the former are those of temporal segment networks
(https://arxiv.org/abs/1608.00859). F: frames of a clip. Frames are uint8, (F, 3, height, width).
"""

import random
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, NamedTuple

from torch import Tensor

from data.transforms.pixels import SHORT_SIDE_RANGE, random_crop, short_side_resized
from data.transforms.tracked_frames import TrackedFrames, TrackedTransform
from interface.ranges import CheckedConfig, CountOrZero, Range, ShareAboveZero


@dataclass(frozen=True, kw_only=True)
class RandomCropConfig(CheckedConfig, ABC):
    """Settings of a random crop."""

    config_path: ClassVar[str] = "data.augmentation.crop"

    @abstractmethod
    def build(self, crop: int) -> TrackedTransform:
        """Crop of frames to (F, 3, crop, crop), drawn from the state of `random`."""


class ShortSideCrop(TrackedTransform):
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

    def tracked(self, frames: Tensor) -> TrackedFrames:
        """Clip (F, 3, crop, crop)."""
        low, high = self.config.short_side
        short_side = round(random.uniform(low * self.crop, high * self.crop))
        return random_crop(TrackedFrames(frames).resized(short_side_resized(frames, short_side)), self.crop)


class Box(NamedTuple):
    """Box of pixels."""

    top: int
    left: int
    height: int
    width: int


class MultiScaleCrop(TrackedTransform):
    """Box at one of 13 places, whose sides are shares of the frames' short side; resized to the crop size.

    The places are the crossings of a grid of quarters of the free space, in every second square: corners, middles of
    the edges, the centre, and four places around it.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(RandomCropConfig):
        """Settings.

        Args:
            scales: shares of the short side, in descending order, for height and width.
            distortion: largest number of places in `scales` between the share of the height and that of the width.
        """

        scales: tuple[ShareAboveZero, ...] = (1.0, 0.875, 0.75, 0.66)
        distortion: CountOrZero = 1

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.scales:
                raise ValueError(f"{self.config_path}.scales is empty; it has at least one share of the short side")

        def build(self, crop: int) -> "MultiScaleCrop":
            return MultiScaleCrop(crop, self)

    def __init__(self, crop: int, config: Config) -> None:
        self.crop = crop
        self.config = config

    def tracked(self, frames: Tensor) -> TrackedFrames:
        """Clip (F, 3, crop, crop)."""
        from torchvision.transforms.v2 import functional as F  # here: importing torchvision takes a second

        height, width = frames.shape[-2:]
        box = TrackedFrames(frames).cropped(*self.random_box(height, width))
        # As released, by Pillow's filter, which averages over all pixels of the box.
        return box.resized(F.resize(box.frames, [self.crop, self.crop], F.InterpolationMode.BILINEAR, antialias=True))

    def random_box(self, height: int, width: int) -> Box:
        """Random box of frames of this size."""
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
