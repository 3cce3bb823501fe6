"""Random erasing (https://arxiv.org/abs/1708.04896): a grey box, the same in all frames of a clip.

Follows timm's, as https://github.com/1adrianb/video-transformers does. Frames are uint8, (F, 3, height, width).
"""

import math
import random
from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from interface.ranges import CheckedConfig, Range, Share, ShareAboveZero

# Number of boxes that are drawn until one lies within the frames. If none does, nothing is erased.
MAX_DRAWS = 10
# Zero after the normalisation with mean 0.5, up to half a grey level.
GREY = 128


class RandomErasing:
    """Box of random area, aspect ratio and place, filled with middle grey."""

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        """Settings.

        Args:
            probability: probability that a box is erased.
            area: smallest and largest area of the box, as shares of the frame.
            aspect: smallest ratio of its sides. The largest one is its inverse, and its logarithm is uniform.
        """

        config_path: ClassVar[str] = "data.augmentation.erasing"

        probability: Share = 0.5
        area: Annotated[tuple[float, float], Range(least=0, most=1, ascending=True)] = (0.02, 1 / 3)
        aspect: ShareAboveZero = 0.3

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
