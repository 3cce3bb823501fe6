"""Labels of patches from masks, and masks from labels. C labels, background first; S patches; H x W pixels."""

import torch
import torch.nn.functional as F
from torch import Tensor

from models.propagation.rules import PropagationRules
from models.tokens import Grid


def first_labels(mask: Tensor, grid: Grid, rules: PropagationRules) -> Tensor:
    """Labels (C, S) of the patches of a frame, from its mask (H, W) of numbered objects."""
    one_hot = F.one_hot(mask.long()).movedim(-1, 0).float()  # (C, H, W)
    return resized(one_hot, (grid.height, grid.width), smooth=rules.soft_first_labels).flatten(1)  # (C, S)


def hardened(labels: Tensor) -> Tensor:
    """Labels (C, S) with the largest share rounded to one, the others to zero."""
    return F.one_hot(labels.argmax(0), len(labels)).T.to(labels.dtype)  # (C, S)


def mask_of(
    labels: Tensor, grid: Grid, rules: PropagationRules, *, of_input: torch.Size, of_frame: torch.Size
) -> Tensor:
    """Mask (H, W) of labels (C, S).

    Args:
        of_input: rows and columns of pixels of the model's input.
        of_frame: rows and columns of pixels of the mask.
    """
    decided_at = of_input if rules.decide_at == "input" else of_frame
    shares = resized(labels.unflatten(1, (grid.height, grid.width)), decided_at, smooth=True)  # (C, h, w)
    if rules.rescale_labels:
        shares = rescaled(shares)
    mask = shares.argmax(0).to(torch.uint8)
    return resized(mask.unsqueeze(0).float(), of_frame, smooth=False)[0].to(torch.uint8)


def rescaled(shares: Tensor) -> Tensor:
    """Shares (C, h, w), each label scaled to reach from 0 to 1. Labels without a share stay zero."""
    low, high = shares.amin((1, 2), keepdim=True), shares.amax((1, 2), keepdim=True)
    spread = high - low
    return torch.where(high > 0, (shares - low) / spread.clamp_min(torch.finfo(shares.dtype).tiny), shares)


def resized(planes: Tensor, size: tuple[int, int] | torch.Size, *, smooth: bool) -> Tensor:
    """Planes (C, H, W) resized bilinearly without antialiasing, or to the nearest pixel."""
    if tuple(planes.shape[1:]) == tuple(size):
        return planes
    mode = "bilinear" if smooth else "nearest-exact"
    return F.interpolate(planes.unsqueeze(0), size=tuple(size), mode=mode)[0]
