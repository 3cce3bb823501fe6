"""Video data: clips of RGB frames, sampled from the videos of a data set."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Self

from torch import Tensor

from data.config import DataConfig, VideoFacts
from data.evaluation import EvalConfig
from data.ranges import check_fields
from data.sampling import DenseSampling, SamplingConfig
from data.sizes import ClipSize
from data.transforms import Augmentation, AugmentationConfig, Crops, PerChannel, normalized

if TYPE_CHECKING:
    from data.items.clips import TestClips, TrainClips
    from data.items.items import ItemList


@dataclass(frozen=True, kw_only=True)
class VideoData(DataConfig):
    """Clips of square frames. Pixels are (x / 255 - mean) / std.

    Args:
        frames: number of frames of a clip.
        crop: side of a frame in pixels.
        mean, std: one for all channels, or one each, in the order of the model's channels.
        reversed_channels: whether channels are BGR instead of RGB.
    """

    config_tag = "DataConfig"  # its name in the ids of runs from before other kinds of data were added

    frames: int = 16
    crop: int = 224
    sampling: SamplingConfig = field(default_factory=DenseSampling.Config)
    augmentation: AugmentationConfig = field(default_factory=Augmentation.Config)
    mean: PerChannel = 0.5
    std: PerChannel = 0.5
    reversed_channels: bool = field(default=False, metadata={"omit_if": False})

    def __post_init__(self) -> None:
        check_fields("data", self, "frames", "crop", least=1)
        check_fields("data", self, "mean", least=0, most=1)
        check_fields("data", self, "std", least=0, exclusive=True)

    @property
    def size(self) -> ClipSize:
        """Size of a clip."""
        return ClipSize(self.frames, self.crop, self.crop)

    def check(self, evaluation: EvalConfig) -> None:
        """Reject test protocols that the sampling does not support, and short sides below the crop size."""
        self.sampling.for_test(evaluation)
        self.augmentation.check(self.crop)
        Crops(evaluation.crops, self.crop, evaluation.short_side)

    def train_items(self, items: "ItemList", seed: int) -> "TrainClips":
        """One augmented clip of each video."""
        from data.datasets.videos import VideoList
        from data.items.clips import TrainClips

        assert isinstance(items, VideoList)
        return TrainClips(
            items,
            seed,
            sampling=self.sampling.build(self.frames),
            augmentation=self.augmentation.build(self.crop),
            reversed_channels=self.reversed_channels,
        )

    def validation_items(self, items: "ItemList") -> "TestClips":
        """Middle crop of the middle clip of each video."""
        return self._test_clips(items, self.sampling, EvalConfig(views=1, crops=1))

    def test_items(self, items: "ItemList", evaluation: EvalConfig) -> "TestClips":
        """All crops of each temporal view of each video."""
        return self._test_clips(items, self.sampling.for_test(evaluation), evaluation)

    def _test_clips(self, items: "ItemList", sampling: SamplingConfig, evaluation: EvalConfig) -> "TestClips":
        from data.datasets.videos import VideoList
        from data.items.clips import TestClips

        assert isinstance(items, VideoList)
        return TestClips(
            items,
            evaluation.views,
            sampling=sampling.build(self.frames),
            crops=Crops(evaluation.crops, self.crop, evaluation.short_side),
            reversed_channels=self.reversed_channels,
        )

    def files(self, items: "ItemList") -> list[tuple[str, ...]]:
        """File of each video, or the first and the last picture of a video that is stored as pictures."""
        from data.datasets.videos import VideoList
        from data.frame_sources import files_of

        assert isinstance(items, VideoList)
        return list(map(files_of, items.records))

    def examine(self, items: "ItemList", index: int) -> VideoFacts:
        """Decode all frames of a video."""
        from data.datasets.videos import VideoList
        from data.frame_sources import examined

        assert isinstance(items, VideoList)
        return examined(items.records[index])

    def least_short_side(self, evaluation: EvalConfig) -> int:
        """Short side of the frames in the test."""
        return evaluation.short_side or self.crop

    @property
    def expected_fps(self) -> int | None:
        """Nominal frame rate of the sampling."""
        return self.sampling.expected_fps

    def on_device(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Normalised clips in float32."""
        (clips,) = inputs
        return (normalized(clips, self.mean, self.std),)

    def from_list(self) -> "VideoData":
        """Clips of the videos of a list file, whose lines have a label of each kind."""
        from data.datasets.list_file import ListFile

        if not self.targets.classes:
            super().from_list()  # raises
        return replace(self, dataset=ListFile.Config(predicted=self.targets))

    def shown_frames(self, clip: Tensor) -> Tensor:
        """Frames of a clip for display: (F, 3, height, width), uint8, RGB."""
        return clip.flip(1) if self.reversed_channels else clip

    def display(self, inputs: tuple[Tensor, ...]) -> Tensor:
        """Frames of the middle crop of a view."""
        (crops,) = inputs
        return self.shown_frames(crops[len(crops) // 2])

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
