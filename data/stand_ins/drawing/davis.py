"""Stand-in for DAVIS 2017: sequences of moving objects with their masks, each of which has three difficulties.

Two objects and an unlabelled one look alike, so that a match anywhere in the picture may be wrong. A bar passes in
front of them and hides each one for longer than a few frames, so that only the first frame still shows it. A third
object changes its colour until it resembles nothing in the first frame. T frames, h x w pixels.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.stand_ins.drawing.base import Drawing
from data.stand_ins.drawing.encoding import DEFAULT_PALETTE, encoded_jpeg, encoded_mask
from data.stand_ins.drawing.shapes import Camera, Floats, Shape, color, cover, shape_distance, textured, to_uint8
from data.stand_ins.of_videos import LIST, MASKS, PICTURES, DavisStandIn

QUALITY = 95  # of the JPEG pictures


class Body(NamedTuple):
    """An object in all frames: shape, radius in pixels, positions (T, 2) as x and y, and colours (T, 3).

    `number`: id in the masks; 0 for an object that is part of the background.
    """

    shape: Shape
    radius: float
    positions: Floats
    colors: Floats
    number: int


class DavisDrawing(Drawing[DavisStandIn, int]):
    def annotations(self) -> Mapping[str, str | bytes]:
        return {LIST: "".join(f"{sequence_name(number)}\n" for number in range(self.settings.num_val))}

    def parts(self) -> Sequence[int]:
        return range(self.settings.num_val)

    def files(self, part: int) -> Iterator[tuple[Path, bytes]]:
        name, (pictures, masks) = sequence_name(part), self.rendered(part)
        for index, (picture, mask) in enumerate(zip(pictures, masks, strict=True)):
            yield Path(PICTURES, name, f"{index:05d}.jpg"), encoded_jpeg(picture, QUALITY)
            yield Path(MASKS, name, f"{index:05d}.png"), encoded_mask(mask, DEFAULT_PALETTE)

    def rendered(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Pictures (T, h, w, 3) and masks (T, h, w) of a sequence."""
        rng = np.random.default_rng((self.settings.seed, number))
        middle = np.tile([self.settings.width / 2, self.settings.height / 2], (self.settings.frames, 1)) - 0.5
        camera = Camera(height=self.settings.height, width=self.settings.width, pixels_per_unit=1.0, center=middle)
        low, high = color(rng.uniform(), 0.25, 0.35), color(rng.uniform(), 0.25, 0.65)
        canvas = textured(rng, camera, low=low, high=high, waves=8, frequency=0.08)  # (T, h, w, 3)
        masks = np.zeros(canvas.shape[:3], np.uint8)
        for body in self.bodies(rng):
            draw(canvas, masks, camera, body)
        return to_uint8(canvas, rng, self.settings.noise), masks

    def bodies(self, rng: np.random.Generator) -> list[Body]:
        """Objects of a sequence, from the back to the front."""
        h, w = self.settings.height, self.settings.width
        times = np.linspace(0.0, 1.0, self.settings.frames)[:, None]  # (T, 1)
        radius = 0.13 * h
        hue = rng.uniform()
        alike = np.tile(color(hue, 0.9, 0.9), (self.settings.frames, 1))
        turning = np.stack([color(hue + 0.35 + 0.4 * time, 0.8, 0.85) for time in times[:, 0]])
        bar = np.tile(color(rng.uniform(), 0.05, 0.15), (self.settings.frames, 1))
        side = rng.choice([-1.0, 1.0])  # direction of the bar

        def path(x: float, y: float, dx: float, dy: float) -> Floats:
            """Straight path from a point by a distance, as fractions of width and height; mirrored by `side`."""
            x, dx = (x, dx) if side > 0 else (1 - x, -dx)
            jitter = rng.uniform(-0.02, 0.02, 2)
            return np.array([x, y]) * (w, h) + jitter * (w, h) + times * np.array([dx * w, dy * h])

        return [
            Body("disc", radius, path(0.52, 0.50, 0.0, 0.0), alike, 0),
            Body("disc", radius, path(0.22, 0.22, 0.10, 0.08), alike, 1),
            Body("disc", radius, path(0.80, 0.72, -0.12, 0.04), alike, 2),
            Body("bar", 0.55 * h, path(-0.25, 0.50, 1.50, 0.0), bar, 0),
            Body("hexagon", 1.1 * radius, path(0.20, 0.76, 0.28, -0.02), turning, 3),
        ]


def sequence_name(number: int) -> str:
    return f"shapes-{number:02d}"


def draw(canvas: Floats, masks: NDArray[np.uint8], camera: Camera, body: Body) -> None:
    """Draw an object on a canvas (T, h, w, 3), and write its number into the masks (T, h, w)."""
    x = (camera.x - body.positions[:, :1, None]) / body.radius
    y = (camera.y - body.positions[:, 1:, None]) / body.radius
    x, y = np.broadcast_arrays(x, y)  # (T, h, w)
    if body.shape == "bar":
        x, y = y, x  # upright
    distance = shape_distance(body.shape, x, y) * body.radius
    mask = np.clip(0.5 - distance, 0.0, 1.0)  # (T, h, w)
    cover(canvas, mask, body.colors.T[..., None, None].astype(np.float32))
    masks[mask >= 0.5] = body.number
