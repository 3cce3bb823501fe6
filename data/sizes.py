"""Sizes of input items."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


class InputSize(ABC):
    """Size of one input item."""

    @property
    @abstractmethod
    def kind(self) -> str:
        """Noun for the item in error messages."""

    @property
    @abstractmethod
    def cost(self) -> int:
        """Memory of the item as a number of pixels. The micro-batch is inversely proportional to it."""

    @abstractmethod
    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Model inputs of a batch of items, filled with standard normal values."""


@dataclass(frozen=True)
class ClipSize(InputSize):
    """Size of a clip of RGB frames."""

    frames: int
    height: int
    width: int

    @property
    def kind(self) -> str:
        """Always "clip"."""
        return "clip"

    @property
    def cost(self) -> int:
        """Number of pixels of all frames."""
        return self.frames * self.height * self.width

    def with_frames(self, frames: int) -> Self:
        """Size of the same clip with another number of frames."""
        return replace(self, frames=frames)

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Clips (batch_size, frames, 3, height, width)."""
        return (torch.randn(batch_size, self.frames, 3, self.height, self.width, device=device),)


@dataclass(frozen=True)
class PoseClipSize(InputSize):
    """Size of a clip of RGB frames and the joints in it.

    `joints`: number of joints of all people, R. A joint is x, y and 1, or 0, 0 and 0 if it has no place. Places are in
    pixels of the crop: x from 0 to the width, y from 0 to the height; the middle of the first pixel is 0.5, 0.5.
    """

    frames: int
    height: int
    width: int
    joints: int

    @property
    def kind(self) -> str:
        """Always "clip with joints"."""
        return "clip with joints"

    @property
    def cost(self) -> int:
        """Number of pixels of all frames."""
        return self.frames * self.height * self.width

    def with_frames(self, frames: int) -> Self:
        """Size of the same clip with another number of frames."""
        return replace(self, frames=frames)

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Clips (batch_size, frames, 3, height, width) and joints (batch_size, frames, R, 3), each with a place."""
        clips = torch.randn(batch_size, self.frames, 3, self.height, self.width, device=device)
        joints = torch.rand(batch_size, self.frames, self.joints, 3, device=device)
        joints[..., 0] *= self.width
        joints[..., 1] *= self.height
        joints[..., 2] = 1
        return clips, joints
