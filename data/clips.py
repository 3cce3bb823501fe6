"""Map-style data sets of clips: augmented ones for training, all crops of a view for testing.

What is drawn for a training clip depends on (seed, epoch, index) alone. B items a batch, F frames, V crops. A label is
one number, or two where it is a verb and a noun.
"""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from data.config import DataConfig, EvalConfig
from data.datasets.videos import VideoList, VideoRecord
from data.errors import DataError, DecodeError
from data.footage import opened
from data.held_frames import HeldFrames
from data.sampling import DenseSampling, SegmentSampling
from data.transforms import Crops

OK, FAILED, MISSING = 0, 1, 2
# How many others are tried in the place of an unreadable video.
MAX_REPLACEMENTS = 10


class Draw(NamedTuple):
    """One training clip to make."""

    epoch: int
    video: int


class TrainClip(NamedTuple):
    """A training clip (F, 3, crop, crop), uint8, and why the videos that it replaces could not be read."""

    clip: Tensor
    label: int | tuple[int, int]
    video: int
    errors: tuple[DecodeError, ...]


class TestView(NamedTuple):
    """All crops (V, F, 3, crop, crop), uint8, of one temporal view; black where the video cannot be read."""

    clips: Tensor
    label: int | tuple[int, int]
    video: int
    view: int
    status: int
    errors: tuple[DecodeError, ...]


class TrainBatch(NamedTuple):
    """Clips (B, F, 3, crop, crop); labels, indices and whether another video stands in are (B,).

    Verb-noun labels are (B, 2).
    """

    clips: Tensor
    labels: Tensor
    indices: Tensor
    replaced: Tensor


class TestBatch(NamedTuple):
    """Clips (B, V, F, 3, crop, crop); labels, videos, view and status (0 ok, 1 failed, 2 missing) are (B,).

    Verb-noun labels are (B, 2).
    """

    clips: Tensor
    labels: Tensor
    videos: Tensor
    view: Tensor
    status: Tensor


class Collated(NamedTuple):
    """A batch and what went wrong in making it."""

    batch: TrainBatch | TestBatch
    errors: tuple[DecodeError, ...]


class TrainClips(Dataset[TrainClip]):
    """One augmented clip of each video, by `Draw`."""

    def __init__(self, videos: VideoList, data: DataConfig, seed: int) -> None:
        self.videos = videos
        self.seed = seed
        self.held_frames = HeldFrames(len(videos.records))
        self.sampling = data.sampling.build(data.frames)
        self.reversed_channels = data.reversed_channels
        self.augmentation = data.augmentation.build(data.crop)

    def __len__(self) -> int:
        return len(self.videos.records)

    def __getitem__(self, draw: Draw) -> TrainClip:
        """The clip of a draw; an unreadable video is replaced by another one."""
        errors: list[DecodeError] = []
        with drawing_from(self.seed, draw.epoch, draw.video):
            video = draw.video
            while len(errors) <= MAX_REPLACEMENTS:
                record = self.videos.records[video]
                try:
                    return TrainClip(self.clip(record), record.label, video, tuple(errors))
                except DecodeError as error:
                    errors.append(error)
                video = random.randrange(len(self))
        raise DataError(f"{len(errors)} training videos in a row cannot be read, the first: {errors[0]}")

    def clip(self, record: VideoRecord) -> Tensor:
        """One clip of a video."""
        frames = self.held_frames.frames(record, self.sampling.random)
        return self.augmentation(ordered_channels(frames, self.reversed_channels))


