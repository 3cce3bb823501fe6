"""Timing of several implementations in turns in one run, so that other load on the machine affects all of them."""

import gc
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, TypeVar

import torch

Number = TypeVar("Number", int, float)

# Number of turns that do not count. The first calls allocate new memory pages and load kernels.
WARM_UP = 1


class Implementation(NamedTuple):
    """An implementation of a computation, and its multiply-adds, which measure progress."""

    run: Callable[[], object]
    macs: float


class Timing(NamedTuple):
    """Seconds of a call: CPU time on a CPU, and the part of it spent in the operating system (None on a GPU)."""

    seconds: float
    system: float | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Measurements of the published formulation and of ours.

    Args:
        name: name of the computation.
        precision: name of the dtype.
        clips: number of clips per call; 0 if its input is not clips.
        published: timing of each turn.
        ours: timing of each turn.
        aim: target ratio, if any.
        difference: largest difference between logits; for a selection, the fraction of selected indices that differ;
            None for two models that differ.
        published_memory: peak bytes of tensors on a GPU, weights and optimiser state included.
        ours_memory: likewise.
        ours_by_flops: seconds of ours if its multiply-adds ran at the rate of one large matrix product.
        published_saved, ours_saved: bytes that a clip saves for the backward pass; None if they were not counted.
        length: number of tokens, for comparisons that are repeated for several lengths; None for any other.
    """

    name: str
    precision: str
    clips: int
    published: tuple[Timing, ...]
    ours: tuple[Timing, ...]
    aim: float | None
    difference: float | None
    published_memory: int | None
    ours_memory: int | None
    ours_by_flops: float | None
    published_saved: int | None = None
    ours_saved: int | None = None
    length: int | None = None

    @property
    def ratios(self) -> list[float]:
        return [theirs.seconds / ours.seconds for theirs, ours in zip(self.published, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        return statistics.median(self.ratios)

    @property
    def bound(self) -> float | None:
        """Ratio if the multiply-adds of ours ran at the rate of one large matrix product."""
        return None if self.ours_by_flops is None else seconds_of(self.published) / self.ours_by_flops

    def merged_with(self, other: "Pair") -> "Pair":
        """Pair with the turns of both pairs, which come from two processes."""
        return replace(
            self,
            published=(*self.published, *other.published),
            ours=(*self.ours, *other.ours),
            difference=largest(self.difference, other.difference),
            published_memory=largest(self.published_memory, other.published_memory),
            ours_memory=largest(self.ours_memory, other.ours_memory),
            ours_by_flops=min(filter(None, (self.ours_by_flops, other.ours_by_flops)), default=None),
        )

    @property
    def missed(self) -> bool:
        return self.aim is not None and self.ratio < self.aim


def largest(*numbers: Number | None) -> Number | None:
    """Largest number that is not None; None if there is none."""
    return max((number for number in numbers if number is not None), default=None)


def seconds_of(turns: Sequence[Timing]) -> float:
    """Median seconds of the turns."""
    return statistics.median(turn.seconds for turn in turns)


def system_share(turns: Sequence[Timing]) -> float | None:
    """Fraction of CPU time spent in the operating system; None if it was not measured."""
    system = [turn.system for turn in turns if turn.system is not None]
    return sum(system) / sum(turn.seconds for turn in turns) if system else None


def timed(run: Callable[[], object], device: torch.device) -> Timing:
    """CPU time of a call; on a GPU, wall time until the device has finished."""
    if device.type != "cuda":
        system, before = system_time(), time.process_time()
        run()
        after = time.process_time()
        return Timing(after - before, system_time() - system)
    torch.cuda.synchronize(device)
    before = time.perf_counter()
    run()
    torch.cuda.synchronize(device)
    return Timing(time.perf_counter() - before, None)


def system_time() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_stime


def peak_memory(run: Callable[[], object], device: torch.device) -> int | None:
    """Peak bytes of tensors on a GPU during a call, existing tensors included; None on a CPU."""
    if device.type != "cuda":
        return None
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device)


def timings_in_turns(
    implementations: Sequence[Implementation], device: torch.device, repeats: int, advance: Callable[[float], object]
) -> list[tuple[Timing, ...]]:
    """Timings of each implementation in each turn that counts.

    Args:
        implementations: called one after another in each turn.
        device: device of the computation.
        repeats: number of turns that count.
        advance: called with the multiply-adds of every finished call.
    """
    timings: list[list[Timing]] = [[] for _ in implementations]
    for _ in range(WARM_UP + repeats):
        for implementation, turns in zip(implementations, timings, strict=True):
            turns.append(timed(implementation.run, device))
            advance(implementation.macs)
    return [tuple(turns[WARM_UP:]) for turns in timings]


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Multiply-adds per second of one large matrix product on a device, an upper bound for models."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    product = torch.empty_like(a)
    repeats = 10

    def multiply() -> None:
        for _ in range(repeats):
            torch.mm(a, a, out=product)

    multiply()
    return repeats * size**3 / min(timed(multiply, device).seconds for _ in range(3))
