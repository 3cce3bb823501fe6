"""Configs of data whose items are clips of RGB frames: what all kinds have in common, and clips alone."""

from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import torch
from torch import Tensor

from data.config import DataConfig, DatasetConfig, VideoFacts
from data.datasets.videos import VideoList
from data.labels import ItemList
from data.sampling.base import SamplingConfig
from data.sampling.strides import DenseSampling
from data.transforms.pixels import Augmentation, AugmentationConfig, Crops, PerChannel, normalized
from interface.evaluation import EvalConfig
from interface.ranges import Count, Range
from interface.sizes import ClipSize, PoseClipSize

if TYPE_CHECKING:
    from data.items import TestItems, TrainItems


@dataclass(frozen=True, kw_only=True)
class ClipData(DataConfig):
    """Clips of square frames, with or without other inputs. Pixels are (x / 255 - mean) / std."""

    read_seconds: ClassVar[float] = 0.1  # a core reads about 10 clips a second

    frames: Count = 16
    crop: Count = 224
    """Side of a frame in pixels."""
    sampling: SamplingConfig = field(default_factory=DenseSampling.Config)
    augmentation: AugmentationConfig = field(default_factory=Augmentation.Config)
    mean: Annotated[PerChannel, Range(least=0, most=1)] = 0.5
    """One for all channels, or one each, in the order of the model's channels; so is `std`."""
    std: Annotated[PerChannel, Range(above=0)] = 0.5
    reversed_channels: bool = field(default=False, metadata={"omit_if": False})
    """Whether channels are BGR instead of RGB."""

    @property
    @abstractmethod
    def size(self) -> ClipSize | PoseClipSize:
        """Size of a clip."""

    @property
    def mirrored(self) -> tuple[int, ...]:
        """Index of the joint on the other side of the body, for each of the R joints; none without joints."""
        return ()

    def test_size(self, evaluation: EvalConfig) -> ClipSize | PoseClipSize:
        return self.size if evaluation.frames is None else self.size.with_frames(evaluation.frames)

    @property
    def input_text(self) -> str:
        channels = "BGR" if self.reversed_channels else "RGB"
        return (
            f"clips (B, {self.frames}, 3, {self.crop}, {self.crop}): batch, frames, {channels}, height, width; float32"
            f", (x / 255 - {self.mean}) / {self.std}; frames: {self.sampling.text}"
        )

    def check(self, evaluation: EvalConfig) -> None:
        self.sampling.for_test(evaluation)
        self.augmentation.check(self.crop)
        Crops(self.crop, evaluation)

    def on_device(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        clips, *joints = inputs
        return normalized(clips, self.mean, self.std), *joints

    def leave_jitter(self, items: "TrainItems") -> bool:
        from data.clips import RandomClips

        assert isinstance(items.inputs, RandomClips)
        return items.inputs.augmentation.leave_jitter()

    def jittered(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        clips, *joints, changes = inputs
        return self.augmentation.jittered(clips, changes), *joints

    def display(self, inputs: tuple[Tensor, ...]) -> Tensor:
        crops = inputs[0]
        clip = crops[len(crops) // 2]
        return clip.flip(1) if self.reversed_channels else clip

    def train_items(self, items: ItemList, seed: int) -> "TrainItems":
        """One augmented clip of each video."""
        from data.clips import RandomClips
        from data.items import TrainItems

        assert isinstance(items, VideoList)
        sampling, augmentation = self.sampling.build(self.frames), self.augmentation.build(self.crop)
        clips = RandomClips(items, sampling, self.reversed_channels, torch.tensor(self.mirrored), augmentation)
        return TrainItems(items, seed, clips)

    def test_items(self, items: ItemList, evaluation: EvalConfig) -> "TestItems":
        """All crops of each temporal view of each video."""
        from data.clips import ClipViews
        from data.items import TestItems

        assert isinstance(items, VideoList)
        sampling = self.sampling.for_test(evaluation).build(evaluation.frames or self.frames)
        mirrored, crops = torch.tensor(self.mirrored), Crops(self.crop, evaluation)
        views = ClipViews(items, sampling, self.reversed_channels, mirrored, crops, evaluation.views)
        return TestItems(items, evaluation.views, views, *views.blank_shapes())

    def files(self, items: ItemList) -> list[tuple[str, ...]]:
        from data.video.frame_sources import files_of

        assert isinstance(items, VideoList)
        return list(map(files_of, items.records))

    def copy_text(self, items: ItemList) -> str:
        from data.video.copies import copy_text

        assert isinstance(items, VideoList)
        return copy_text(items.records)

    def examine(self, items: ItemList, index: int) -> VideoFacts:
        from data.video.frame_sources import examined

        assert isinstance(items, VideoList)
        return examined(items.records[index])

    def least_short_side(self, evaluation: EvalConfig) -> int:
        return evaluation.short_side or self.crop

    @property
    def expected_fps(self) -> int | None:
        return self.sampling.expected_fps

    def tiny(self) -> Self:
        """Generated videos, half the frames, a seventh of the crop size (32 for 224, 48 for 336)."""
        return replace(
            self,
            dataset=self.dataset.tiny(),
            frames=max(1, self.frames // 2),
            crop=self.crop // 7,
            augmentation=self.augmentation.tiny(),
        )

    def views_within(self, evaluation: EvalConfig, other: EvalConfig) -> tuple[int, ...] | None:
        """Indices of the views of `other` with the starts of those of `evaluation`. All else must be equal."""
        if replace(other, views=evaluation.views) != evaluation:
            return None
        starts = self.sampling.view_starts(other.views)
        required = self.sampling.view_starts(evaluation.views)
        return tuple(map(starts.index, required)) if set(required) <= set(starts) else None


@dataclass(frozen=True, kw_only=True)
class VideoData(ClipData):
    """Clips of square frames. Pixels are (x / 255 - mean) / std. The fields are those of `ClipData`."""

    config_tag = "DataConfig"  # its name in the ids of runs from before other kinds of data were added

    @property
    def size(self) -> ClipSize:
        return ClipSize(self.frames, self.crop, self.crop)

    def with_videos(self, dataset: DatasetConfig) -> "VideoData":
        if len(dataset.targets.classes) != len(self.targets.classes):
            kinds = " and a ".join(self.targets.classes) or "no class"
            raise ValueError(
                f"this row predicts a {kinds} a video, and a folder of videos gives one class; name another row"
            )
        return replace(self, dataset=dataset)
