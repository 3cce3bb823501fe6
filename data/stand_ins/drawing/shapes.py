"""Anti-aliased drawing of all frames of a video at once, with numpy: backgrounds, shapes and cameras.

Shapes: T frames, h and w pixels; a canvas is (T, h, w, 3) float32 in [0, 1], a mask is (T, h, w) float32 in [0, 1].
World units: 1 is the radius of the disc that contains the action. x points to the right, y downwards.
"""

import colorsys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Pattern = Literal["plain", "stripes", "dots", "checks"]


def color(hue: float, saturation: float, value: float) -> Floats:
    """RGB colour (3,) of a hue (modulo 1), saturation and value."""
    return np.asarray(colorsys.hsv_to_rgb(hue % 1.0, saturation, value), np.float32)  # (3,)


class Camera:
    """Position of the camera in every frame, and the mapping between world coordinates and pixels."""

    def __init__(self, *, height: int, width: int, pixels_per_unit: float, center: Floats) -> None:
        self.pixels_per_unit = pixels_per_unit
        self.size = np.array([width, height])
        self.corner = center - (self.size - 1) / 2 / pixels_per_unit  # (T, 2), world x and y of the first pixel
        x = np.arange(width) / pixels_per_unit + self.corner[:, :1]
        y = np.arange(height) / pixels_per_unit + self.corner[:, 1:]
        self.x = x[:, None, :].astype(np.float32)  # (T, 1, w)
        self.y = y[:, :, None].astype(np.float32)  # (T, h, 1)

    def window(self, position: Floats, radius: float) -> tuple[slice, slice]:
        """Rows and columns that contain, in all frames, everything within a radius of positions (T, 2)."""
        pixels = (position - self.corner) * self.pixels_per_unit
        reach = radius * self.pixels_per_unit + 1
        low = np.clip(np.floor(pixels.min(0) - reach), 0, self.size).astype(int)
        high = np.clip(np.ceil(pixels.max(0) + reach) + 1, 0, self.size).astype(int)
        return slice(low[1], high[1]), slice(low[0], high[0])


def drift(rng: np.random.Generator, times: Floats, amplitude: float) -> Floats:
    """Smooth random path (T, 2) around the origin. Its distribution is invariant to time reversal."""
    path = np.zeros((len(times), 2))
    for cycles in (0.5, 1.0, 1.7):
        phase = rng.uniform(0, 2 * np.pi, 2)
        size = rng.normal(0, amplitude / np.sqrt(3), 2)
        path += size * np.sin(2 * np.pi * cycles * (times[:, None] - 0.5) + phase)
    return path.astype(np.float32)


def textured(
    rng: np.random.Generator, camera: Camera, *, low: Floats, high: Floats, waves: int, frequency: float
) -> Floats:
    """Canvas (T, h, w, 3) with a smooth random texture of the plane: a sum of waves, mapped to colours between two."""
    angle = rng.uniform(0, 2 * np.pi, waves)
    frequencies = frequency * rng.uniform(0.5, 1.5, waves)
    directions = np.stack([np.cos(angle), np.sin(angle)])  # (2, waves)
    phases = rng.uniform(0, 2 * np.pi, waves)
    level = np.float32(0)
    for rate, (dx, dy), phase in zip(frequencies, directions.T, phases, strict=True):
        a, b = np.float32(rate * dx) * camera.x + np.float32(phase), np.float32(rate * dy) * camera.y
        level = level + np.sin(a) * np.cos(b) + np.cos(a) * np.sin(b)  # sin(a + b) from one row and one column
    level = 0.5 + 0.5 * level / np.float32(np.sqrt(waves))  # (T, h, w)
    level = np.clip(level, 0.0, 1.0)
    canvas = [start + level * (end - start) for start, end in zip(low, high, strict=True)]
    return np.moveaxis(np.stack(canvas), 0, -1)  # a colour after the other in memory: drawing is twice as fast


def polygon_distance(x: Floats, y: Floats, corners: int) -> Floats:
    """Lower bound of the signed distance to a regular polygon with inradius 1. Two corners make a bar."""
    angles = 2 * np.pi * np.arange(corners) / corners
    distance = np.full_like(x, -np.inf)
    for angle in angles:
        np.maximum(distance, np.float32(np.cos(angle)) * x + np.float32(np.sin(angle)) * y, out=distance)
    return distance - 1.0


SHAPES = ("disc", "ring", "triangle", "square", "hexagon", "cross", "bar")
Shape = Literal["disc", "ring", "triangle", "square", "hexagon", "cross", "bar"]
EXTENT = 1.6  # largest distance of a point of a shape from its centre


