"""Frames that are cropped, resized and mirrored, with the map of their points, so that joints can follow.

F: frames of a clip. Coordinates are in pixels from the left and the upper edge: the middle of the first pixel is 0.5.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple, Self

from torch import Tensor


class Box(NamedTuple):
    top: int
    left: int
    height: int
    width: int


class Geometry(NamedTuple):
    """Map of points of one picture to another: scale * coordinate + shift on each axis. A negative scale mirrors."""

    scale_x: float = 1.0
    scale_y: float = 1.0
    shift_x: float = 0.0
    shift_y: float = 0.0

    @property
    def is_mirrored(self) -> bool:
        return self.scale_x < 0

    def of(self, points: Tensor) -> Tensor:
        """Places of points (..., 2), x before y."""
        scale = points.new_tensor([self.scale_x, self.scale_y])
        return points * scale + points.new_tensor([self.shift_x, self.shift_y])

    def resized(self, height: float, width: float) -> Self:
        """Map followed by a change of the picture's height and width by these factors."""
        return self._replace(
            scale_x=self.scale_x * width,
            scale_y=self.scale_y * height,
            shift_x=self.shift_x * width,
            shift_y=self.shift_y * height,
        )

    def cropped(self, top: int, left: int) -> Self:
        return self._replace(shift_x=self.shift_x - left, shift_y=self.shift_y - top)

    def mirrored(self, width: int) -> Self:
        return self._replace(scale_x=-self.scale_x, shift_x=width - self.shift_x)


class TrackedFrames(NamedTuple):
    """Frames (F, channels, height, width), and the map of points from the original frames to these.

    `changes`: colour jitter (3, 2) that the device applies; None for none.
    """

    frames: Tensor
    geometry: Geometry = Geometry()
    changes: Tensor | None = None

    def resized(self, frames: Tensor) -> Self:
        """The given frames, which are these at another size."""
        (height, width), (new_height, new_width) = self.frames.shape[-2:], frames.shape[-2:]
        return self._replace(frames=frames, geometry=self.geometry.resized(new_height / height, new_width / width))

    def cropped(self, top: int, left: int, height: int, width: int) -> Self:
        frames = self.frames[..., top : top + height, left : left + width]
        return self._replace(frames=frames, geometry=self.geometry.cropped(top, left))

    def mirrored(self) -> Self:
        return self._replace(frames=self.frames.flip(-1), geometry=self.geometry.mirrored(self.frames.shape[-1]))


class TrackedTransform(ABC):
    """Transform of frames, with or without the map of their points. Both draw the same random numbers."""

    def __call__(self, frames: Tensor) -> Tensor:
        return self.tracked(frames).frames

    @abstractmethod
    def tracked(self, frames: Tensor) -> TrackedFrames:
        """Transformed frames, and the map of points from the given frames to these."""

    def leave_jitter(self) -> bool:
        """Leave the colour jitter to the device, if there is one; returns whether there is."""
        return False
