"""Activation of CLIP (https://arxiv.org/abs/2103.00020)."""

import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 1.702


class QuickGELU(nn.Module):
    """x sigmoid(1.702 x), as silu(1.702 x) / 1.702, which saves one tensor for the backward pass instead of two."""

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(SLOPE * x).mul_(1 / SLOPE)
