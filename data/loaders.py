"""Data loaders with a fixed order.

The training order depends on (seed, epoch) and can be resumed within an epoch. A test contains each item once.
"""

import logging
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from data.errors import DataError, DecodeError, allowed_number, shortened
from data.items import Draw, TestItems, TrainItems, collated
from data.worker_processes import STOP_SIGNALS, signals_later
from interface.batches import Batch

logger = logging.getLogger(__name__)

# Largest number of paths in an error message.
MAX_PATHS_NAMED = 20
# Smallest number of items of a validation of a part of them.
LEAST_PART = 100


class UnreadableItems:
    """Unreadable items of one split. Too many of them stop the run.

    Args:
        allowed: largest number of unreadable items; 1 % of the split if None.
        unit: plural noun for the items in messages.
    """

    def __init__(self, split: str, num_items: int, allowed: int | None, unit: str = "items") -> None:
        self.split, self.num_items, self.unit = split, num_items, unit
        self.allowed = allowed_number(num_items, allowed)
        self.reasons: dict[str, str] = {}
        self.num_missing = 0

    def __len__(self) -> int:
        return len(self.reasons)

    @property
    def files(self) -> list[str]:
        return sorted(self.reasons)

    def add(self, *errors: DecodeError) -> None:
        """Count unreadable items and log a warning, once per path; a `DataError` if there are more than allowed."""
        before = len(self)
        for error in errors:
            if error.path not in self.reasons:
                self.reasons[error.path] = error.reason
                self.num_missing += error.missing
                logger.warning("unreadable %s item %s", self.split, error)
        if len(self) > max(before, self.allowed):
            named = "; ".join(
                f"{shortened(path)} ({shortened(self.reasons[path])})" for path in self.files[:MAX_PATHS_NAMED]
            )
            more = f"; and {len(self) - MAX_PATHS_NAMED} more" if len(self) > MAX_PATHS_NAMED else ""
            raise DataError(
                f"{len(self)} of {self.num_items} {self.split} {self.unit} cannot be read; the limit is "
                f"{self.allowed}: repair them, or raise the limit with --allow-bad N: {named}{more}"
            )


class EpochBatches(Sampler[list[Draw]]):
    """Training batches of one process. Global batch g is the g-th slice of the epoch's permutation.

    Args:
        accumulate: batches of a process per optimiser step.
        rest_multiple: the items after the last whole step, cut to a multiple of this number, are a shorter step; None
            leaves them out.
    """

    def __init__(
        self,
        num_items: int,
        batch_size: int,
        seed: int,
        *,
        rank: int = 0,
        world_size: int = 1,
        accumulate: int = 1,
        rest_multiple: int | None = None,
    ) -> None:
        self.num_items, self.batch_size, self.seed = num_items, batch_size, seed
        self.rank, self.world_size = rank, world_size
        self.items_per_batch = batch_size * world_size
        rest = num_items % (self.items_per_batch * accumulate)
        self.num_used = num_items - (rest if rest_multiple is None else rest % rest_multiple)
        self.num_batches = -(-self.num_used // self.items_per_batch)
        self.epoch = 0
        self.skip = 0
        if self.num_batches == 0:
            step = batch_size * world_size * accumulate
            raise DataError(f"{num_items} training items are fewer than one batch of {step}; use a smaller batch")

    def __len__(self) -> int:
        return self.num_batches

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[Draw]]:
        order, (skip, self.skip) = random_order(self.num_items, self.seed, self.epoch), (self.skip, 0)
        for batch in range(skip, self.num_batches):
            start, end = self.bounds(batch)
            # A process without an item of the last batch computes its first item without weight: all processes meet.
            indices = order[start:end] or order[batch * self.items_per_batch :][:1]
            yield [Draw(self.epoch, index) for index in indices]

    def bounds(self, batch: int) -> tuple[int, int]:
        """Places of the first item of this process's part of a batch, and after its last one, in the order."""
        start = (batch * self.world_size + self.rank) * self.batch_size
        return start, max(start, min(start + self.batch_size, self.num_used))


class UnrepeatedItems(Sampler[int]):
    """All views of every world_size-th item, or of the chosen items. Over all processes, each item occurs once."""

    def __init__(
        self, items: TestItems, *, rank: int = 0, world_size: int = 1, chosen: Sequence[int] | None = None
    ) -> None:
        found = range(len(items.items)) if chosen is None else chosen
        self.indices = found[rank::world_size]
        self.num_views = items.num_views

    def __len__(self) -> int:
        return len(self.indices) * self.num_views

    def __iter__(self) -> Iterator[int]:
        for index in self.indices:
            yield from range(index * self.num_views, (index + 1) * self.num_views)


