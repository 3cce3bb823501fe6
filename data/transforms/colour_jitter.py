"""Colour jitter of clips: as in the released code, and of a batch on its device.

The latter takes the changes that were drawn for each clip where it was read. It equals the jitter of single clips up to
rounding. B: clips. F: frames.
"""

import random

import torch
from torch import Tensor

BRIGHTNESS, CONTRAST, SATURATION = 0, 1, 2  # kinds of change, as torchvision numbers them
UNCHANGED = ((BRIGHTNESS, 1.0),) * 3
MIDDLE = 127.5  # grey around which the released code scales the brightness


def jittered(clips: Tensor, changes: Tensor, *, as_released: bool) -> Tensor:
    """Clips (B, F, 3, height, width), uint8, or float32 as released, after the changes (B, 3, 2).

    A change is its kind and its factor: the share of the clip in its mixture with black or the middle grey, with the
    mean grey of each frame, or with the grey of each pixel.
    """
    clips = clips.float()
    weights = (0.114, 0.587, 0.299) if as_released else (0.2989, 0.587, 0.114)
    for change in changes.view(len(changes), 3, 2, 1, 1, 1, 1).unbind(1):
        kind, factor = change.unbind(1)  # (B, 1, 1, 1, 1)
        red, green, blue = clips.split(1, dim=2)
        grey = red * weights[0] + green * weights[1] + blue * weights[2]
        grey = grey if as_released else grey.floor()
        darkest = torch.full_like(factor, MIDDLE if as_released else 0.0)
        mean = grey.mean((2, 3, 4), keepdim=True)
        target = torch.where(kind == BRIGHTNESS, darkest, torch.where(kind == CONTRAST, mean, grey))
        clips = clips * factor + target * (1 - factor)
        clips = clips if as_released else clips.clamp(0, 255).trunc()
    return clips if as_released else clips.to(torch.uint8)


class ReleasedColorJitter:
    """Brightness, contrast and saturation in random order, as in the released code. Values are not clipped.

    The released code changes pixels in [-1, 1], where 0 is the middle grey, and its greyscale takes RGB for BGR.

    Args:
        brightness, contrast, saturation: largest changes of the factors, which are 1 without jitter.
    """

    def __init__(self, brightness: float, contrast: float, saturation: float) -> None:
        self.largest = (brightness, contrast, saturation)

    def __call__(self, frames: Tensor) -> Tensor:
        for kind, factor in self.changes():
            frames = factor * frames + (1 - factor) * self.target(kind, frames)
        return frames

    def changes(self) -> list[tuple[int, float]]:
        """Kinds and factors, drawn for a clip."""
        order = random.sample(range(3), 3)
        return [(kind, random.uniform(1 - self.largest[kind], 1 + self.largest[kind])) for kind in order]

    @staticmethod
    def target(kind: int, frames: Tensor) -> Tensor:
        """Middle grey, mean grey of each frame (F, 1, 1, 1), or grey of each pixel (F, 1, height, width)."""
        if kind == BRIGHTNESS:
            return frames.new_tensor(MIDDLE)
        weights = frames.new_tensor([0.114, 0.587, 0.299])  # that of red for blue, and of blue for red
        grey = torch.einsum("fchw,c->fhw", frames, weights).unsqueeze(1)
        return grey if kind == SATURATION else grey.mean((1, 2, 3), keepdim=True)
