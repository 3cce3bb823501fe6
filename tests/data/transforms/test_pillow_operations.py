"""Operations of RandAugment by Pillow, compared with equations of the released code."""

from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from data.transforms.clip_operations import Operation, Operations
from data.transforms.pillow_operations import FILTERS, OPERATIONS, Amount
from tests.data.pictures import HEIGHT, WIDTH, picture

Pixels = np.ndarray  # (HEIGHT, WIDTH, 3), float64


def grey(pixels: Pixels) -> Pixels:
    return (pixels @ [0.299, 0.587, 0.114]).round()[..., None]


def blended(base: Pixels, pixels: Pixels, amount: Amount) -> Pixels:
    return (base + (1 + 0.9 * amount.signed) * (pixels - base)).clip(0, 255)


def smoothed(pixels: Pixels) -> Pixels:
    """Means over 3 x 3 pixels, in which the middle counts five times; the border is kept."""
    result = pixels.copy()
    shifted = [pixels[y : HEIGHT - 2 + y, x : WIDTH - 2 + x] for y in range(3) for x in range(3)]
    result[1:-1, 1:-1] = (sum(shifted) + 4 * pixels[1:-1, 1:-1]) / 13
    return result


def stretched(pixels: Pixels) -> Pixels:
    low, high = pixels.min((0, 1)), pixels.max((0, 1))
    return (pixels - low) * 255 / (high - low)


def equalized(pixels: Pixels) -> Pixels:
    """Values replaced by their rank; the step between two ranks is a whole number of pixels."""
    result = np.empty_like(pixels)
    for channel in range(3):
        counts = np.bincount(pixels[..., channel].astype(int).ravel(), minlength=256)
        step = (counts.sum() - counts[counts.nonzero()[0][-1]]) // 255
        ranks = (step // 2 + counts.cumsum() - counts) // step
        result[..., channel] = ranks[pixels[..., channel].astype(int)]
    return result.clip(0, 255)


def weights(distances: np.ndarray, amount: Amount) -> np.ndarray:
    """Weights of pixels at these distances: triangle of width 1, or Keys' cubic with a = -1, as in Pillow's warps."""
    d = abs(distances)
    if amount.filter == Image.Resampling.BILINEAR:
        return (1 - d).clip(min=0)
    near, far = d**3 - 2 * d**2 + 1, -(d**3) + 5 * d**2 - 8 * d + 4
    return np.where(d < 1, near, np.where(d < 2, far, 0))


def sampled(pixels: Pixels, source: Callable[[np.ndarray, np.ndarray], tuple], amount: Amount) -> Pixels:
    """Pixels from the positions `source(x, y)`, where the centre of the first pixel is (0.5, 0.5); else grey."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    from_x, from_y = (np.broadcast_to(position, x.shape) for position in source(x, y))
    inside = (from_x >= 0) & (from_x < WIDTH) & (from_y >= 0) & (from_y < HEIGHT)
    total = np.zeros_like(pixels)
    for step_y in range(-1, 3):
        for step_x in range(-1, 3):
            row, column = np.floor(from_y - 0.5) + step_y, np.floor(from_x - 0.5) + step_x
            weight = weights(from_y - 0.5 - row, amount) * weights(from_x - 0.5 - column, amount)
            rows, columns = row.clip(0, HEIGHT - 1).astype(int), column.clip(0, WIDTH - 1).astype(int)
            total += weight[..., None] * pixels[rows, columns]
    return np.where(inside[..., None], total.clip(0, 255), 128)


def rotated(pixels: Pixels, amount: Amount) -> Pixels:
    """Rotation against the clock around the centre."""
    angle = np.deg2rad(30 * amount.signed)
    cos, sin, cx, cy = np.cos(angle), np.sin(angle), WIDTH / 2, HEIGHT / 2
    return sampled(
        pixels,
        lambda x, y: (cos * (x - cx) - sin * (y - cy) + cx, sin * (x - cx) + cos * (y - cy) + cy),
        amount,
    )


# fmt: off
EQUATIONS: dict[str, Callable[[Pixels, Amount], Pixels]] = {
    "autocontrast": lambda pixels, _: stretched(pixels),
    "equalize":     lambda pixels, _: equalized(pixels),
    "invert":       lambda pixels, _: 255 - pixels,
    "rotate":       rotated,
    "posterize":    lambda pixels, a: pixels // 2 ** (4 + int(4 * a.strength)) * 2 ** (4 + int(4 * a.strength)),
    "solarize":     lambda pixels, a: np.where(pixels < 256 - 256 * a.strength, pixels, 255 - pixels),
    "solarize add": lambda pixels, a: np.where(pixels < 128, pixels + 110 * a.strength, pixels),
    "colour":       lambda pixels, a: blended(grey(pixels), pixels, a),
    "contrast":     lambda pixels, a: blended(grey(pixels).mean().round(), pixels, a),
    "brightness":   lambda pixels, a: blended(np.zeros(1), pixels, a),
    "sharpness":    lambda pixels, a: blended(smoothed(pixels), pixels, a),
    "shear x":      lambda pixels, a: sampled(pixels, lambda x, y: (x + 0.3 * a.signed * y, y), a),
    "shear y":      lambda pixels, a: sampled(pixels, lambda x, y: (x, y + 0.3 * a.signed * x), a),
    "translate x":  lambda pixels, a: sampled(pixels, lambda x, y: (x + 0.45 * a.signed * WIDTH, y), a),
    "translate y":  lambda pixels, a: sampled(pixels, lambda x, y: (x, y + 0.45 * a.signed * HEIGHT), a),
}
# fmt: on


def changed(operation: Operation) -> Pixels:
    """The picture after an operation."""
    return Operations([(slice(None), [operation])])(picture())[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("name", EQUATIONS)
@pytest.mark.parametrize("strength", [0.5, 0.53, 1.0])  # 0.53 shifts by fractions of pixels
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize("resampling", FILTERS, ids=lambda resampling: resampling.name)
def test_operations_by_pillow_are_the_equations_of_the_released_code(
    name: str, strength: float, sign: int, resampling: Image.Resampling
) -> None:
    operation = dict(zip(EQUATIONS, OPERATIONS, strict=True))[name]
    amount = Amount(strength, sign, resampling)
    pixels = picture()[0].permute(1, 2, 0).numpy()
    result = changed(operation(amount))
    off = abs(result - EQUATIONS[name](pixels.astype(float), amount)).max(-1)
    assert (off > 1.5).mean() < 0.002  # rounded positions on the border of the fill colour


def test_posterising_at_full_strength_gives_black_frames() -> None:
    (posterize,) = [o for name, o in zip(EQUATIONS, OPERATIONS, strict=True) if name == "posterize"]
    assert not changed(posterize(Amount(1.0, 1, FILTERS[0]))).any()