class ContinuingItems(Sampler[int]):
    """Items of validations of a fixed size. Each goes on where the last one stopped, in an order fixed by (seed, pass).

    Over all processes, each item of a validation occurs once. `num_drawn`: number of items of all validations so far.
    """

    def __init__(self, items: TestItems, count: int, seed: int, *, rank: int = 0, world_size: int = 1) -> None:
        self.num_items, self.count, self.seed = len(items), count, seed
        self.rank, self.world_size = rank, world_size
        self.num_drawn = 0

    def __len__(self) -> int:
        return len(range(self.rank, self.count, self.world_size))

    def __iter__(self) -> Iterator[int]:
        start, self.num_drawn = self.num_drawn, self.num_drawn + self.count
        orders: dict[int, list[int]] = {}
        for place in range(start + self.rank, start + self.count, self.world_size):
            turn, index = divmod(place, self.num_items)
            if turn not in orders:
                orders = {turn: random_order(self.num_items, self.seed, turn)}
            yield orders[turn][index]


def random_order(num_items: int, seed: int, epoch: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
    return torch.randperm(num_items, generator=generator).tolist()


def random_part(num_items: int, parts: int) -> list[int]:
    """Indices of a random part of items, in ascending order: one of so many parts, but at least LEAST_PART items."""
    size = max(-(-num_items // parts), min(num_items, LEAST_PART))
    return sorted(random_order(num_items, 0, 0)[:size])


class Loader:
    """Batches of a loader. `seconds_waited`: time for which they were awaited."""

    def __init__(self, loader: DataLoader, unreadable: UnreadableItems) -> None:
        self.loader, self.unreadable = loader, unreadable
        self.seconds_waited = 0.0

    def __len__(self) -> int:
        return len(self.loader)

    def __iter__(self) -> Iterator[Batch]:
        since = time.monotonic()
        for batch, errors in started(self.loader):
            self.seconds_waited += time.monotonic() - since
            self.unreadable.add(*errors)
            yield batch
            since = time.monotonic()


class TrainLoader(Loader):
    """Training batches. `state_dict` contains the epoch and the number of batches already yielded."""

    def __init__(self, items: TrainItems, batches: EpochBatches, unreadable: UnreadableItems, num_workers: int) -> None:
        super().__init__(data_loader(items, num_workers, collated, batch_sampler=batches), unreadable)
        self.sampler = batches  # Lightning calls its set_epoch
        self.num_yielded = 0
        self.resume: tuple[int, int] | None = None

    def __iter__(self) -> Iterator[Batch]:
        # A generator: this code runs at the first batch. Lightning has set the epoch by then.
        epoch, skip = self.resume or (self.sampler.epoch, 0)
        self.resume = None
        self.sampler.skip = skip if epoch == self.sampler.epoch else 0
        self.num_yielded = self.sampler.skip
        for batch in super().__iter__():
            start, end = self.sampler.bounds(self.num_yielded)
            self.num_yielded += 1
            yield batch._replace(start=start, weight=(end - start) / self.sampler.batch_size)

    def state_dict(self) -> dict[str, int]:
        return {"epoch": self.sampler.epoch, "batches": self.num_yielded, "items": self.sampler.items_per_batch}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Start the next iteration at a saved position, which may be one of batches of another size."""
        own = self.sampler.items_per_batch
        self.resume = (state["epoch"], -(-state["batches"] * state.get("items", own) // own))


class TestLoader(Loader):
    def __init__(
        self, items: TestItems, sampler: Sampler[int], unreadable: UnreadableItems, batch_size: int, num_workers: int
    ) -> None:
        loader = data_loader(items, num_workers, collated, sampler=sampler, batch_size=batch_size)
        super().__init__(loader, unreadable)


def data_loader(
    items: Dataset,
    num_workers: int,
    collate: Callable[[list], object],
    *,
    sampler: Sampler[int] | None = None,
    batch_sampler: Iterable[list] | None = None,
    batch_size: int = 1,
) -> DataLoader:
    """Loader whose workers leave the stops and the cores to the main process."""
    return DataLoader(
        items,
        sampler=sampler,
        batch_sampler=batch_sampler,
        batch_size=batch_size,
        collate_fn=collate,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        pin_memory=torch.cuda.is_available(),
        worker_init_fn=prepare_worker,
        # Creating an iterator then draws nothing from the global generator: resuming stays bit-exact.
        generator=torch.Generator(),
    )


def prepare_worker(worker: int) -> None:
    """Limit torch to one thread in a worker: the workers already use all cores. Stops are left to the main process."""
    torch.set_num_threads(1)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def started(loader: DataLoader) -> Iterator:
    """Iterator of a loader. A cluster signals workers too, also those that are still starting."""
    with signals_later(*STOP_SIGNALS):
        return iter(loader)


def shut_down(loader: DataLoader) -> None:
    """End the workers of a loader, which ignore the signal by which Python would end them at exit."""
    iterator, loader._iterator = loader._iterator, None
    if iterator is not None:
        iterator._shutdown_workers()  # type: ignore[attr-defined]
        for worker in iterator._workers:  # type: ignore[attr-defined]
            worker.kill()  # one that does not end in time