class TestViews(Dataset[TestView]):
    """Each temporal view of each video; view v of video i is item i * views + v."""

    def __init__(self, videos: VideoList, data: DataConfig, evaluation: EvalConfig) -> None:
        self.videos = videos
        self.views = evaluation.views
        self.sampling = test_sampling(data, evaluation)
        self.reversed_channels = data.reversed_channels
        self.crops = Crops(evaluation.crops, data.crop, evaluation.short_side)
        self.black = torch.zeros(evaluation.crops, data.frames, 3, data.crop, data.crop, dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self.videos.records) * self.views

    def __getitem__(self, item: int) -> TestView:
        """The crops of a view; a video that cannot be read has a status and is never replaced."""
        index, view = divmod(item, self.views)
        record = self.videos.records[index]
        try:
            return TestView(self.clips(record, view), record.label, index, view, OK, ())
        except DecodeError as error:
            status = MISSING if error.missing else FAILED
            return TestView(self.black, record.label, index, view, status, (error,))

    def clips(self, record: VideoRecord, view: int) -> Tensor:
        """The crops of a view of a video."""
        with opened(record) as video:
            frames = video.frames(self.sampling.views(video.timeline, self.views)[view])
        return self.crops(ordered_channels(frames, self.reversed_channels))


class CentreViews(TestViews):
    """The middle clip and crop of each video, for curves during training."""

    def __init__(self, videos: VideoList, data: DataConfig) -> None:
        super().__init__(videos, data, EvalConfig(views=1, crops=1))

    def clips(self, record: VideoRecord, view: int) -> Tensor:
        """The centre clip of a video."""
        with opened(record) as video:
            frames = video.frames(self.sampling.centre(video.timeline))
        return self.crops(ordered_channels(frames, self.reversed_channels))


def test_sampling(data: DataConfig, evaluation: EvalConfig) -> DenseSampling | SegmentSampling:
    """The sampling of a test, checked against the protocol.

    Raises:
        ValueError: for a protocol that the sampling does not have.
    """
    config = data.sampling
    if evaluation.span is not None:
        config = replace(config, span=evaluation.span)
    if isinstance(config, DenseSampling.Config):
        if evaluation.stride is not None:
            config = replace(config, stride=evaluation.stride, span=None)
        if config.span == 1 and evaluation.views != 1:
            raise ValueError(f"clips that span the whole video have one view; evaluation.views is {evaluation.views}")
        return config.build(data.frames)
    if evaluation.stride is not None:
        raise ValueError("segment sampling has no stride in frames: set evaluation.span, the share of the video")
    if config.span == 1 and evaluation.views != 1:
        raise ValueError(f"segment sampling has one view, the whole video; evaluation.views is {evaluation.views}")
    return config.build(data.frames)


def ordered_channels(frames: Tensor, is_reversed: bool) -> Tensor:
    """Frames (F, 3, height, width) in RGB, or in BGR if reversed."""
    return frames.flip(1) if is_reversed else frames


@contextmanager
def drawing_from(*seeds: int) -> Iterator[None]:
    """Draws of `random` and torch depend on these numbers inside and go on as before afterwards."""
    outer, outer_torch = random.getstate(), torch.get_rng_state()
    # A string, for `random` hashes it whole; tuples of numbers it does not take.
    random.seed(repr(seeds))
    # The CPU's generator alone: `torch.manual_seed` would also touch every accelerator.
    torch.default_generator.manual_seed(random.getrandbits(63))
    try:
        yield
    finally:
        random.setstate(outer)
        torch.set_rng_state(outer_torch)


def collated_clips(items: Sequence[TrainClip]) -> Collated:
    """A training batch."""
    batch = TrainBatch(
        torch.stack([item.clip for item in items]),  # (B, F, 3, crop, crop)
        torch.tensor([item.label for item in items]),
        torch.tensor([item.video for item in items]),
        torch.tensor([bool(item.errors) for item in items]),
    )
    return Collated(batch, tuple(error for item in items for error in item.errors))


def collated_views(items: Sequence[TestView]) -> Collated:
    """A test batch."""
    batch = TestBatch(
        torch.stack([item.clips for item in items]),  # (B, V, F, 3, crop, crop)
        torch.tensor([item.label for item in items]),
        torch.tensor([item.video for item in items]),
        torch.tensor([item.view for item in items]),
        torch.tensor([item.status for item in items]),
    )
    return Collated(batch, tuple(error for item in items for error in item.errors))
