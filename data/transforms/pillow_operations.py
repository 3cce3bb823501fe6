"""Operations of RandAugment by Pillow, with the constants and rounding of the released recipes.

Follows the timm policy in Motionformer's code (https://github.com/facebookresearch/Motionformer). Unlike those on
tensors, warped pixels are interpolated by bilinear or bicubic filters, and shifts are by fractions of pixels.
"""

from collections.abc import Callable
from typing import NamedTuple

from PIL import Image, ImageEnhance, ImageOps

FILL = (128, 128, 128)
FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


class Amount(NamedTuple):
    """Strength in [0, 1], a sign for operations with two directions, and the filter of warps."""

    strength: float
    sign: int
    filter: Image.Resampling

    @property
    def signed(self) -> float:
        """Strength in [-1, 1]."""
        return self.sign * self.strength


PillowOperation = Callable[[Image.Image, Amount], Image.Image]


def with_bits(image: Image.Image, bits: int) -> Image.Image:
    """Image with the first bits of each pixel. Without bits, it is black."""
    # Differs from the released code: with 0 bits, Pillow raises an error; its versions of that time gave black images.
    return ImageOps.posterize(image, bits) if bits else Image.new(image.mode, image.size)


def posterized(image: Image.Image, amount: Amount) -> Image.Image:
    """Image with the first 4 to 0 bits of each pixel."""
    return with_bits(image, 4 - int(4 * amount.strength))


def dark_lightened(image: Image.Image, amount: Amount) -> Image.Image:
    """Image with up to 110 added to the values below 128."""
    added = int(110 * amount.strength)
    return image.point([min(255, value + added) if value < 128 else value for value in range(256)] * 3)


def warped(image: Image.Image, amount: Amount, *coefficients: float) -> Image.Image:
    """Image whose pixel (x, y) is that of the given one at (a x + b y + c, d x + e y + f)."""
    return image.transform(image.size, Image.Transform.AFFINE, coefficients, amount.filter, fillcolor=FILL)


OPERATIONS: tuple[PillowOperation, ...] = (
    lambda x, amount: ImageOps.autocontrast(x),
    lambda x, amount: ImageOps.equalize(x),
    lambda x, amount: ImageOps.invert(x),
    lambda x, amount: x.rotate(30 * amount.signed, amount.filter, fillcolor=FILL),
    posterized,
    lambda x, amount: ImageOps.solarize(x, 256 - int(256 * amount.strength)),
    dark_lightened,
    lambda x, amount: ImageEnhance.Color(x).enhance(1 + 0.9 * amount.signed),
    lambda x, amount: ImageEnhance.Contrast(x).enhance(1 + 0.9 * amount.signed),
    lambda x, amount: ImageEnhance.Brightness(x).enhance(1 + 0.9 * amount.signed),
    lambda x, amount: ImageEnhance.Sharpness(x).enhance(1 + 0.9 * amount.signed),
    lambda x, amount: warped(x, amount, 1, 0.3 * amount.signed, 0, 0, 1, 0),
    lambda x, amount: warped(x, amount, 1, 0, 0, 0.3 * amount.signed, 1, 0),
    lambda x, amount: warped(x, amount, 1, 0, 0.45 * amount.signed * x.width, 0, 1, 0),
    lambda x, amount: warped(x, amount, 1, 0, 0, 0, 1, 0.45 * amount.signed * x.height),
)
