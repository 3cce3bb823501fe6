"""Complete reading of items in parallel processes, with the outcomes of earlier examinations of the same files."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, NamedTuple

import torch
from tqdm import tqdm

from data.config import DataConfig, VideoFacts
from data.errors import DataError, DecodeError
from data.inspection.bad_files import BadFile, Stamp
from data.worker_processes import worker_pool

if TYPE_CHECKING:
    from data.items import ItemList

ITEMS_PER_TASK = 4
SECONDS_BETWEEN_SAVES = 5.0
# Saving all outcomes of a large data set takes a second: at most this share of the time is spent on it.
MAX_SHARE_OF_SAVING = 0.05


class Outcome(NamedTuple):
    """Outcome of reading an item.

    `facts`: properties of a video; None for a bad item, and for items that are no videos.
    `name`, `reason`: name and error of a bad item.
    """

    stamp: Stamp
    facts: VideoFacts | None = None
    name: str = ""
    reason: str = ""

    @property
    def is_bad(self) -> bool:
        return bool(self.reason)


class Examination:
    """Examination of the items of a split.

    Args:
        files: files of each item.
        known: outcomes of earlier examinations by `key`. New ones are added.
    """

    def __init__(
        self, data: DataConfig, items: "ItemList", files: Sequence[tuple[str, ...]], known: dict[str, Outcome]
    ) -> None:
        self.data, self.items, self.files, self.known = data, items, files, known
        self.ids = items.ids

    def key(self, index: int) -> str:
        return f"{self.files[index][0]}\t{self.ids[index]}"

    def outcomes(
        self,
        indices: Sequence[int],
        *,
        workers: int,
        save: Callable[[], None] = lambda: None,
        progress: bool = False,
    ) -> Mapping[int, Outcome]:
        """Outcomes of items by index. Items whose files have not changed since an earlier examination are not read.

        Args:
            workers: number of processes; 0 for this process alone.
            save: function that saves `known`, called now and then, and at the end.
            progress: whether to show a progress bar with the remaining time.
        """
        found: dict[int, Outcome] = {}
        for index in indices:
            outcome = self.known.get(self.key(index))
            if outcome is not None and outcome.stamp == Stamp.of(self.files[index]):
                found[index] = outcome
        remaining = [index for index in indices if index not in found]
        name = f"decoding {self.data.dataset.name}"
        bar = tqdm(total=len(indices), initial=len(found), desc=name, unit="item", disable=not progress)
        saved, pause = time.monotonic(), SECONDS_BETWEEN_SAVES
        try:
            for index, outcome in self.examined(remaining, workers):
                bar.update()
                if outcome is None:
                    continue  # the file has disappeared
                found[index] = self.known[self.key(index)] = outcome
                if (now := time.monotonic()) - saved > pause:
                    save()
                    saved = time.monotonic()
                    pause = max(SECONDS_BETWEEN_SAVES, (saved - now) / MAX_SHARE_OF_SAVING)
        finally:
            bar.close()
            if remaining:
                save()
        return found

    def examined(self, indices: Sequence[int], workers: int) -> Iterator[tuple[int, Outcome | None]]:
        """Indices and outcomes of items, as they are read."""
        if workers == 0 or len(indices) <= 1:
            yield from ((index, self.outcome(index)) for index in indices)
            return
        try:
            # The processes use only torch's CPU operations and PyAV.
            with worker_pool(min(workers, len(indices)), _start, self) as pool:
                yield from zip(indices, pool.map(_outcome, indices, chunksize=ITEMS_PER_TASK), strict=True)
        except BrokenProcessPool:
            raise DataError(
                f"{self.data.dataset.name}: a decoding process was killed, e.g. because the memory is full; the same "
                f"command goes on, with --workers 0 in one process"
            ) from None

    def outcome(self, index: int) -> Outcome | None:
        """Outcome of reading an item; None if a file is missing."""
        stamp = Stamp.of(self.files[index])
        if stamp is None:
            return None
        try:
            return Outcome(stamp, self.data.examine(self.items, index))
        except DecodeError as error:
            return None if error.missing else Outcome(stamp, None, error.path, error.reason)

    def bad_files(self, outcomes: Mapping[int, Outcome]) -> Iterable[BadFile]:
        """Entries of the list of bad files for some outcomes."""
        for index, outcome in outcomes.items():
            if outcome.is_bad:
                yield BadFile(outcome.stamp, self.ids[index], outcome.name, outcome.reason)


_examination: Examination | None = None  # of a process of the pool


def _start(examination: Examination) -> None:
    global _examination
    _examination = examination
    torch.set_num_threads(1)


def _outcome(index: int) -> Outcome | None:
    assert _examination is not None
    return _examination.outcome(index)
