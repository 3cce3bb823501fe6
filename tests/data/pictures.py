"""A picture for tests of RandAugment."""

import torch
import torch.nn.functional as F
from torch import Tensor

HEIGHT, WIDTH = 40, 80  # 0.45 of each, and half of that, are whole pixels


def picture() -> Tensor:
    """Random colours with fine grain, without black and white: (1, 3, HEIGHT, WIDTH)."""
    generator = torch.Generator().manual_seed(0)
    coarse = F.interpolate(torch.rand(1, 3, 5, 6, generator=generator), (HEIGHT, WIDTH), mode="bilinear")
    return (20 + 190 * coarse + 20 * torch.rand(coarse.shape, generator=generator)).to(torch.uint8)