def shape_distance(shape: Shape, x: Floats, y: Floats) -> Floats:
    """Signed distance to a shape in its own coordinates. Its area is close to that of the unit disc."""
    if shape == "disc":
        return np.sqrt(x * x + y * y) - 1.0
    if shape == "ring":
        return np.abs(np.sqrt(x * x + y * y) - 0.85) - 0.33
    if shape == "cross":
        x, y = np.abs(x), np.abs(y)
        return np.maximum(np.maximum(x, y) - 1.1, np.minimum(x, y) - 0.38)
    if shape == "bar":
        return np.maximum(np.abs(x) - 1.5, np.abs(y) - 0.5)
    corners, inradius = {"triangle": (3, 0.75), "square": (4, 0.88), "hexagon": (6, 0.95)}[shape]
    return inradius * polygon_distance(x / inradius, y / inradius, corners)


def pattern_level(pattern: Pattern, x: Floats, y: Floats, frequency: float) -> Floats:
    """Share of the second colour in [0, 1], in the coordinates of an object."""
    if pattern == "plain":
        return np.zeros_like(x)
    a = np.sin(np.float32(frequency) * x)
    if pattern == "stripes":
        return np.clip(0.5 + 2.0 * a, 0.0, 1.0)
    b = np.sin(np.float32(frequency) * y)
    if pattern == "checks":
        return np.clip(0.5 + 4.0 * a * b, 0.0, 1.0)
    return np.clip(4.0 * (a * b - 0.45), 0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Thing:
    """Appearance of an object, without its position."""

    shape: Shape
    first: Floats  # (3,)
    second: Floats  # (3,)
    pattern: Pattern
    frequency: float = 4.0

    def draw(self, canvas: Floats, camera: Camera, *, position: Floats, size: Floats, angle: Floats) -> None:
        """Draw the object on a canvas, with position (T, 2), size (T,) and angle (T,)."""
        rows, columns = camera.window(position, EXTENT * float(size.max()))
        scale = size[:, None, None]
        x = camera.x[:, :, columns] - position[:, :1, None]
        y = camera.y[:, rows] - position[:, 1:, None]
        cos, sin = np.cos(angle)[:, None, None] / scale, np.sin(angle)[:, None, None] / scale
        x, y = cos * x + sin * y, cos * y - sin * x
        mask = np.clip(0.5 - shape_distance(self.shape, x, y) * (camera.pixels_per_unit * scale), 0.0, 1.0)
        level = pattern_level(self.pattern, x, y, self.frequency)
        paint = [first + level * (second - first) for first, second in zip(self.first, self.second, strict=True)]
        cover(canvas[:, rows, columns], mask, paint)


def cover(canvas: Floats, mask: Floats, paint: Iterable[Floats]) -> None:
    """Blend red, green and blue, each a number or (T, h, w), over a canvas, as far as the mask says."""
    for channel, value in enumerate(paint):
        part = canvas[..., channel]
        part += mask * (value - part)


def to_uint8(canvas: Floats, rng: np.random.Generator, noise: float) -> NDArray[np.uint8]:
    """8-bit frames with sensor noise. `noise`: its standard deviation."""
    noisy = rng.standard_normal(canvas.shape, dtype=np.float32)
    noisy *= np.float32(noise)
    noisy += canvas
    np.clip(noisy, 0.0, 1.0, out=noisy)
    noisy *= 255.0
    noisy += 0.5
    return noisy.astype(np.uint8)


def dull_ground(
    rng: np.random.Generator,
    camera: Camera,
    *,
    values: tuple[float, float],
    saturation: float,
    below: float,
    above: float,
    hue_spread: float | None,
) -> Floats:
    """Canvas (T, h, w, 3) with a background in dull colours of any hue.

    Args:
        values: range of the brightness.
        saturation: largest saturation.
        below, above: how much darker and brighter than that its two colours are.
        hue_spread: standard deviation of the difference of their hues; None if they have one hue.
    """
    hue, value = rng.uniform(), rng.uniform(*values)
    low = color(hue, rng.uniform(0.0, saturation), value - below)
    other = hue if hue_spread is None else hue + rng.normal(0, hue_spread)
    high = color(other, rng.uniform(0.0, saturation), value + above)
    return textured(rng, camera, low=low, high=high, waves=4, frequency=6.0)


def draw_still(
    rng: np.random.Generator,
    canvas: Floats,
    camera: Camera,
    thing: Thing,
    *,
    size: Floats | float,
    reach: tuple[float, float],
) -> None:
    """Draw an object at a constant, random position of at most `reach`, x and y."""
    x, y = reach
    position = np.broadcast_to(rng.uniform([-x, -y], [x, y]).astype(np.float32), (len(canvas), 2))
    angle = np.full(len(canvas), rng.uniform(0, 2 * np.pi), np.float32)
    thing.draw(canvas, camera, position=position, size=np.full(len(canvas), size, np.float32), angle=angle)
