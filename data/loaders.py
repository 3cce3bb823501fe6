"""Loaders that know their order: by (seed, epoch) in training, resumable within an epoch; unrepeated in testing."""

import logging
from collections.abc import Callable, Iterator
from typing import TypedDict, cast

import torch
from torch.utils.data import DataLoader, Sampler

from data.clips import Collated, Draw, TestBatch, TestViews, TrainBatch, TrainClips, collated_clips, collated_views
from data.errors import DataError, DecodeError

logger = logging.getLogger(__name__)

# The part of a split that may be unreadable when the user says nothing.
TOLERATED = 0.01
NUM_NAMED = 20


class BadVideos:
    """The unreadable videos of one split; stops the run when they are too many."""

    def __init__(self, split: str, num_videos: int, allowed: int | None) -> None:
        self.split = split
        self.num_videos = num_videos
        self.allowed = int(TOLERATED * num_videos) if allowed is None else allowed
        self.reasons: dict[str, str] = {}
        self.num_missing = 0

    def __len__(self) -> int:
        return len(self.reasons)

    @property
    def files(self) -> list[str]:
        """Their paths, in alphabetical order."""
        return sorted(self.reasons)

    def add(self, error: DecodeError) -> None:
        """Count a video once and say so once.

        Raises:
            DataError: when there are more than may be.
        """
        if error.path in self.reasons:
            return
        self.reasons[error.path] = error.reason
        self.num_missing += error.missing
        logger.warning("unreadable %s video %s", self.split, error)
        if len(self) > self.allowed:
            named = "; ".join(f"{path} ({self.reasons[path]})" for path in self.files[:NUM_NAMED])
            more = f"; and {len(self) - NUM_NAMED} more" if len(self) > NUM_NAMED else ""
            raise DataError(
                f"{len(self)} of {self.num_videos} {self.split} videos cannot be read, more than the {self.allowed} "
                f"that may be; repair them or allow more with --allow-bad N: {named}{more}"
            )


class EpochBatches(Sampler[list[Draw]]):
    """Batches of one process: batch g of all devices together is the g-th stretch of the epoch's permutation.

    Args:
        accumulate: batches a process takes for one step; an epoch has whole steps only.
    """

    def __init__(
        self, num_items: int, batch_size: int, seed: int, *, rank: int = 0, world_size: int = 1, accumulate: int = 1
    ) -> None:
        self.num_items, self.batch_size, self.seed = num_items, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.num_batches = num_items // (batch_size * world_size * accumulate) * accumulate
        self.epoch = 0
        self.skip = 0
        if self.num_batches == 0:
            step = batch_size * world_size * accumulate
            raise DataError(f"{num_items} training videos are fewer than one batch of {step}; use a smaller batch")

    def __len__(self) -> int:
        return self.num_batches

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch comes next; Lightning calls it."""
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[Draw]]:
        generator = torch.Generator().manual_seed(self.seed * 1_000_003 + self.epoch)
        order = torch.randperm(self.num_items, generator=generator).tolist()
        skip, self.skip = self.skip, 0
        for batch in range(skip, self.num_batches):
            start = (batch * self.world_size + self.rank) * self.batch_size
            yield [Draw(self.epoch, index) for index in order[start : start + self.batch_size]]


class UnrepeatedVideos(Sampler[int]):
    """All views of every world_size-th video: every video once, whatever the number of processes."""

    def __init__(self, views: TestViews, *, rank: int = 0, world_size: int = 1) -> None:
        self.videos = range(rank, len(views.videos.records), world_size)
        self.views = views.views

    def __len__(self) -> int:
        return len(self.videos) * self.views

    def __iter__(self) -> Iterator[int]:
        for video in self.videos:
            yield from range(video * self.views, (video + 1) * self.views)


class TrainLoader:
    """Training batches; `state_dict` says how many of which epoch were handed out."""

    def __init__(self, clips: TrainClips, batches: EpochBatches, bad: BadVideos, num_workers: int) -> None:
        self.sampler = batches  # Lightning tells it the epoch
        self.bad = bad
        self.loader: DataLoader[Collated] = DataLoader(
            cast("torch.utils.data.Dataset[Collated]", clips),
            batch_sampler=batches,
            collate_fn=collated_clips,
            **loader_options(num_workers),
        )
        self.handed_out = 0
        self.resume: tuple[int, int] | None = None

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[TrainBatch]:
        # A generator: nothing starts before the first batch is asked for, by when Lightning has told the epoch.
        epoch, skip = self.resume or (self.sampler.epoch, 0)
        self.resume = None
        self.sampler.skip = skip if epoch == self.sampler.epoch else 0
        self.handed_out = self.sampler.skip
        for batch, errors in self.loader:
            for error in errors:
                self.bad.add(error)
            self.handed_out += 1
            yield batch

    def state_dict(self) -> dict[str, int]:
        """Where in the data training is."""
        return {"epoch": self.sampler.epoch, "batches": self.handed_out}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on from there with the next iteration."""
        self.resume = (state["epoch"], state["batches"])


class TestLoader:
    """Test or validation batches of one process."""

    def __init__(
        self, views: TestViews, videos: UnrepeatedVideos, bad: BadVideos, batch_size: int, num_workers: int
    ) -> None:
        self.bad = bad
        self.loader: DataLoader[Collated] = DataLoader(
            cast("torch.utils.data.Dataset[Collated]", views),
            sampler=videos,
            batch_size=batch_size,
            collate_fn=collated_views,
            **loader_options(num_workers),
        )

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[TestBatch]:
        for batch, errors in self.loader:
            for error in errors:
                self.bad.add(error)
            yield batch


class LoaderOptions(TypedDict):
    """What every loader is made with."""

    num_workers: int
    persistent_workers: bool
    pin_memory: bool
    worker_init_fn: Callable[[int], None]
    generator: torch.Generator


def loader_options(num_workers: int) -> LoaderOptions:
    """The options of a loader with so many workers."""
    return {
        "num_workers": num_workers,
        "persistent_workers": num_workers > 0,
        "pin_memory": torch.cuda.is_available(),
        "worker_init_fn": use_one_thread,
        # Its own, so that making an iterator draws nothing from the training's generator: resuming stays bit-exact.
        "generator": torch.Generator(),
    }


def use_one_thread(worker: int) -> None:
    """The workers fill the cores; threads in them would only get in each other's way."""
    torch.set_num_threads(1)
