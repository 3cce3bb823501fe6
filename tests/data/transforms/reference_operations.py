"""Operations of RandAugment as functions of whole images by Pillow, and of whole frames by torchvision.

The operations of clips are compared with them.
"""

import math
import platform
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as F

FILL = (128, 128, 128)
NAMES = (
    "autocontrast", "equalize", "invert", "rotate", "posterize", "solarize", "solarize add", "colour", "contrast",
    "brightness", "sharpness", "shear x", "shear y", "translate x", "translate y",
)  # fmt: skip


def equal(found: ArrayLike, expected: ArrayLike) -> bool:
    """Whether pixels are equal: to the bit or, on ARM, where Pillow's compiler fuses products with sums, nearly."""
    differences = np.abs(np.asarray(found, int) - np.asarray(expected, int))
    if platform.machine() not in ("aarch64", "arm64"):
        return not differences.any()
    return bool(differences.max() <= 1 and differences.mean() < 0.01)


def with_bits(image: Image.Image, bits: int) -> Image.Image:
    return ImageOps.posterize(image, bits) if bits else Image.new(image.mode, image.size)


def dark_lightened(image: Image.Image, strength: float) -> Image.Image:
    added = int(110 * strength)
    return image.point([min(255, value + added) if value < 128 else value for value in range(256)] * 3)


def warped(image: Image.Image, filter: Image.Resampling, *coefficients: float) -> Image.Image:
    return image.transform(image.size, Image.Transform.AFFINE, coefficients, filter, fillcolor=FILL)


# Functions of an image, a strength with a sign, and a filter.
PILLOW: tuple[Callable[[Image.Image, float, Image.Resampling], Image.Image], ...] = (
    lambda x, strength, _: ImageOps.autocontrast(x),
    lambda x, strength, _: ImageOps.equalize(x),
    lambda x, strength, _: ImageOps.invert(x),
    lambda x, strength, filter: x.rotate(30 * strength, filter, fillcolor=FILL),
    lambda x, strength, _: with_bits(x, 4 - int(4 * abs(strength))),
    lambda x, strength, _: ImageOps.solarize(x, 256 - int(256 * abs(strength))),
    lambda x, strength, _: dark_lightened(x, abs(strength)),
    lambda x, strength, _: ImageEnhance.Color(x).enhance(1 + 0.9 * strength),
    lambda x, strength, _: ImageEnhance.Contrast(x).enhance(1 + 0.9 * strength),
    lambda x, strength, _: ImageEnhance.Brightness(x).enhance(1 + 0.9 * strength),
    lambda x, strength, _: ImageEnhance.Sharpness(x).enhance(1 + 0.9 * strength),
    lambda x, strength, filter: warped(x, filter, 1, 0.3 * strength, 0, 0, 1, 0),
    lambda x, strength, filter: warped(x, filter, 1, 0, 0, 0.3 * strength, 1, 0),
    lambda x, strength, filter: warped(x, filter, 1, 0, 0.45 * strength * x.width, 0, 1, 0),
    lambda x, strength, filter: warped(x, filter, 1, 0, 0, 0, 1, 0.45 * strength * x.height),
)


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
