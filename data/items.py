"""Training and test items of any modality: contents, seeding of random draws, and batches.

The random draws for a training item depend only on (seed, epoch, place), where `place` is its index in the item list.
B: items of a batch. V: variants of a view, such as its crops. A label is one number, or one per kind of label.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from data.errors import DataError, DecodeError
from data.labels import ItemList, Label
from interface.batches import Batch

# Largest number of replacements that are tried for an unreadable training item.
MAX_REPLACEMENTS = 10

Inputs = tuple[Tensor, ...]


class Draw(NamedTuple):
    """Request for a training item: its epoch and its index in the item list."""

    epoch: int
    place: int


class Item(NamedTuple):
    """A training item, or one view of a test item."""

    inputs: Inputs
    """Model inputs; (V, ...) each for a test item."""
    label: Label
    place: int
    """Index of the item in its list."""
    view: int = 0
    unreadable: bool = False
    """Whether the item is unreadable. The inputs are then blank or, in training, those of another item."""
    missing: bool = False
    errors: tuple[DecodeError, ...] = ()


class TrainItems(Dataset[Item]):
    """One augmented item per draw.

    Args:
        inputs: model inputs of the item with an index, drawn from the states of `random` and torch. It raises a
            `DecodeError` if the item cannot be read.

    `known_errors`: errors of items that are known to be unreadable, by index. These are not opened.
    """

    def __init__(self, items: ItemList, seed: int, inputs: Callable[[int], Inputs]) -> None:
        self.items, self.seed, self.inputs = items, seed, inputs
        self.known_errors: Mapping[int, DecodeError] = {}

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, draw: Draw) -> Item:
        """Item of a draw. An unreadable one is replaced by another, random one; a `DataError` after several of them."""
        errors: list[DecodeError] = []
        with seeded(self.seed, draw.epoch, draw.place):
            index = draw.place
            while len(errors) <= MAX_REPLACEMENTS:
                try:
                    refuse_known(index, self.known_errors)
                    inputs = self.inputs(index)
                except DecodeError as error:
                    errors.append(error)
                    index = random.randrange(len(self))
                else:
                    label = self.items.label(index)
                    return Item(inputs, label, index, unreadable=bool(errors), errors=tuple(errors))
        raise DataError(f"{len(errors)} training items in a row cannot be read, the first: {errors[0]}")


class TestItems(Dataset[Item]):
    """All views of all test items. View v of item i has the index i * num_views + v.

    The views of an item that a batch asks for are read together.

    Args:
        inputs: model inputs (V, ...) of some views of the item with an index. It raises a `DecodeError` if one of them
            cannot be read.
        blank_shapes: shapes and types of blank inputs, which take the place of those of an unreadable item.

    `known_errors`: as in `TrainItems`.
    """

    __test__ = False  # no class of tests

    def __init__(
        self,
        items: ItemList,
        num_views: int,
        inputs: Callable[[int, Sequence[int]], Sequence[Inputs]],
        *blank_shapes: tuple[tuple[int, ...], torch.dtype],
    ) -> None:
        self.items, self.num_views, self.inputs = items, num_views, inputs
        self.blank_shapes = blank_shapes
        self.known_errors: Mapping[int, DecodeError] = {}

    def __len__(self) -> int:
        return len(self.items) * self.num_views

    def __getitem__(self, index: int) -> Item:
        return self.__getitems__([index])[0]

    def __getitems__(self, indices: Sequence[int]) -> list[Item]:
        """Items of a batch, which a loader asks for at once."""
        of_items = groupby((divmod(index, self.num_views) for index in indices), key=itemgetter(0))
        return [found for item, pairs in of_items for found in self._views(item, [view for _, view in pairs])]

    def _views(self, item: int, views: Sequence[int]) -> list[Item]:
        label = self.items.label(item)
        try:
            refuse_known(item, self.known_errors)
            inputs = self.inputs(item, views)
        except DecodeError as error:
            if len(views) > 1:  # others may be readable
                return [found for view in views for found in self._views(item, [view])]
            return [Item(self.blank_inputs(), label, item, views[0], True, error.missing, (error,))]
        return [Item(of_view, label, item, view) for view, of_view in zip(views, inputs, strict=True)]

    def blank_inputs(self) -> Inputs:
        return tuple(torch.zeros(shape, dtype=dtype) for shape, dtype in self.blank_shapes)


def refuse_known(index: int, known_errors: Mapping[int, DecodeError]) -> None:
    if index in known_errors:
        raise known_errors[index]


@contextmanager
def seeded(*seeds: int) -> Iterator[None]:
    """Seed `random` and torch inside the context. Their states are restored afterwards."""
    state, torch_state = random.getstate(), torch.get_rng_state()
    # `random.seed` accepts a string, but no tuple of numbers.
    random.seed(repr(seeds))
    # Only the CPU generator: `torch.manual_seed` would also seed every accelerator.
    torch.default_generator.manual_seed(random.getrandbits(63))
    try:
        yield
    finally:
        random.setstate(state)
        torch.set_rng_state(torch_state)


def collated(items: Sequence[Item]) -> tuple[Batch, tuple[DecodeError, ...]]:
    """Batch of items, and the errors of those that are unreadable."""
    batch = Batch(
        tuple(torch.stack(parts) for parts in zip(*(item.inputs for item in items), strict=True)),
        torch.tensor([item.label for item in items]),
        torch.tensor([item.place for item in items]),
        torch.tensor([item.view for item in items]),
        torch.tensor([item.unreadable for item in items]),
        torch.tensor([item.missing for item in items]),
    )
    return batch, tuple(error for item in items for error in item.errors)
