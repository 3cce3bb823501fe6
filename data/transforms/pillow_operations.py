"""Operations of RandAugment and AutoAugment with the constants, filters and rounding of Pillow, equal to the bit.

Follows the timm policy in Motionformer's code (https://github.com/facebookresearch/Motionformer). Unlike those on
tensors, warped pixels are interpolated by bilinear or bicubic filters, and shifts are by fractions of pixels.
"""

import random
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image, ImageEnhance

from data.transforms.clip_operations import (
    RAMP,
    Filter,
    FrameLookup,
    Lookup,
    Operation,
    Pixels,
    dark_lightened,
    equalized,
    extremes,
    inverted,
    posterized,
    solarized,
)
from data.transforms.pillow_warps import AxisWarp, Rotation

FILTERS = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)


def autocontrast() -> Operation:
    return FrameLookup(_stretching)


def _stretching(pixels: Pixels) -> Pixels:
    low, high = (values.astype(float)[..., None] for values in extremes(pixels))
    scale = 255.0 / (high - low).clip(min=1)
    stretched = np.trunc(RAMP * scale + -low * scale).clip(0, 255)
    return np.where(high > low, stretched, RAMP).astype(np.uint8)


def enhanced(
    enhancement: Callable[[Image.Image], ImageEnhance.Color | ImageEnhance.Sharpness], factor: float, margin: int = 0
) -> Operation:
    def function(pixels: Pixels) -> Pixels:
        return np.stack([np.asarray(enhancement(Image.fromarray(frame)).enhance(factor)) for frame in pixels])

    return Filter(function, margin)


def colour(factor: float) -> Operation:
    return enhanced(ImageEnhance.Color, factor)


def contrast(factor: float) -> Operation:
    def tables(pixels: Pixels) -> Pixels:
        greys = [np.asarray(Image.fromarray(frame).convert("L")) for frame in pixels]
        means = [int(grey.mean() + 0.5) for grey in greys]
        ramp = Image.fromarray(RAMP[None])
        return np.concatenate([np.asarray(Image.blend(Image.new("L", ramp.size, m), ramp, factor)) for m in means])

    return FrameLookup(tables)


def brightness(factor: float) -> Operation:
    return Lookup(np.asarray(ImageEnhance.Brightness(Image.fromarray(RAMP[None])).enhance(factor)))


def sharpness(factor: float) -> Operation:
    return enhanced(ImageEnhance.Sharpness, factor, margin=1)


def operations(filter: Image.Resampling) -> Sequence[Callable[[float, int], Operation]]:
    """Makers of operations of a strength in [0, 1] and, for those with two directions, a sign."""
    return (
        lambda strength, sign: autocontrast(),
        lambda strength, sign: equalized(),
        lambda strength, sign: inverted(),
        lambda strength, sign: Rotation(sign * strength * 30, filter),
        lambda strength, sign: posterized(4 - int(4 * strength)),
        lambda strength, sign: solarized(256 - int(256 * strength)),
        lambda strength, sign: dark_lightened(int(110 * strength)),
        lambda strength, sign: colour(1 + sign * strength * 0.9),
        lambda strength, sign: contrast(1 + sign * strength * 0.9),
        lambda strength, sign: brightness(1 + sign * strength * 0.9),
        lambda strength, sign: sharpness(1 + sign * strength * 0.9),
        lambda strength, sign: AxisWarp(filter, along_rows=True, shear=sign * strength * 0.3),
        lambda strength, sign: AxisWarp(filter, along_rows=False, shear=sign * strength * 0.3),
        lambda strength, sign: AxisWarp(filter, along_rows=True, shift=sign * strength * 0.45),
        lambda strength, sign: AxisWarp(filter, along_rows=False, shift=sign * strength * 0.45),
    )


def _filter() -> Image.Resampling:
    return random.choice(FILTERS)


OF_TIMM: dict[str, Callable[..., Operation]] = {
    "Equalize": equalized,
    "AutoContrast": autocontrast,
    "Invert": inverted,
    "Rotate": lambda degrees: Rotation(degrees, _filter()),
    "Posterize": posterized,
    "Solarize": solarized,
    "SolarizeAdd": dark_lightened,
    "Color": colour,
    "Contrast": contrast,
    "Brightness": brightness,
    "Sharpness": sharpness,
    "ShearX": lambda slope: AxisWarp(_filter(), along_rows=True, shear=slope),
    "ShearY": lambda slope: AxisWarp(_filter(), along_rows=False, shear=slope),
    "TranslateXRel": lambda share: AxisWarp(_filter(), along_rows=True, shift=share),
    "TranslateYRel": lambda share: AxisWarp(_filter(), along_rows=False, shift=share),
}
"""Operations by the names and with the amounts of timm's policies; their filter is drawn from the state of `random`."""
