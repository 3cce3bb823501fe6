"""Sequences of frames with masks, for the propagation of masks. F frames, H x W pixels, h x w after resizing."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from data.datasets.davis import SequenceList, read_frames, read_masks
from data.errors import DecodeError
from data.items.items import TestItems


class FrameSize(NamedTuple):
    """Rows and columns of pixels."""

    height: int
    width: int


class TestSequences(TestItems):
    """Resized frames (1, F, 3, h, w) and masks (1, F, H, W) in their own size, uint8, of each sequence."""

    def __init__(self, sequences: SequenceList, *, short_side: int, multiple: int) -> None:
        super().__init__(sequences, num_views=1)
        self.list = sequences
        self.short_side, self.multiple = short_side, multiple

    def inputs(self, index: int, view: int) -> tuple[Tensor, ...]:
        sequence = self.list.sequences[index]
        frames = torch.from_numpy(read_frames(sequence)).permute(0, 3, 1, 2)  # (F, 3, H, W)
        size = FrameSize(*frames.shape[2:])
        masks = torch.from_numpy(read_masks(sequence, size))  # (F, H, W)
        wanted = resized_size(size, self.short_side, self.multiple)
        if min(wanted) < 1:
            raise DecodeError(
                sequence.name, f"its frames of {size.height}x{size.width} pixels are too narrow to be resized"
            )
        return resized(frames, wanted).unsqueeze(0), masks.unsqueeze(0)

    def blank_inputs(self) -> tuple[Tensor, ...]:
        side = self.short_side
        return torch.zeros(1, 2, 3, side, side, dtype=torch.uint8), torch.zeros(1, 2, side, side, dtype=torch.uint8)


def resized_size(size: FrameSize, short_side: int, multiple: int) -> FrameSize:
    """Size with this short side, and the long side rounded down to a multiple.

    Follows DINO's evaluation on DAVIS (https://github.com/facebookresearch/dino).
    """
    long_side = max(size) * short_side // min(size) // multiple * multiple
    return FrameSize(short_side, long_side) if size.width > size.height else FrameSize(long_side, short_side)


def resized(frames: Tensor, size: FrameSize) -> Tensor:
    """Frames (F, 3, H, W) resized bilinearly without antialiasing, in uint8."""
    if tuple(frames.shape[2:]) == size:
        return frames.contiguous()
    floats = F.interpolate(frames.float(), size=tuple(size), mode="bilinear")
    return floats.add_(0.5).clamp_(0, 255).to(torch.uint8)  # rounded
