"""Pictures for tests of transforms."""

import torch
import torch.nn.functional as F
from torch import Tensor

HEIGHT, WIDTH = 40, 80  # 0.45 of each, and half of that, are whole pixels


def picture() -> Tensor:
    """Random colours with fine grain, without black and white: (1, 3, HEIGHT, WIDTH)."""
    generator = torch.Generator().manual_seed(0)
    coarse = F.interpolate(torch.rand(1, 3, 5, 6, generator=generator), (HEIGHT, WIDTH), mode="bilinear")
    return (20 + 190 * coarse + 20 * torch.rand(coarse.shape, generator=generator)).to(torch.uint8)


def noise(frames: int, height: int, width: int) -> Tensor:
    """Frames (F, 3, height, width), uint8, with channels last in memory, as those of videos."""
    pixels = torch.randint(0, 256, (frames, height, width, 3), generator=torch.Generator().manual_seed(0))
    return pixels.to(torch.uint8).permute(0, 3, 1, 2)
