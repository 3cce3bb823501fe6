"""Split of a global batch over devices and accumulated steps."""

import pytest

from interface.sizes import ClipSize
from runner.machine.batch_sizes import BatchSplit, split_batch


@pytest.mark.parametrize(
    ("batch_size", "size", "devices", "micro_batch", "split"),
    [
        (128, ClipSize(16, 224, 224), 32, None, BatchSplit(4, 1)),
        (128, ClipSize(16, 224, 224), 1, None, BatchSplit(4, 32)),
        (128, ClipSize(32, 224, 224), 8, None, BatchSplit(2, 8)),
        (128, ClipSize(16, 336, 336), 8, None, BatchSplit(1, 16)),
        (128, ClipSize(64, 336, 336), 128, None, BatchSplit(1, 1)),  # at least one item
        (128, ClipSize(16, 224, 224), 8, 16, BatchSplit(16, 1)),
        (6, ClipSize(16, 224, 224), 1, None, BatchSplit(3, 2)),
    ],
)
def test_a_global_batch_is_split_by_the_cost_of_its_items(
    batch_size: int, size: ClipSize, devices: int, micro_batch: int | None, split: BatchSplit
) -> None:
    found = split_batch(batch_size, size, devices, micro_batch=micro_batch)
    assert found == split
    assert found.micro_batch * found.accumulation * devices == batch_size


def test_the_error_for_an_indivisible_batch_contains_possible_divisors() -> None:
    size = ClipSize(16, 224, 224)
    with pytest.raises(ValueError, match="a global batch of 12 cannot be split over 5 devices; use one of 1, 2, 3, 4"):
        split_batch(12, size, 5, micro_batch=None)
    with pytest.raises(
        ValueError, match=r"6 items per device \(12 over 2\) cannot be split into micro-batches of 4; use"
    ):
        split_batch(12, size, 2, micro_batch=4)


def test_micro_batches_are_multiples_of_what_the_objective_mixes() -> None:
    size = ClipSize(16, 336, 336)
    assert split_batch(6, size, 1, micro_batch=None) == BatchSplit(1, 6)
    assert split_batch(6, size, 1, micro_batch=None, multiple=2) == BatchSplit(2, 3)
    for micro_batch, batch_size in ((None, 33), (1, 32)):
        with pytest.raises(ValueError, match=r"items per device: the objective mixes groups of 2; use a batch size"):
            split_batch(batch_size, size, 1, micro_batch=micro_batch, multiple=2)


def test_the_divisors_of_a_large_batch_are_found_at_once() -> None:
    with pytest.raises(ValueError, match="cannot be split over 3 devices; use one of 1, 2, 4, 5, "):
        split_batch(2_000_000_000, ClipSize(16, 224, 224), 3, micro_batch=None)
