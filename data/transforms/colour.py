"""Training augmentation with rare, strong changes of colour.

Follows https://github.com/VideoNetworks/TokShift-Transformer.
F: frames of a clip. Frames are uint8, (F, 3, height, width), RGB.
"""

import random
from dataclasses import dataclass
from typing import Annotated

from torch import Tensor

from data.transforms.pixels import AugmentationConfig, random_crop
from data.transforms.tracked_frames import TrackedFrames, TrackedTransform
from interface.ranges import Range, Share

# Factors of brightness, saturation and gamma, and the shift of the hue as a share of the colour wheel.
BRIGHTNESS, SATURATION, GAMMA, HUE = (0.5, 2.0), (0.5, 3.0), (0.8, 1.2), (-0.5, 0.5)


class ColourAugmentation(TrackedTransform):
    """Flip, short side, crop, then brightness, saturation, gamma and hue, each the same for all frames of a clip."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AugmentationConfig):
        short_side: Annotated[tuple[float, float], Range(least=1, ascending=True)] = (1.0, 329 / 224)
        """Smallest and largest short side, relative to the crop size."""
        flip: Share = 0.5
        colour: Share = 0.1
        """Probability of each change of colour."""

        def build(self, crop: int) -> "ColourAugmentation":
            return ColourAugmentation(crop, self)

    def __init__(self, crop: int, config: Config) -> None:
        self.crop = crop
        self.config = config

    def tracked(self, frames: Tensor) -> TrackedFrames:
        """Augmented clip (F, 3, crop, crop), uint8."""
        # Here: it imports torchvision, which takes a second.
        from data.transforms.clip_operations import Operations
        from data.transforms.tensor_operations import brightness, gamma, hue, saturation

        clip = TrackedFrames(frames)
        if random.random() < self.config.flip:
            clip = clip.mirrored()
        low, high = (round(ratio * self.crop) for ratio in self.config.short_side)
        clip = random_crop(clip, random.randint(low, high), self.crop, bicubic=True)
        changes = {brightness: BRIGHTNESS, saturation: SATURATION, gamma: GAMMA, hue: HUE}
        operations = [make(random.uniform(*bounds)) for make, bounds in changes.items() if self.drawn()]
        frames = Operations([(slice(None), operations)])(clip.frames)
        return TrackedFrames(frames.contiguous(), clip.geometry)

    def drawn(self) -> bool:
        return random.random() < self.config.colour
