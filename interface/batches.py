"""Batches, from the loaders to the task. B: items. V: variants of a view, such as its crops."""

from typing import NamedTuple

import torch
from torch import Tensor


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """Tensor of the CPU on a device, for which the CPU does not wait."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor.to(device)


class Batch(NamedTuple):
    inputs: tuple[Tensor, ...]
    """Model inputs, (B, ...) each in training and (B, V, ...) each in testing."""
    targets: Tensor
    """Labels (B,) or (B, kinds of label)."""
    items: Tensor
    """Index of each item in its list, (B,)."""
    views: Tensor
    """Index of the view of each test item, (B,)."""
    unreadable: Tensor
    """Whether an item is unreadable, (B,). Its inputs are then blank or, in training, those of another item."""
    missing: Tensor
    """Whether the file of an item is missing, (B,)."""
    start: int = 0
    """Place of the first item in the training order of the epoch."""
    weight: float = 1.0
    """Weight of the loss in the step, below 1 for fewer items than the other batches have."""
