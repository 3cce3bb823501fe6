"""RandAugment with the settings of the released recipes (`rand-m20-mstd0.5-inc1`), one draw per clip.

Follows the timm policy in Motionformer's code (https://github.com/facebookresearch/Motionformer). Two of its oddities
are kept, since they change the clips: any magnitude above 10 acts as 10, and a single draw applies or skips both
operations, so that half of the clips are unchanged.
# Differs from the released code: its first frame gets other operations than the rest; here all frames get the same.
# Differs from the released code: posterising keeps at least one bit. Zero bits would make the clip black.
Frames are uint8, (F, 3, height, width).
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from data.ranges import check_fields

MAX_LEVEL = 10
FILL = [128.0, 128.0, 128.0]

Operation = Callable[[Tensor, float, int], Tensor]


class RandAugment:
    """Random operations on a clip, drawn with replacement."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Settings of `rand-m{magnitude}-mstd{deviation}-inc1`."""

        magnitude: float = 20.0
        deviation: float = 0.5
        num_operations: int = 2
        probability: float = 0.5

        def __post_init__(self) -> None:
            """Reject settings out of range."""
            check_fields("data.augmentation.rand_augment", self, "magnitude", "deviation", least=0)
            check_fields("data.augmentation.rand_augment", self, "num_operations", least=1)
            check_fields("data.augmentation.rand_augment", self, "probability", least=0, most=1)

        def build(self) -> "RandAugment":
            """The augmentation with these settings."""
            return RandAugment(self)

    def __init__(self, config: Config) -> None:
        self.config = config
        self.operations = operations()

    def __call__(self, frames: Tensor) -> Tensor:
        """Augmented frames. The operations are drawn from the state of `random`."""
        if random.random() > self.config.probability:
            return frames
        for operation in random.choices(self.operations, k=self.config.num_operations):
            level = random.gauss(self.config.magnitude, self.config.deviation)
            strength = min(max(level, 0), MAX_LEVEL) / MAX_LEVEL
            frames = operation(frames, strength, random.choice((-1, 1)))
        return frames


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
