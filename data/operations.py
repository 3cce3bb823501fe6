"""The operations that RandAugment chooses from; frames are uint8, (F, 3, height, width)."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

FILL = [128.0, 128.0, 128.0]

Operation = Callable[[Tensor, float, int], Tensor]


def posterized(frames: Tensor, strength: float) -> Tensor:
    """Fewer bits, down to one."""
    return F.posterize(frames, max(1, 4 - int(4 * strength)))


def solarize_added(frames: Tensor, strength: float) -> Tensor:
    """Dark pixels lightened."""
    lightened = torch.clamp(frames, max=255 - int(110 * strength)) + int(110 * strength)
    return torch.where(frames < 128, lightened, frames)


def warped(frames: Tensor, shift: tuple[float, float] = (0, 0), slope: tuple[float, float] = (0, 0)) -> Tensor:
    """Moved by a fraction of width and height, or sheared from the top left corner."""
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


def rotated(frames: Tensor, degrees: float) -> Tensor:
    """Turned about the middle."""
    return F.rotate(frames, degrees, interpolation=InterpolationMode.BILINEAR, fill=FILL)


# Frames, strength from 0 to 1, and a sign for what goes both ways.
OPERATIONS: tuple[Operation, ...] = (
    lambda x, strength, sign: F.autocontrast(x),
    lambda x, strength, sign: F.equalize(x),
    lambda x, strength, sign: F.invert(x),
    lambda x, strength, sign: rotated(x, sign * strength * 30),
    lambda x, strength, sign: posterized(x, strength),
    lambda x, strength, sign: F.solarize(x, 256 - round(256 * strength)),
    lambda x, strength, sign: solarize_added(x, strength),
    lambda x, strength, sign: F.adjust_saturation(x, 1 + sign * strength * 0.9),
    lambda x, strength, sign: F.adjust_contrast(x, 1 + sign * strength * 0.9),
    lambda x, strength, sign: F.adjust_brightness(x, 1 + sign * strength * 0.9),
    lambda x, strength, sign: F.adjust_sharpness(x, 1 + sign * strength * 0.9),
    lambda x, strength, sign: warped(x, slope=(sign * strength * 0.3, 0)),
    lambda x, strength, sign: warped(x, slope=(0, sign * strength * 0.3)),
    lambda x, strength, sign: warped(x, shift=(sign * strength * 0.45, 0)),
    lambda x, strength, sign: warped(x, shift=(0, sign * strength * 0.45)),
)
