"""Colour jitter of https://github.com/facebookresearch/Motionformer, with its oddities.

F: frames of a clip.
"""

import random

import torch
from torch import Tensor


class ReleasedColorJitter:
    """Brightness, contrast and saturation in random order, as in the released code. Values are not clipped.

    The released code changes pixels in [-1, 1], where 0 is the middle grey, and its greyscale takes RGB for BGR.

    Args:
        brightness, contrast, saturation: largest changes of the factors, which are 1 without jitter.
    """

    def __init__(self, brightness: float, contrast: float, saturation: float) -> None:
        self.changes = ((brightness, self.middle_grey), (contrast, self.mean_grey), (saturation, self.grey))

    def __call__(self, frames: Tensor) -> Tensor:
        for change, target in random.sample(self.changes, 3):
            factor = random.uniform(1 - change, 1 + change)
            frames = factor * frames + (1 - factor) * target(frames)
        return frames

    @staticmethod
    def middle_grey(frames: Tensor) -> Tensor:
        return frames.new_tensor(127.5)

    @staticmethod
    def grey(frames: Tensor) -> Tensor:
        """Greyscale frames (F, 1, height, width), with the weight of red for blue and of blue for red."""
        weights = frames.new_tensor([0.114, 0.587, 0.299])
        return torch.einsum("fchw,c->fhw", frames, weights).unsqueeze(1)

    @classmethod
    def mean_grey(cls, frames: Tensor) -> Tensor:
        """Mean grey of each frame: (F, 1, 1, 1)."""
        return cls.grey(frames).mean((1, 2, 3), keepdim=True)
