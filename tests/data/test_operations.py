"""Each operation against Pillow, in which the released code does it, with that code's constants."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from data.operations import OPERATIONS, Operation

HEIGHT, WIDTH = 40, 80  # 0.45 of each, and half of that, are whole pixels
GREY = (128, 128, 128)

Reference = Callable[[Image.Image, float], Image.Image]


def mapped(image: Image.Image, *coefficients: float) -> Image.Image:
    """Each pixel (x, y) from (a x + b y + c, d x + e y + f)."""
    affine, bilinear = Image.Transform.AFFINE, Image.Resampling.BILINEAR
    return image.transform(image.size, affine, coefficients, bilinear, fillcolor=GREY)


def dark_lightened(image: Image.Image, by: float) -> Image.Image:
    return image.point(3 * [x + int(by) if x < 128 else x for x in range(256)])


# At full strength the amount is 1 or -1. The signs of shears and shifts are ours: both come equally often.
# fmt: off
REFERENCES: dict[str, Reference] = {
    "autocontrast": lambda image, amount: ImageOps.autocontrast(image),
    "equalize":     lambda image, amount: ImageOps.equalize(image),
    "invert":       lambda image, amount: ImageOps.invert(image),
    "rotate":       lambda image, amount: image.rotate(30 * amount, Image.Resampling.BILINEAR, fillcolor=GREY),
    "posterize":    lambda image, amount: ImageOps.posterize(image, {0.5: 2, 1.0: 1}[abs(amount)]),
    "solarize":     lambda image, amount: ImageOps.solarize(image, {0.5: 128, 1.0: 0}[abs(amount)]),
    "solarize add": lambda image, amount: dark_lightened(image, by=110 * abs(amount)),
    "colour":       lambda image, amount: ImageEnhance.Color(image).enhance(1 + 0.9 * amount),
    "contrast":     lambda image, amount: ImageEnhance.Contrast(image).enhance(1 + 0.9 * amount),
    "brightness":   lambda image, amount: ImageEnhance.Brightness(image).enhance(1 + 0.9 * amount),
    "sharpness":    lambda image, amount: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * amount),
    "shear x":      lambda image, amount: mapped(image, 1, 0.3 * amount, 0, 0, 1, 0),
    "shear y":      lambda image, amount: mapped(image, 1, 0, 0, 0.3 * amount, 1, 0),
    "translate x":  lambda image, amount: mapped(image, 1, 0, -0.45 * amount * WIDTH, 0, 1, 0),
    "translate y":  lambda image, amount: mapped(image, 1, 0, 0, 0, 1, -0.45 * amount * HEIGHT),
}
# fmt: on


def picture() -> Tensor:
    """Colourful, finely grained, and neither black nor white anywhere: (1, 3, HEIGHT, WIDTH)."""
    generator = torch.Generator().manual_seed(0)
    coarse = F.interpolate(torch.rand(1, 3, 5, 6, generator=generator), (HEIGHT, WIDTH), mode="bilinear")
    return (20 + 190 * coarse + 20 * torch.rand(coarse.shape, generator=generator)).to(torch.uint8)


@pytest.mark.parametrize(
    ("operation", "reference"), list(zip(OPERATIONS, REFERENCES.values(), strict=True)), ids=REFERENCES
)
@pytest.mark.parametrize("strength", [0.5, 1.0])
@pytest.mark.parametrize("sign", [-1, 1])
def test_operations_are_pillows_with_the_released_constants(
    operation: Operation, reference: Reference, strength: float, sign: int
) -> None:
    frames = picture()
    image = reference(Image.fromarray(frames[0].permute(1, 2, 0).numpy()), sign * strength)
    expected = torch.from_numpy(np.array(image)).permute(2, 0, 1)
    off = (operation(frames, strength, sign)[0].int() - expected.int()).abs().amax(0)
    assert (off > 2).float().mean() < 0.05  # what there is lies at the border of what came in from outside
