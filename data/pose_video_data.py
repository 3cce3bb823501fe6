"""Clips of RGB frames with the joints of the people in them."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from torch import Tensor

from data.config import DataConfig, VideoFacts
from data.datasets.pose_videos import PoseDatasetConfig, PoseVideoList
from data.sampling.base import SamplingConfig
from data.sampling.segments import SegmentSampling
from data.transforms.pixels import normalized
from data.video_data import ClipData
from interface.evaluation import EvalConfig
from interface.ranges import Count
from interface.sizes import PoseClipSize

if TYPE_CHECKING:
    from data.items.items import ItemList
    from data.items.pose_clips import TestPoseClips, TrainPoseClips


@dataclass(frozen=True, kw_only=True)
class PoseVideoData(ClipData):
    """Clips of square frames, and joints (F, R, 3) in pixels of the crop. The fields are those of `ClipData`.

    By default, a clip has a frame of each of F equal parts of the video: a random one in training, the middle one in a
    test.
    """

    dataset: PoseDatasetConfig
    frames: Count = 12
    sampling: SamplingConfig = field(default_factory=lambda: SegmentSampling.Config(nominal_fps=None))

    @property
    def size(self) -> PoseClipSize:
        return PoseClipSize(self.frames, self.crop, self.crop, self.dataset.num_joints)

    @property
    def input_text(self) -> str:
        count = self.dataset.num_joints
        return (
            f"{super().input_text}; and joints (B, {self.frames}, {count}, 3): x and y in pixels of the crop, and "
            f"whether the joint is there"
        )

    def check(self, evaluation: EvalConfig) -> None:
        super().check(evaluation)
        self.augmentation.check_tracked()

    def train_items(self, items: "ItemList", seed: int) -> "TrainPoseClips":
        from data.items.pose_clips import TrainPoseClips

        assert isinstance(items, PoseVideoList)
        return TrainPoseClips(
            items,
            seed,
            sampling=self.sampling.build(self.frames),
            augmentation=self.augmentation.build_tracked(self.crop),
            reversed_channels=self.reversed_channels,
            crop=self.crop,
            mirrored=self.dataset.mirrored,
        )

    def _test_clips(self, items: "ItemList", sampling: SamplingConfig, evaluation: EvalConfig) -> "TestPoseClips":
        from data.items.pose_clips import TestPoseClips

        assert isinstance(items, PoseVideoList)
        return TestPoseClips(
            items,
            evaluation.views,
            sampling=sampling.build(evaluation.frames or self.frames),
            crops=self.crops(evaluation),
            reversed_channels=self.reversed_channels,
            mirrored=self.dataset.mirrored,
        )

    def files(self, items: "ItemList") -> list[tuple[str, ...]]:
        assert isinstance(items, PoseVideoList)
        return [(*video, poses) for video, poses in zip(super().files(items), items.pose_files, strict=True)]

    def examine(self, items: "ItemList", index: int) -> VideoFacts:
        assert isinstance(items, PoseVideoList)
        poses = items.poses(index)
        facts = super().examine(items, index)
        items.check_length(index, poses, facts.frames)
        return facts

    def on_device(self, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        clips, joints = inputs
        return normalized(clips, self.mean, self.std), joints

    def from_list(self, class_names: tuple[str, ...] = ()) -> DataConfig:
        """Reject a list file, which gives no joints."""
        raise ValueError(
            f"{self.dataset.name}: a list file names videos without joints, so it cannot replace the data set"
        )
