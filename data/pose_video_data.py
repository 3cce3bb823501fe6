"""Config of data whose items are clips of RGB frames with the joints of the people in them."""

from dataclasses import dataclass, field

from data.config import VideoFacts
from data.datasets.pose_videos import PoseDatasetConfig, PoseVideoList
from data.labels import ItemList
from data.sampling.base import SamplingConfig
from data.sampling.segments import SegmentSampling
from data.video_data import ClipData
from interface.evaluation import EvalConfig
from interface.ranges import Count
from interface.sizes import PoseClipSize


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
    def mirrored(self) -> tuple[int, ...]:
        return self.dataset.mirrored

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

    def files(self, items: ItemList) -> list[tuple[str, ...]]:
        assert isinstance(items, PoseVideoList)
        return [(*video, poses) for video, poses in zip(super().files(items), items.pose_files, strict=True)]

    def examine(self, items: ItemList, index: int) -> VideoFacts:
        assert isinstance(items, PoseVideoList)
        poses = items.poses(index)
        facts = super().examine(items, index)
        items.check_length(index, poses, facts.frames)
        return facts
