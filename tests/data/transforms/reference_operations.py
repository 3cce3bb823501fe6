"""Operations of RandAugment as functions of whole frames, by timm with Pillow and by torchvision.

The operations of clips are compared with them.
"""

import math
import platform
from collections.abc import Callable
from unittest.mock import patch

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image
from timm.data.auto_augment import rand_augment_transform
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

FILL = (128, 128, 128)
POLICY = "rand-inc1"  # of timm, whose operations are stronger at larger magnitudes
NAMES = [operation.name for operation in rand_augment_transform(POLICY, {"img_mean": FILL}).ops]


def equal(found: ArrayLike, expected: ArrayLike) -> bool:
    """Whether pixels are equal: to the bit or, on ARM, where Pillow's compiler fuses products with sums, nearly."""
    differences = np.abs(np.asarray(found, int) - np.asarray(expected, int))
    if platform.machine() not in ("aarch64", "arm64"):
        return not differences.any()
    return bool(differences.max() <= 1 and differences.mean() < 0.01)


def by_timm(number: int, strength: float, sign: int, filter: Image.Resampling) -> Callable[[Image.Image], Image.Image]:
    """Function of an image, by an operation whose sign and filter are not drawn."""
    operation = rand_augment_transform(POLICY, {"img_mean": FILL, "interpolation": filter}).ops[number]
    operation.prob, operation.magnitude = 1.0, 10 * strength

    def changed(image: Image.Image) -> Image.Image:
        if operation.name == "PosterizeIncreasing" and strength == 1:  # no bit is left, which Pillow refuses
            return Image.new(image.mode, image.size)
        with patch("timm.data.auto_augment._randomly_negate", lambda amount: sign * amount):
            return operation(image)

    return changed


def solarize_add(frames: Tensor, strength: float) -> Tensor:
    lightened = frames.clamp(max=255 - int(110 * strength)) + int(110 * strength)
    return lightened.where(frames < 128, frames)


def warp(frames: Tensor, shift: tuple[float, float] = (0, 0), slope: tuple[float, float] = (0, 0)) -> Tensor:
    height, width = frames.shape[-2:]
    return F.affine(
        frames,
        angle=0.0,
        translate=[round(shift[0] * width), round(shift[1] * height)],
        scale=1.0,
        shear=[math.degrees(math.atan(slope[0])), math.degrees(math.atan(slope[1]))],
        interpolation=InterpolationMode.BILINEAR,
        fill=list(FILL),
        center=[0.0, 0.0],
    )


def rotate(frames: Tensor, degrees: float) -> Tensor:
    return F.rotate(frames, degrees, interpolation=InterpolationMode.BILINEAR, fill=list(FILL))


TORCHVISION: tuple[Callable[[Tensor, float, int], Tensor], ...] = (
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
