"""Item lists of data sets, each read once, and their missing files."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from data.config import DataConfig, DatasetConfig, Split
from data.errors import DataError
from data.file_sizes import missing_of
from data.labels import ItemList


class MissingItems(NamedTuple):
    """Items of a split with a missing file, by index; and the first missing file."""

    indices: tuple[int, ...]
    example: str | None


class ItemLists:
    """Item lists of data sets. Each split is read once, also if that fails: then every later call fails, too."""

    def __init__(self, root_of: Callable[[DataConfig], Path]) -> None:
        self.root_of = root_of
        self.lists: dict[tuple[DatasetConfig, Split], ItemList | DataError] = {}
        self.files: dict[tuple[DatasetConfig, Split], MissingItems] = {}

    def items(self, data: DataConfig, split: Split) -> ItemList:
        """Items of a split; a `DataError` if the data set is not found or cannot be read."""
        key = (data.dataset, split)
        if key not in self.lists:
            try:
                with collection_paused():
                    self.lists[key] = data.dataset.build(self.root_of(data), split)
            except DataError as error:
                self.lists[key] = error
        found = self.lists[key]
        if isinstance(found, DataError):
            raise found
        return found

    def missing(self, data: DataConfig, split: Split) -> MissingItems:
        """Items of a split with a missing file. Items that are not stored in files have none."""
        key = (data.dataset, split)
        if key not in self.files:
            files = data.files(self.items(data, split)) or ()
            absent = missing_of(path for of_item in files for path in of_item)
            indices = tuple(index for index, of_item in enumerate(files) if not absent.isdisjoint(of_item))
            example = next((path for path in files[indices[0]] if path in absent), None) if indices else None
            self.files[key] = MissingItems(indices, example)
        return self.files[key]


@contextmanager
def collection_paused() -> Iterator[None]:
    """Pause the garbage collection, which takes a quarter of the time of reading a long list and finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
