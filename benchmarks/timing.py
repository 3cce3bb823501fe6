"""Ways of computing one thing, timed in turns in one run, so that what else the machine does meets all of them."""

import gc
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

# Turns that do not count: the first calls touch memory that the machine has never given out, and load kernels.
WARM_UP = 1


class Way(NamedTuple):
    """One way of computing something, its multiply-adds, by which progress is reckoned, and the ratio aimed at."""

    run: Callable[[], object]
    macs: float
    aim: float | None = None


class Spent(NamedTuple):
    """Seconds of a call: on a CPU its CPU time, and how much of that the operating system took."""

    seconds: float
    system: float | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """What was measured of the published formulation and of ours, turn by turn.

    Args:
        name: what was computed.
        precision: in what.
        clips: how many a call takes, 0 where it takes none.
        published: how long each turn took.
        ours: how long each turn took.
        aim: the ratio that was aimed at, if any.
        difference: the largest between the logits of the two; of a selection, the share of choices that differ.
        published_memory: the most bytes that tensors took on a GPU, weights and what an optimiser keeps included.
        ours_memory: likewise.
        ours_by_flops: seconds that ours would take, were all its multiply-adds as fast as those of one large product.
    """

    name: str
    precision: str
    clips: int
    published: tuple[Spent, ...]
    ours: tuple[Spent, ...]
    aim: float | None
    difference: float
    published_memory: int | None
    ours_memory: int | None
    ours_by_flops: float | None

    @property
    def ratios(self) -> list[float]:
        """How many times as fast ours is, in each turn."""
        return [theirs.seconds / ours.seconds for theirs, ours in zip(self.published, self.ours, strict=True)]

    @property
    def ratio(self) -> float:
        """The median of the turns."""
        return statistics.median(self.ratios)

    @property
    def bound(self) -> float | None:
        """The ratio, were all multiply-adds of ours as fast as those of one large product."""
        return None if self.ours_by_flops is None else seconds_of(self.published) / self.ours_by_flops

    def and_turns_of(self, other: "Pair") -> "Pair":
        """The same comparison with the turns of another process beside those of this."""
        return replace(
            self,
            published=(*self.published, *other.published),
            ours=(*self.ours, *other.ours),
            difference=max(self.difference, other.difference),
            published_memory=largest(self.published_memory, other.published_memory),
            ours_memory=largest(self.ours_memory, other.ours_memory),
            ours_by_flops=min(filter(None, (self.ours_by_flops, other.ours_by_flops)), default=None),
        )

    @property
    def missed(self) -> bool:
        """Whether the ratio is below what was aimed at."""
        return self.aim is not None and self.ratio < self.aim


def largest(*sizes: int | None) -> int | None:
    """The largest of those that were measured."""
    return max((size for size in sizes if size is not None), default=None)


def seconds_of(turns: Sequence[Spent]) -> float:
    """The median."""
    return statistics.median(turn.seconds for turn in turns)


def system_share(turns: Sequence[Spent]) -> float | None:
    """The part of the CPU time that the operating system took, None where it was not measured."""
    system = [turn.system for turn in turns if turn.system is not None]
    return sum(system) / sum(turn.seconds for turn in turns) if system else None


def spent(run: Callable[[], object], device: torch.device) -> Spent:
    """CPU time of a call, or on a GPU the time from before it to when the device has finished."""
    if device.type != "cuda":
        system, before = system_time(), time.process_time()
        run()
        after = time.process_time()
        return Spent(after - before, system_time() - system)
    torch.cuda.synchronize(device)
    before = time.perf_counter()
    run()
    torch.cuda.synchronize(device)
    return Spent(time.perf_counter() - before, None)


def system_time() -> float:
    """Seconds that the operating system has spent for this process."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_stime


def most_memory(run: Callable[[], object], device: torch.device) -> int | None:
    """The most bytes that tensors take on a GPU during a call, with what is there anyway."""
    if device.type != "cuda":
        return None
    gc.collect()
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    run()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device)


def in_turns(
    ways: Sequence[Way], device: torch.device, repeats: int, advance: Callable[[float], object]
) -> list[tuple[Spent, ...]]:
    """What each way took in each turn that counts.

    Args:
        ways: taken one after another in each turn.
        device: what computes.
        repeats: turns that count.
        advance: told the multiply-adds of every call that is done.
    """
    taken: list[list[Spent]] = [[] for _ in ways]
    for _ in range(WARM_UP + repeats):
        for way, times in zip(ways, taken, strict=True):
            times.append(spent(way.run, device))
            advance(way.macs)
    return [tuple(times[WARM_UP:]) for times in taken]


def matmul_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Multiply-adds a second that this device reaches in one large product: what bounds any model from above."""
    size = 8192 if device.type == "cuda" else 1024
    a = torch.randn(size, size, device=device, dtype=dtype)
    product = torch.empty_like(a)
    repeats = 10

    def multiply() -> None:
        for _ in range(repeats):
            torch.mm(a, a, out=product)

    multiply()
    return repeats * size**3 / min(spent(multiply, device).seconds for _ in range(3))
