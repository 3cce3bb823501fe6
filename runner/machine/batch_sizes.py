"""Split of a global batch over devices and accumulated steps."""

import math
from typing import NamedTuple

from interface.sizes import InputSize

# Default cost of the items of one device and step: that of four clips of 16 x 224 x 224 pixels.
DEFAULT_COST = 4 * 16 * 224 * 224


class BatchSplit(NamedTuple):
    """Split of a global batch: items per device and step, and accumulated steps per update."""

    micro_batch: int
    accumulation: int


def divisors(number: int) -> list[int]:
    """Divisors of a number, in ascending order."""
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})


def split_batch(
    batch_size: int, size: InputSize, num_devices: int, *, micro_batch: int | None, multiple: int = 1
) -> BatchSplit:
    """Split of a global batch of items of this size.

    Args:
        micro_batch: items per device and step; None for a default that depends on their size.
        multiple: number that divides the micro-batch.

    Raises:
        ValueError: if the batch cannot be split, with the numbers that are possible.
    """
    if batch_size % num_devices:
        possible = ", ".join(map(str, divisors(batch_size)))
        raise ValueError(
            f"a global batch of {batch_size} cannot be split over {num_devices} devices; use one of {possible}"
        )
    share = batch_size // num_devices
    if share % multiple or (micro_batch or multiple) % multiple:
        raise ValueError(
            f"{micro_batch or share} items per device: the objective mixes groups of {multiple}; use a batch "
            f"size, and --micro-batch, that {multiple} divides"
        )
    if micro_batch is None:
        sizes = [d for d in divisors(share) if d % multiple == 0]
        micro = max(d for d in sizes if d == sizes[0] or d * size.cost <= DEFAULT_COST)
    elif share % micro_batch:
        possible = ", ".join(map(str, divisors(share)))
        raise ValueError(
            f"{share} items per device ({batch_size} over {num_devices}) cannot be split into micro-batches of "
            f"{micro_batch}; use --micro-batch with one of {possible}"
        )
    else:
        micro = micro_batch
    return BatchSplit(micro, share // micro)
