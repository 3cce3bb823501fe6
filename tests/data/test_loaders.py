from collections import Counter
from dataclasses import replace
from itertools import chain

import pytest
import torch

from data.errors import DataError, DecodeError
from data.items import Draw, TestItems
from data.loaders import ContinuingItems, EpochBatches, UnreadableItems, UnrepeatedItems, random_part
from lightning_modules.optim import OptimConfig
from tests.data.files import refusal
from tests.data.test_items import Numbers


@pytest.mark.parametrize("world_size", [2, 4])
def test_global_batches_do_not_depend_on_the_number_of_devices(world_size: int) -> None:
    one = list(EpochBatches(64, 8, seed=3))
    parts = [list(EpochBatches(64, 8 // world_size, 3, rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert [list(chain.from_iterable(batches)) for batches in zip(*parts, strict=True)] == one


def test_the_order_of_a_seed_and_an_epoch_is_pinned_and_has_every_item() -> None:
    batches = EpochBatches(64, 8, seed=3)
    batches.set_epoch(2)
    order = list(chain.from_iterable(batches))
    assert order[:8] == [Draw(2, place) for place in (42, 24, 39, 2, 8, 54, 36, 3)]
    assert sorted(draw.place for draw in order) == list(range(64))


def test_skipped_batches_leave_the_others_unchanged_and_are_skipped_once() -> None:
    batches = EpochBatches(64, 8, seed=3)
    whole = list(batches)
    batches.skip = 5
    assert list(batches) == whole[5:]
    assert list(batches) == whole


def test_an_epoch_has_whole_steps_only() -> None:
    assert [len(EpochBatches(22, 4, 0, accumulate=steps)) for steps in (1, 2, 3, 5)] == [5, 4, 3, 5]
    with pytest.raises(DataError, match="22 training items are fewer than one batch of 24; use a smaller batch"):
        EpochBatches(22, 4, 0, world_size=2, accumulate=3)


@pytest.mark.parametrize(("micro_batch", "devices"), [(21, 2), (420, 1), (7, 4), (1, 60), (5, 84), (1, 420)])
def test_the_rest_of_an_epoch_is_a_step_of_equal_weights_in_every_split(micro_batch: int, devices: int) -> None:
    accumulate = 420 // (micro_batch * devices)
    weights: Counter[int] = Counter()  # of an item in the last step
    for rank in range(devices):
        batches = EpochBatches(
            2 * 420 + 414, micro_batch, 0, rank=rank, world_size=devices, accumulate=accumulate, rest_multiple=42
        )
        assert -(-len(batches) // accumulate) == 3
        batches.skip = 2 * accumulate
        for number, draws in enumerate(batches, start=2 * accumulate):
            start, end = batches.bounds(number)
            assert draws and len(draws) == max(1, end - start)
            weights.update({draw.place: (end - start) / len(draws) for draw in draws})
    assert sum(weight == 1 for weight in weights.values()) == sum(weights.values()) == 378


def test_an_epoch_of_kinetics_has_587_steps_with_its_rest() -> None:
    recipe = OptimConfig(epochs=1, batch_size=420)
    assert (recipe.num_steps(246_534), replace(recipe, rest_multiple=42).num_steps(246_534)) == (586, 587)
    assert len(EpochBatches(246_534, 42, 0, rest_multiple=42, accumulate=10)) == 5869
    assert [replace(recipe, rest_multiple=42).num_steps(420 + rest) for rest in (41, 42)] == [1, 2]


VIEWS = TestItems(Numbers(5), 2, lambda index, views: [(torch.zeros(1),) for _ in views])


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_devices_share_test_items_without_repeating_any(world_size: int) -> None:
    shares = [list(UnrepeatedItems(VIEWS, rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert sorted(chain.from_iterable(shares)) == list(range(2 * 5))
    assert max(map(len, shares)) - min(map(len, shares)) <= 2
    assert all(len(UnrepeatedItems(VIEWS, rank=r, world_size=world_size)) == len(s) for r, s in enumerate(shares))
    assert all(places[0::2] == [place - 1 for place in places[1::2]] for places in shares)  # an item's views together


def test_validations_go_on_where_the_last_one_stopped() -> None:
    sampler = ContinuingItems(VIEWS, 4, seed=3)
    drawn = [index for _ in range(5) for index in sampler]
    assert len(sampler) == 4 and sampler.num_drawn == 20
    assert sorted(drawn[:10]) == sorted(drawn[10:]) == list(range(10)) and drawn[:10] != drawn[10:]
    again = ContinuingItems(VIEWS, 4, seed=3)
    again.num_drawn = 8
    assert list(again) == drawn[8:12]


def test_processes_share_a_validation() -> None:
    whole = list(ContinuingItems(VIEWS, 7, seed=0))
    parts = [list(ContinuingItems(VIEWS, 7, seed=0, rank=rank, world_size=2)) for rank in (0, 1)]
    assert sorted(parts[0] + parts[1]) == sorted(whole) and [len(part) for part in parts] == [4, 3]


def test_too_many_unreadable_items_are_named_up_to_twenty() -> None:
    unreadable = UnreadableItems("train", 40, 21, "images")
    for number in reversed(range(21)):
        unreadable.add(DecodeError(f"{number:02d}", "broken"))
    assert refusal(lambda: unreadable.add(DecodeError("21", "broken"))) == (
        "22 of 40 train images cannot be read; the limit is 21: "
        "repair them, or raise the limit with --allow-bad N: "
        + "; ".join(f"{number:02d} (broken)" for number in range(20))
        + "; and 2 more"
    )


def test_a_part_of_the_items_is_random_and_always_the_same() -> None:
    part = random_part(1000, 5)
    assert part == random_part(1000, 5) and len(set(part)) == 200 and part == sorted(part)
    assert {index % 10 for index in part} == set(range(10)) and max(part) > 950
    assert random_part(1000, 1) == list(range(1000))
    assert random_part(60, 5) == list(range(60))  # few items are not divided
    assert len(random_part(300, 5)) == 100
