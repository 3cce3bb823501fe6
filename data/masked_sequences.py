"""Data of mask propagation: sequences of frames, of which the masks of the objects in the first frame are given.

F frames, H x W pixels, h x w after resizing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from data.config import DataConfig, ShownMasks, VideoFacts
from data.datasets.davis import Davis, SequenceList, read_frames, read_masks, read_results, result_files
from data.errors import DecodeError
from data.items import Inputs, TestItems, TrainItems
from data.labels import ItemList
from data.transforms.pixels import PerChannel, normalized
from interface.evaluation import EvalConfig
from interface.ranges import Range
from interface.sizes import MaskedSequenceSize

FPS = 24  # of DAVIS
TYPICAL_FRAMES = 67  # mean number of frames of the sequences of DAVIS 2017 val
Side = Annotated[int, Range(least=1, most=4096)]


@dataclass(frozen=True, kw_only=True)
class MaskedSequences(DataConfig):
    """Whole sequences. Pixels are (x / 255 - mean) / std, in RGB, with one mean and std for all channels or each."""

    dataset: Davis.Config = field(default_factory=Davis.Config)
    short_side: Side = 480
    """That of the resized frames."""
    multiple: Side = 16
    """Number of pixels that divides the long side of the resized frames, which is rounded down."""
    mean: Annotated[PerChannel, Range(least=0, most=1)] = 0.5
    std: Annotated[PerChannel, Range(above=0)] = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.size.width < 1:
            raise ValueError(f"data.multiple is {self.multiple}; it must be at most the long side of the frames")

    @property
    def size(self) -> MaskedSequenceSize:
        """Size of a sequence of typical length in 16:9. Others differ."""
        long_side = self.short_side * 16 // 9 // self.multiple * self.multiple
        return MaskedSequenceSize(TYPICAL_FRAMES, self.short_side, long_side)

    def check(self, evaluation: EvalConfig) -> None:
        for name in ("views", "crops"):
            if (number := getattr(evaluation, name)) != 1:
                raise ValueError(f"evaluation.{name} is {number}; a sequence is tested as a whole, so it must be 1")

    def train_items(self, items: ItemList, seed: int) -> TrainItems:
        raise ValueError(f"{self.dataset.name}: its sequences are only tested; set optim=None")

    def test_items(self, items: ItemList, evaluation: EvalConfig) -> TestItems:
        shapes = ((1, 2, *size, self.short_side, self.short_side) for size in ((3,), ()))
        return TestItems(items, 1, partial(self.whole, items), *((shape, torch.uint8) for shape in shapes))

    def whole(self, items: ItemList, index: int, views: Sequence[int]) -> list[Inputs]:
        """Resized frames (1, F, 3, h, w) and masks (1, F, H, W) in their own size, uint8, of a sequence."""
        assert isinstance(items, SequenceList)
        sequence = items.sequences[index]
        frames = torch.from_numpy(read_frames(sequence)).permute(0, 3, 1, 2)  # (F, 3, H, W)
        height, width = frames.shape[2:]
        masks = torch.from_numpy(read_masks(sequence, (height, width)))  # (F, H, W)
        size = self.resized_size(height, width)
        if min(size) < 1:
            raise DecodeError(sequence.name, f"its frames of {height}x{width} pixels are too narrow to be resized")
        return [(resized(frames, size).unsqueeze(0), masks.unsqueeze(0))]

    def resized_size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of resized frames: the short side, and the long side rounded down to a multiple.

        Follows DINO's evaluation on DAVIS (https://github.com/facebookresearch/dino).
        """
        long_side = max(height, width) * self.short_side // min(height, width) // self.multiple * self.multiple
        return (self.short_side, long_side) if width > height else (long_side, self.short_side)

    def files(self, items: ItemList) -> list[tuple[str, ...]]:
        assert isinstance(items, SequenceList)
        return [
            tuple(str(path) for i in range(len(s.frames)) for path in (s.picture(i), s.mask(i)))
            for s in items.sequences
        ]

    def examine(self, items: ItemList, index: int) -> VideoFacts:
        assert isinstance(items, SequenceList)
        frames = read_frames(items.sequences[index])
        height, width = frames.shape[1:3]
        read_masks(items.sequences[index], (height, width))
        return VideoFacts(len(frames), FPS, min(height, width))

    def least_short_side(self, evaluation: EvalConfig) -> int:
        return self.short_side

    def on_device(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        frames, masks = inputs
        return normalized(frames, self.mean, self.std), masks

    def result_files(self, items: ItemList, index: int, prediction: NDArray[np.uint8]) -> Iterator[tuple[Path, bytes]]:
        """Predicted masks (F, H, W) of a sequence in the layout of the official evaluation."""
        assert isinstance(items, SequenceList)
        yield from result_files(items.sequences[index], prediction)

    def shown_masks(self, items: ItemList, index: int, results: Path, num_frames: int) -> ShownMasks:
        """Frames of a sequence at even intervals, in their own size."""
        assert isinstance(items, SequenceList)
        sequence = items.sequences[index]
        frames = read_frames(sequence)
        numbers = np.unique(np.linspace(0, len(frames) - 1, num_frames).round().astype(np.int64))
        true = read_masks(sequence, (frames.shape[1], frames.shape[2]))
        return ShownMasks(numbers, frames[numbers], true[numbers], read_results(sequence, results)[numbers])

    def tiny(self) -> Self:
        dataset = self.dataset.tiny()
        assert dataset.stand_in is not None
        return replace(self, dataset=dataset, short_side=dataset.stand_in.height, multiple=8)


def resized(frames: Tensor, size: tuple[int, int]) -> Tensor:
    """Frames (F, 3, H, W) resized bilinearly without antialiasing, in uint8."""
    if tuple(frames.shape[2:]) == size:
        return frames.contiguous()
    floats = F.interpolate(frames.float(), size=size, mode="bilinear")
    return floats.add_(0.5).clamp_(0, 255).to(torch.uint8)  # rounded
