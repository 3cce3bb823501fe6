"""Two ways of computing one thing, timed in turns in one run, so that what else the machine does meets both."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What was measured: medians in seconds, and on a GPU the most memory in bytes.

    `clips`: how many a call takes, 0 where it takes none. `aim`: the ratio that was aimed at.
    `difference`: the largest between the two results; 0 where they must be identical.
    """

    name: str
    precision: str
    clips: int
    published: float
    ours: float
    aim: float | None
    difference: float
    published_memory: int | None
    ours_memory: int | None
    clips_per_second_by_flops: float | None

    @property
    def ratio(self) -> float:
        """How many times as fast ours is."""
        return self.published / self.ours

    @property
    def clips_per_second(self) -> float:
        """Of ours."""
        return self.clips / self.ours


def seconds(run: Callable[[], object], device: torch.device) -> float:
    """CPU time of a call, or on a GPU the time from before it to when the device has finished."""
    if device.type != "cuda":
        before = time.process_time()
        run()
        return time.process_time() - before
    torch.cuda.synchronize(device)
    before = time.perf_counter()
    run()
    torch.cuda.synchronize(device)
    return time.perf_counter() - before


def most_memory(run: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes that tensors take on a GPU during a call."""
    if device.type != "cuda":
        return None
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device)


def in_turns(
    published: Callable[[], object], ours: Callable[[], object], device: torch.device, repeats: int
) -> tuple[float, float]:
    """Median seconds of both, after one call of each that does not count."""
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats + 1):
        for run, taken in zip((published, ours), times, strict=True):
            taken.append(seconds(run, device))
    first, second = (statistics.median(taken[1:]) for taken in times)
    return first, second


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Multiply-adds a second that this device reaches in one large product: what bounds any model from above."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    repeats = 10
    seconds(lambda: a @ a, device)
    taken = min(seconds(lambda: [a @ a for _ in range(repeats)], device) for _ in range(3))
    return repeats * size**3 / taken
