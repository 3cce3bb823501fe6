"""Data of mask propagation: sequences of frames, of which the masks of the objects in the first frame are given."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from data.config import DataConfig, ShownMasks, VideoFacts
from data.datasets.davis import Davis, SequenceList, read_frames, read_masks, read_results, result_files
from data.transforms.pixels import PerChannel, normalized
from interface.evaluation import EvalConfig
from interface.ranges import Range
from interface.sizes import MaskedSequenceSize

if TYPE_CHECKING:
    from data.items.items import ItemList, TrainItems
    from data.items.sequences import TestSequences

FPS = 24  # of DAVIS
TYPICAL_FRAMES = 67  # mean number of frames of the sequences of DAVIS 2017 val
Side = Annotated[int, Range(least=1, most=4096)]


@dataclass(frozen=True, kw_only=True)
class MaskedSequences(DataConfig):
    """Whole sequences. Pixels are (x / 255 - mean) / std, in RGB.

    Args:
        short_side: short side of the resized frames.
        multiple: number of pixels that divides the long side of the resized frames, which is rounded down.
        mean, std: one for all channels, or one each.
    """

    dataset: Davis.Config = field(default_factory=Davis.Config)
    short_side: Side = 480
    multiple: Side = 16
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

    def train_items(self, items: "ItemList", seed: int) -> "TrainItems":
        """Refuse: masks are propagated without training.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{self.dataset.name}: its sequences are only tested; set optim=None")

    def validation_items(self, items: "ItemList") -> "TestSequences":
        return self.test_items(items, EvalConfig(views=1, crops=1))

    def test_items(self, items: "ItemList", evaluation: EvalConfig) -> "TestSequences":
        from data.items.sequences import TestSequences

        assert isinstance(items, SequenceList)
        return TestSequences(items, short_side=self.short_side, multiple=self.multiple)

    def files(self, items: "ItemList") -> list[tuple[str, ...]]:
        assert isinstance(items, SequenceList)
        return [
            tuple(str(path) for i in range(len(s.frames)) for path in (s.picture(i), s.mask(i)))
            for s in items.sequences
        ]

    def examine(self, items: "ItemList", index: int) -> VideoFacts:
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

    def result_files(
        self, items: "ItemList", index: int, prediction: NDArray[np.uint8]
    ) -> Iterator[tuple[Path, bytes]]:
        """Predicted masks (F, H, W) of a sequence in the layout of the official evaluation."""
        assert isinstance(items, SequenceList)
        yield from result_files(items.sequences[index], prediction)

    def shown_masks(self, items: "ItemList", index: int, results: Path, num_frames: int) -> ShownMasks:
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
