"""The clips of a run as Lightning wants them: train, validation and test loaders over one data set.

Loaders hand out uint8 clips; after the transfer to the device, of a quarter of the bytes, they become float32:
(x / 255 - mean) / std. Works under DDP with `use_distributed_sampler=False`.
"""

import hashlib
from functools import cached_property
from pathlib import Path

import lightning.pytorch as pl
import torch.distributed

from data.clips import CentreViews, TestBatch, TestViews, TrainBatch, TrainClips
from data.config import DataConfig, EvalConfig
from data.datasets.videos import Split, VideoList
from data.errors import MissingAnnotationError
from data.loaders import BadVideos, EpochBatches, TestLoader, TrainLoader, UnrepeatedVideos
from data.transforms import normalized


class VideoDataModule(pl.LightningDataModule):
    """One data set with its protocol of a test.

    Args:
        batch_size: clips a device trains on at once.
        test_batch_size: views a device tests at once, each with all its crops.
        allow_bad: unreadable videos of a split that do not stop the run; 1 % if None.
        accumulate: batches a device takes for one step; an epoch has whole steps only.
    """

    def __init__(
        self,
        data: DataConfig,
        evaluation: EvalConfig,
        *,
        root: Path,
        seed: int,
        batch_size: int,
        test_batch_size: int,
        num_workers: int,
        allow_bad: int | None = None,
        accumulate: int = 1,
    ) -> None:
        super().__init__()
        self.data, self.evaluation, self.root, self.seed = data, evaluation, root, seed
        self.batch_size, self.test_batch_size, self.accumulate = batch_size, test_batch_size, accumulate
        self.num_workers, self.allow_bad = num_workers, allow_bad
        self.bad: dict[Split, BadVideos] = {}
        self.train_loader: TrainLoader | None = None
        self.position: dict[str, int] | None = None

    def train_dataloader(self) -> TrainLoader:
        """Augmented clips of the training split, in an order fixed by (seed, epoch)."""
        clips = TrainClips(self.train_videos, self.data, self.seed)
        bad = self.bad_videos("train", self.train_videos)
        self.train_loader = TrainLoader(clips, self.train_batches(), bad, self.num_workers)
        if self.position is not None:
            self.train_loader.load_state_dict(self.position)
        return self.train_loader

    def state_dict(self) -> dict[str, object]:
        """Where in the training data a checkpoint was written; Lightning forgets its loaders' own states."""
        if self.train_loader is None:
            return {}
        return {"position": self.train_loader.state_dict(), "unreadable": dict(self.train_loader.bad.reasons)}

    def load_state_dict(self, state_dict: dict[str, dict]) -> None:
        """Go on from there."""
        if state_dict:
            self.position = state_dict["position"]
            self.bad_videos("train", self.train_videos).reasons.update(state_dict["unreadable"])

    def val_dataloader(self) -> TestLoader:
        """One centre view of each video of the validation split."""
        return self.loader(CentreViews(self.val_videos, self.data), "val", self.evaluation.crops)

    def test_dataloader(self) -> TestLoader:
        """Every view of each test video, once over all devices."""
        return self.loader(TestViews(self.test_videos, self.data, self.evaluation), "test", 1)

    def on_after_batch_transfer(self, batch: TrainBatch | TestBatch, dataloader_idx: int) -> TrainBatch | TestBatch:
        """The batch with its clips as a model takes them."""
        return batch._replace(clips=normalized(batch.clips, self.data.mean, self.data.std))

    def loader(self, views: TestViews, split: Split, batch_factor: int) -> TestLoader:
        """The loader of the views of a split; a batch of fewer crops may hold more views."""
        videos = UnrepeatedVideos(views, rank=self.rank, world_size=self.world_size)
        bad = self.bad_videos(split, views.videos)
        return TestLoader(views, videos, bad, self.test_batch_size * batch_factor, self.num_workers)

    def train_batches(self) -> EpochBatches:
        """The order of training."""
        return EpochBatches(
            self.num_train,
            self.batch_size,
            self.seed,
            rank=self.rank,
            world_size=self.world_size,
            accumulate=self.accumulate,
        )

    def bad_videos(self, split: Split, videos: VideoList) -> BadVideos:
        """The count of a split's unreadable videos, kept over epochs."""
        return self.bad.setdefault(split, BadVideos(split, len(videos.records), self.allow_bad))

    def num_replaced(self) -> int:
        """Training videos that could not be read, on whichever device; every process has to ask."""
        mine = set(self.bad["train"].reasons) if "train" in self.bad else set()
        if self.world_size == 1:
            return len(mine)
        everyones: list[set[str]] = [mine] * self.world_size
        torch.distributed.all_gather_object(everyones, mine)
        return len(set().union(*everyones))

    @cached_property
    def train_videos(self) -> VideoList:
        """The training split."""
        return self.data.dataset.build(self.root, "train")

    @cached_property
    def val_videos(self) -> VideoList:
        """The validation split."""
        return self.data.dataset.build(self.root, "val")

    @cached_property
    def test_videos(self) -> VideoList:
        """The split that the papers report on."""
        return self.data.dataset.build(self.root, "test")

    @property
    def num_train(self) -> int:
        """Training videos."""
        return len(self.train_videos.records)

    @property
    def num_test_videos(self) -> int:
        """Test videos."""
        return len(self.test_videos.records)

    @property
    def test_video_ids(self) -> list[str]:
        """What the annotation file calls the test videos, by index."""
        return [record.video_id for record in self.test_videos.records]

    @property
    def steps_per_epoch(self) -> int:
        """Batches a device takes in an epoch."""
        return len(self.train_batches())

    @cached_property
    def fingerprint(self) -> str:
        """A hash of the annotation lines of training and test, the same wherever the data set lies."""
        parts = [self.test_videos.fingerprint]
        try:
            parts.append(self.train_videos.fingerprint)
        except MissingAnnotationError:
            parts.append("no training split")  # a test alone needs none
        return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:16]

    @property
    def world_size(self) -> int:
        """Processes that share the data."""
        if self.trainer is not None:
            return self.trainer.world_size
        return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1

    @property
    def rank(self) -> int:
        """This process's place among them."""
        if self.trainer is not None:
            return self.trainer.global_rank
        return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
