"""Items of any modality, here numbers: random draws, replacements of unreadable items, and batches."""

import random
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from data.errors import DecodeError
from data.items import Draw, TestItems, TrainItems, seeded
from tests.data.files import refusal


class Numbers:
    """Item i has the label (i, 10 * i)."""

    def __init__(self, count: int = 20) -> None:
        self.ids = tuple(map(str, range(count)))
        self.class_names = ("one", "ten")
        self.fingerprint = "numbers"

    def __len__(self) -> int:
        return len(self.ids)

    def label(self, index: int) -> tuple[int, int]:
        return index, 10 * index


def drawn_items(seed: int = 0, broken: tuple[int, ...] = ()) -> TrainItems:
    """Items with two inputs: their index, and draws from both generators."""

    def inputs(index: int) -> tuple[Tensor, ...]:
        drawn = torch.cat([torch.rand(2), torch.tensor([random.random()])])
        if index in broken:
            raise DecodeError(f"item {index}", "broken", missing=True)
        return torch.tensor([index]), drawn

    return TrainItems(Numbers(), seed, inputs)


def test_a_view_that_cannot_be_read_fails_alone_in_a_batch() -> None:
    def inputs(index: int, views: Sequence[int]) -> list[tuple[Tensor, ...]]:
        if index == 1 and 2 in views:
            raise DecodeError("item 1", "damaged")
        return [(torch.tensor([[index, view]]),) for view in views]

    items = TestItems(Numbers(), 3, inputs, ((1, 2), torch.int64))
    found = items.__getitems__([2, 3, 4, 5, 6])
    assert [(item.place, item.view, item.unreadable) for item in found] == [
        (0, 2, False), (1, 0, False), (1, 1, False), (1, 2, True), (2, 0, False)
    ]  # fmt: skip
    assert [item.inputs[0].tolist() for item in found] == [[[0, 2]], [[1, 0]], [[1, 1]], [[0, 0]], [[2, 0]]]


def test_draws_do_not_change_the_outer_state() -> None:
    random.seed(5)
    torch.manual_seed(5)
    expected = [(random.random(), torch.rand(1).item()) for _ in range(2)]
    random.seed(5)
    torch.manual_seed(5)
    assert (random.random(), torch.rand(1).item()) == expected[0]
    assert drawn_items()[Draw(0, 0)].inputs
    with pytest.raises(KeyError), seeded(1, 2, 3):
        random.random(), torch.rand(1)
        raise KeyError
    assert (random.random(), torch.rand(1).item()) == expected[1]


def test_the_draws_of_a_seed_are_pinned() -> None:
    with seeded(0, 1, 2):
        assert (random.random(), torch.rand(1).item(), random.randrange(1000)) == (
            0.9146017192129888,
            0.9847604632377625,
            489,
        )


def test_the_draws_of_its_place_replace_an_unreadable_training_item() -> None:
    broken = tuple(range(1, 20, 2))
    items = drawn_items(2, broken)
    for place in broken:
        item = items[Draw(3, place)]
        index = item.place
        assert index % 2 == 0
        assert item.inputs[0].tolist() == [index]
        assert item.label == (index, 10 * index)
        assert item.unreadable
        assert not item.missing
        assert item.errors[0].path == f"item {place}"
        assert items[Draw(3, place)].place == index
    assert len({items[Draw(3, place)].place for place in broken}) > 3
    # The draws continue after those of the unreadable items.
    with seeded(2, 3, 1):
        place, drawn = 1, items.inputs
        while place in broken:
            with pytest.raises(DecodeError):
                drawn(place)
            place = random.randrange(20)
        assert torch.equal(drawn(place)[1], items[Draw(3, 1)].inputs[1])


def test_ten_unreadable_replacements_are_an_error() -> None:
    message = refusal(lambda: drawn_items(broken=tuple(range(20)))[Draw(0, 3)])
    assert message == "11 training items in a row cannot be read, the first: item 3: broken"
