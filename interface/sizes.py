"""Sizes of input items. A model takes those of one kind."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor

# A token takes 20 KB in the training of a small encoder, a pixel of a clip 3 KB in that of a large model.
PIXELS_PER_TOKEN = 8


class InputSize(ABC):
    kind: ClassVar[str]
    plural: ClassVar[str]
    """Nouns for the item and for several in error messages."""
    is_uniform: ClassVar[bool] = True
    """Whether all items have the same size."""

    @property
    @abstractmethod
    def cost(self) -> int:
        """Memory of the item as a number of pixels. The micro-batch is inversely proportional to it."""

    @abstractmethod
    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Model inputs of a batch of items, filled with random values."""

    @classmethod
    def of(cls, size: "InputSize") -> Self:
        """The size, if it is of this kind, as a model needs it. Refuses others."""
        if not isinstance(size, cls):
            raise ValueError(f"model: it takes {cls.plural}, and the data give a {size.kind}")
        return size


@dataclass(frozen=True)
class VideoSize(InputSize):
    frames: int
    height: int
    width: int

    @property
    def cost(self) -> int:
        return self.frames * self.height * self.width

    def with_frames(self, frames: int) -> Self:
        return replace(self, frames=frames)

    def random_frames(self, batch_size: int, device: torch.device | str) -> Tensor:
        """Frames (batch_size, frames, 3, height, width)."""
        return torch.randn(batch_size, self.frames, 3, self.height, self.width, device=device)


@dataclass(frozen=True)
class ClipSize(VideoSize):
    kind, plural = "clip", "clips"

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Clips (batch_size, frames, 3, height, width)."""
        return (self.random_frames(batch_size, device),)


@dataclass(frozen=True)
class PoseClipSize(VideoSize):
    """Size of a clip of RGB frames and the joints in it.

    A joint is x, y and 1, or 0, 0 and 0 if it has no place. Places are in pixels of the crop: x from 0 to the width, y
    from 0 to the height; the middle of the first pixel is 0.5, 0.5.
    """

    kind, plural = "clip with joints", "clips with joints"

    joints: int
    """Number of joints of all people, R."""

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Clips (batch_size, frames, 3, height, width) and joints (batch_size, frames, R, 3), each with a place."""
        clips = self.random_frames(batch_size, device)
        joints = torch.rand(batch_size, self.frames, self.joints, 3, device=device)
        joints[..., 0] *= self.width
        joints[..., 1] *= self.height
        joints[..., 2] = 1
        return clips, joints


@dataclass(frozen=True)
class TokenSequenceSize(InputSize):
    """Size of a sequence of tokens, or of a pair of sequences. Padding is part of the length, and has the id 0."""

    plural = "sequences of tokens"

    length: int
    vocabulary: int
    pair: bool = False

    @property
    def kind(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return "pair of sequences" if self.pair else "sequence"

    @property
    def cost(self) -> int:
        """Number of pixels of a clip that takes as much memory in training."""
        return PIXELS_PER_TOKEN * self.length * (1 + self.pair)

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Random token ids (batch_size, length), without padding: one tensor, or two for pairs."""
        shape = (batch_size, self.length)
        return tuple(torch.randint(1, self.vocabulary, shape, device=device) for _ in range(1 + self.pair))


@dataclass(frozen=True)
class MaskedSequenceSize(VideoSize):
    """Typical size of a sequence of frames with masks. Sequences of one data set differ in length and long side."""

    kind, plural = "sequence with masks", "sequences with masks"
    is_uniform = False

    def clip(self, frames: int) -> ClipSize:
        return ClipSize(frames, self.height, self.width)

    def example(self, batch_size: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Frames (batch_size, frames, 3, height, width), and masks (batch_size, 1, height, width) with one object."""
        masks = torch.zeros(batch_size, 1, self.height, self.width, dtype=torch.uint8, device=device)
        masks[..., : self.height // 2, : self.width // 2] = 1
        return self.random_frames(batch_size, device), masks
