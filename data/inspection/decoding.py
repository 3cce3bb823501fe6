"""Complete decoding of the items of a data set, each once: those that are listed as decoded are skipped."""

from collections.abc import Sequence

from torch.utils.data import Dataset
from tqdm import tqdm

from data.config import DataConfig, Split
from data.decoded_files import Decoded, DecodedFiles, Stamp
from data.errors import DataError, DecodeError
from data.item_lists import ItemLists
from data.labels import ItemList
from data.loaders import UnreadableItems, data_loader, shut_down, started


class CompleteItems(Dataset[Decoded | None]):
    """Outcomes of reading items completely; None if a file is missing."""

    def __init__(
        self, data: DataConfig, items: ItemList, files: Sequence[tuple[str, ...]], indices: Sequence[int]
    ) -> None:
        self.data, self.items, self.files, self.indices = data, items, files, indices
        self.ids = items.ids

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, place: int) -> Decoded | None:
        index = self.indices[place]
        stamp = Stamp.of(self.files[index])
        if stamp is None:
            return None
        try:
            return Decoded(stamp, self.ids[index], facts=self.data.examine(self.items, index))
        except DecodeError as error:
            return None if error.missing else Decoded(stamp, self.ids[index], error.path, error.reason)


def decoded_items(
    data: DataConfig, lists: ItemLists, split: Split, listed: DecodedFiles, *, workers: int, count: int | None = None
) -> list[Decoded]:
    """Decoded items of a split whose files are there. New ones are added to the list at once.

    Args:
        workers: number of processes; 0 for this process alone.
        count: number of items, at even distances and the same ones each time; all if None.
    """
    items = lists.items(data, split)
    files, missing = data.files(items) or (), set(lists.missing(data, split).indices)
    indices = sample([index for index in range(len(files)) if index not in missing], count)
    known = {index: entry for index in indices if (entry := listed.of(items.ids[index], files[index])) is not None}
    remaining = [index for index in indices if index not in known]
    workers = 0 if len(remaining) < 2 else min(workers, len(remaining))
    loader = data_loader(CompleteItems(data, items, files, remaining), workers, _only)
    bar = tqdm(total=len(indices), initial=len(known), desc=f"decoding {data.dataset.name}", unit="item", disable=None)
    try:
        for index, entry in zip(remaining, started(loader), strict=True):
            bar.update()
            if entry is not None:
                listed.add(entry)
                known[index] = entry
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        raise DataError(
            f"{data.dataset.name}: a decoding process was killed, e.g. because the memory is full; the same command "
            f"goes on, with --workers 0 in one process"
        ) from None
    finally:
        bar.close()
        shut_down(loader)
    return [known[index] for index in indices if index in known]


def check_validation(
    data: DataConfig, lists: ItemLists, listed: DecodedFiles, *, allow_bad: int | None, workers: int
) -> None:
    """Decode all validation items and name the unreadable ones, which a training would meet after its first epoch."""
    ids, missing = lists.items(data, "val").ids, lists.missing(data, "val").indices
    unreadable = UnreadableItems("validation", len(ids), allow_bad, data.dataset.unit)
    found = decoded_items(data, lists, "val", listed, workers=workers)
    errors = [DecodeError(entry.name, entry.reason) for entry in found if entry.reason]
    unreadable.add(*errors, *(DecodeError(ids[index], "no such file", missing=True) for index in missing))


def sample(indices: Sequence[int], count: int | None) -> Sequence[int]:
    """Up to `count` of the indices at even distances."""
    number = len(indices) if count is None else min(count, len(indices))
    return [indices[place * len(indices) // number] for place in range(number)]


def _only(entries: list[Decoded | None]) -> Decoded | None:
    (entry,) = entries
    return entry
