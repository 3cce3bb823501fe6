"""Warps with the bilinear and bicubic filters of Pillow, equal to the bit.

On ARM, Pillow's compiler fuses products with sums: there, a few values of its shears along the columns differ by one.
The centre of the first pixel is at 0.5. Pixels from outside of the frames are grey. Pillow's own warp of an image
takes 6 to 7 ms for 256 x 340 pixels. A shear or a shift along one axis needs pixels of one line alone, which are
interpolated here for all frames at once. A rotation ends at the last corner of the box.
"""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from data.transforms.clip_operations import Operation, Pixels, Window
from data.transforms.tracked_frames import Box

FILL = (128, 128, 128)
LINES = 8  # that are interpolated at once: their values stay in the cache


class Rotation(Operation):
    """Rotation against the clock around the centre."""

    def __init__(self, degrees: float, filter: Image.Resampling) -> None:
        self.filter = filter
        angle = -math.radians(degrees % 360)
        self.cos, self.sin = round(math.cos(angle), 15), round(math.sin(angle), 15)  # as Pillow rounds them

    def __call__(self, window: Window, box: Box) -> Pixels:
        height, width = window.size
        x, y = -width / 2, -height / 2
        shift_x = self.cos * x + self.sin * y + width / 2
        shift_y = -self.sin * x + self.cos * y + height / 2
        matrix = (self.cos, self.sin, shift_x, -self.sin, self.cos, shift_y)
        # Pillow counts from the corner of its output. From that of the box, its sums would differ in their last bit.
        size = (box.left + box.width, box.top + box.height)
        images = (
            Image.fromarray(frame).transform(size, Image.Transform.AFFINE, matrix, self.filter, fillcolor=FILL)
            for frame in window.pixels
        )
        return np.stack([np.asarray(image)[box.top :, box.left :] for image in images])


class AxisWarp(Operation):
    """Shear and shift along the rows or along the columns.

    Args:
        along_rows: whether pixels move along their rows.
        shear: shift of a line by its distance from the first one.
        shift: shift of all lines, as a share of their length.
    """

    def __init__(self, filter: Image.Resampling, *, along_rows: bool, shear: float = 0.0, shift: float = 0.0) -> None:
        self.filter, self.along_rows, self.shear, self.shift = filter, along_rows, shear, shift

    def __call__(self, window: Window, box: Box) -> Pixels:
        height, width = window.size
        rows = np.arange(box.top, box.top + box.height)
        columns = np.arange(box.left, box.left + box.width)
        if self.along_rows:
            lines, positions = window.pixels[:, rows], self.positions(rows, columns, width)
            return interpolated(lines, positions, self.filter)
        lines = window.pixels[:, :, columns].transpose(0, 2, 1, 3)
        return interpolated(lines, self.positions(columns, rows, height), self.filter).transpose(0, 2, 1, 3)

    def positions(self, lines: NDArray[np.int64], places: NDArray[np.int64], length: int) -> NDArray[np.float64]:
        """Positions on the lines of the input (lines, places), in the order of Pillow's sum."""
        return (places + 0.5) + self.shear * (lines[:, None] + 0.5) + self.shift * length


def interpolated(lines: Pixels, positions: NDArray[np.float64], filter: Image.Resampling) -> Pixels:
    """Pixels (F, L, n, 3) at the positions (L, n) on the lines of pixels (F, L, N, 3); grey outside of them."""
    num_frames, num_lines, length, _ = lines.shape
    planes = np.ascontiguousarray(lines.transpose(1, 0, 3, 2)).reshape(num_lines, -1, length)
    found = np.concatenate(
        [
            between(planes[start : start + LINES], positions[start : start + LINES] - 0.5, filter)
            for start in range(0, num_lines, LINES)
        ]
    )
    found[np.broadcast_to(((positions < 0) | (positions >= length))[:, None], found.shape)] = FILL[0]
    return found.reshape(num_lines, num_frames, 3, -1).transpose(1, 0, 3, 2)


def between(planes: Pixels, positions: NDArray[np.float64], filter: Image.Resampling) -> Pixels:
    """Values (L, C, n) at the positions (L, n), counted from the centre of the first pixel, on planes (L, C, N).

    The first and the last pixel are repeated beyond the ends.
    """

    def taken(columns: NDArray[np.float64]) -> NDArray[np.int16]:
        pairs = zip(planes, columns.astype(int), strict=True)
        return np.stack([plane.take(of_line, axis=1, mode="clip") for plane, of_line in pairs]).astype(np.int16)

    left, number = np.floor(positions), positions.shape[1]
    if (np.diff(left) == 1).all():
        values = taken(left[:, :1] - 1 + np.arange(number + 3))
        taps = [values[..., tap : tap + number] for tap in range(4)]
    else:  # rounding may repeat or leave out a pixel
        taps = [taken(left + tap) for tap in (-1, 0, 1, 2)]
    found = weighted(taps, (positions - left)[:, None], filter)
    return found.clip(0, 255, out=found).astype(np.uint8)


def weighted(
    taps: list[NDArray[np.int16]], distance: NDArray[np.float64], filter: Image.Resampling
) -> NDArray[np.float64]:
    """Values between the second and the third of four neighbours, by Pillow's sums."""
    a, b, c, d = taps
    is_cubic = filter == Image.Resampling.BICUBIC
    first, *others = (b - a + d - c, 2 * (a - b) + c - d, c - a) if is_cubic else (c - b,)
    result = first * distance
    for factor in others:
        result += factor
        result *= distance
    result += b
    return result
