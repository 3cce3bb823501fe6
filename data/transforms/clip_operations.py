"""Operations on all frames of a clip that compute no more than a later crop can see.

An operation gives the pixels of a box. Its inputs are the pixels of the box that it needs: the same box, one with a
margin, or the whole frames, whose histogram it takes. Values that depend on one pixel alone are looked up in a table.
F: frames. Pixels are uint8, (F, height, width, 3).
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.transforms.tracked_frames import Box

Pixels = NDArray[np.uint8]
RAMP = np.arange(256, dtype=np.uint8)
# Of frames that are filtered together: more do not fit into the caches.
PIXELS_TOGETHER = 2**16


@dataclass(frozen=True)
class Window:
    """Pixels (F, box height, box width, 3) of a box of frames of a size: height and width."""

    pixels: Pixels
    box: Box
    size: tuple[int, int]

    @classmethod
    def of(cls, frames: Tensor) -> Self:
        """Window on whole frames (F, 3, height, width)."""
        height, width = frames.shape[-2:]
        return cls(frames.permute(0, 2, 3, 1).numpy(), Box(0, 0, height, width), (height, width))

    def cut(self, box: Box) -> Pixels:
        top, left = box.top - self.box.top, box.left - self.box.left
        return self.pixels[:, top : top + box.height, left : left + box.width]


class Operation(ABC):
    @abstractmethod
    def __call__(self, window: Window, box: Box) -> Pixels:
        """Pixels of a box, from a window that holds what the box needs."""

    def needed(self, box: Box, size: tuple[int, int]) -> Box:
        """Box of the input that a box of the output depends on, in frames of this height and width."""
        return Box(0, 0, *size)


class Lookup(Operation):
    """Values that depend on the same value alone, by a table of 256."""

    def __init__(self, table: Pixels) -> None:
        self.table = table.tobytes()

    def __call__(self, window: Window, box: Box) -> Pixels:
        return translated(window.cut(box), self.table)

    def needed(self, box: Box, size: tuple[int, int]) -> Box:
        return box


def inverted() -> Operation:
    return Lookup(RAMP[::-1])


def posterized(bits: int) -> Operation:
    """The first bits of each value. Without bits, frames are black."""
    return Lookup(RAMP & np.uint8(256 - 2 ** (8 - bits) if bits else 0))


def solarized(threshold: int) -> Operation:
    """Inverse of the values from the threshold on."""
    return Lookup(np.where(threshold <= RAMP, RAMP[::-1], RAMP))


def dark_lightened(added: int) -> Operation:
    """A number added to the values below 128."""
    return Lookup(np.where(RAMP < 128, (RAMP.astype(int) + added).clip(max=255), RAMP).astype(np.uint8))


class FrameLookup(Operation):
    """Values that depend on the same value and on a statistic of the whole frame.

    Args:
        tables: tables (F, 256), or (F, 3, 256) for each channel, of whole frames (F, height, width, 3).
    """

    def __init__(self, tables: Callable[[Pixels], Pixels]) -> None:
        self.tables = tables

    def __call__(self, window: Window, box: Box) -> Pixels:
        tables, pixels = self.tables(window.pixels), window.cut(box)
        result = np.empty(pixels.shape, np.uint8)
        for frame, changed, table in zip(pixels, result, tables, strict=True):
            if table.ndim == 1:
                changed[:] = translated(frame, table.tobytes())
            else:
                for channel in range(3):
                    changed[..., channel] = translated(frame[..., channel], table[channel].tobytes())
        return result


class Filter(Operation):
    """Function of frames (F, height, width, 3) whose pixels depend on those of their own frame within a margin.

    Small frames are computed together: for one alone, the calls take longer than the work. The function may treat the
    border of the frames, which is one pixel wide, in another way than other pixels.
    """

    def __init__(self, function: Callable[[Pixels], Pixels], margin: int = 0) -> None:
        self.function, self.margin = function, margin

    def __call__(self, window: Window, box: Box) -> Pixels:
        needed = self.needed(box, window.size)
        top, left = box.top - needed.top, box.left - needed.left
        pixels, together = window.cut(needed), max(1, PIXELS_TOGETHER // (needed.height * needed.width))
        parts = (self.function(pixels[first : first + together]) for first in range(0, len(pixels), together))
        return np.concatenate([part[:, top : top + box.height, left : left + box.width] for part in parts])

    def needed(self, box: Box, size: tuple[int, int]) -> Box:
        top, left = max(box.top - self.margin, 0), max(box.left - self.margin, 0)
        bottom = min(box.top + box.height + self.margin, size[0])
        right = min(box.left + box.width + self.margin, size[1])
        return Box(top, left, bottom - top, right - left)


class Operations(NamedTuple):
    """Operations that were drawn for a clip."""

    of_frames: Sequence[tuple[slice, Sequence[Operation]]]
    """Frames of a part of the clip, and the operations on them in their order."""
    reversed_channels: bool = False
    """Whether operations get the channels in reverse order."""

    def __call__(self, frames: Tensor, box: Box | None = None) -> Tensor:
        """Frames (F, 3, height, width) that are right within a box, and black elsewhere; by default, whole frames."""
        window = Window.of(frames)
        box = box or window.box
        if not any(operations for _, operations in self.of_frames):
            return frames
        order = slice(None, None, -1 if self.reversed_channels else None)
        result = np.zeros(window.pixels.shape, np.uint8)
        place = np.s_[box.top : box.top + box.height, box.left : box.left + box.width, order]
        for part, operations in self.of_frames:
            if len(pixels := window.pixels[part][..., order]):
                result[part][:, *place] = applied(operations, Window(pixels, window.box, window.size), box)
        return torch.from_numpy(result).permute(0, 3, 1, 2)


def applied(operations: Sequence[Operation], window: Window, box: Box) -> Pixels:
    """Pixels of a box after operations on whole frames."""
    boxes = [box]
    for operation in reversed(operations[1:]):
        boxes.append(operation.needed(boxes[-1], window.size))
    for operation, given in zip(operations, reversed(boxes), strict=True):
        window = Window(operation(window, given), given, window.size)
    return window.cut(box)


def translated(pixels: Pixels, table: bytes) -> Pixels:
    """Pixels whose values are looked up, a byte at a time: three times as fast as an index into an array."""
    return np.frombuffer(pixels.tobytes().translate(table), np.uint8).reshape(pixels.shape)


def extremes(pixels: Pixels) -> tuple[Pixels, Pixels]:
    """Least and greatest value of each channel of each frame: (F, 3)."""
    rows = pixels.reshape(*pixels.shape[:2], -1)  # along rows, several times as fast as along channels
    least, greatest = rows.min(1), rows.max(1)
    return least.reshape(len(pixels), -1, 3).min(1), greatest.reshape(len(pixels), -1, 3).max(1)


def equalized() -> Operation:
    return FrameLookup(_equalizing)


def _equalizing(pixels: Pixels) -> Pixels:
    """Tables (F, 3, 256) that replace values by their rank; the step between two ranks is a whole number of pixels."""
    counts = histograms(pixels)
    least_below = counts.cumsum(-1) - counts  # pixels of smaller values
    last = np.take_along_axis(counts, 255 - (counts[..., ::-1] > 0).argmax(-1, keepdims=True), -1)
    steps = (counts.sum(-1, keepdims=True) - last) // 255
    ranks = (steps // 2 + least_below) // steps.clip(min=1)
    return np.where(steps > 0, ranks.clip(max=255), RAMP).astype(np.uint8)


def histograms(pixels: Pixels) -> NDArray[np.int64]:
    """Number of pixels of each value in each channel of each frame: (F, 3, 256)."""
    planes = torch.from_numpy(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))).flatten(2)
    counts = [torch.bincount(plane, minlength=256) for plane in planes.flatten(0, 1)]
    return torch.stack(counts).view(len(pixels), 3, 256).numpy()
