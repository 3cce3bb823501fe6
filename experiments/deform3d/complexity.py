"""Columns and rows of Tables A1 and A2: scores and multiply-adds of full and of stride attention, counted.

T frames, R joints, D_n tokens of a frame. A score is a pair of a query and a key.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from experiments.spec.metrics import ByColumn, Computed
from experiments.spec.run import RunConfig
from experiments.spec.table import Column, Row, row
from models.deform3d.complexity import multiply_adds
from models.deform3d.model import DeformableTransformer
from models.deform3d.windows import Windows, printed_query_starts

MILLION, BILLION = 1e6, 1e9
KEYS = ("full", "stride", "full-macs", "stride-macs", "ratio", "smaller", "left-out")


class Counts(NamedTuple):
    """Numbers of scores of full attention and of stride attention in one layer and head."""

    full: int
    stride: int

    @property
    def ratio(self) -> float:
        """Scores of stride attention / scores of full attention."""
        return self.stride / self.full


class Stage(NamedTuple):
    """A stride attention.

    `name`: name in headers. `full`, `printed`: complexity of full attention and of stride attention, as printed.
    `counts`: numbers of scores of a run.
    `windows`: windows of a run on its axis. `length`: length of this axis.
    """

    name: str
    full: str
    printed: str
    counts: Callable[[RunConfig], Counts]
    windows: Callable[[RunConfig], Windows.Config]
    length: Callable[[RunConfig], int]


def left_out(run: RunConfig, stage: Stage) -> float:
    """Number of places that no window of queries of the printed loop contains."""
    width, length = stage.windows(run).window, stage.length(run)
    covered = {start + place for start in printed_query_starts(length, width) for place in range(width)}
    return float(length - len(covered))


def config_of(run: RunConfig) -> DeformableTransformer.Config:
    """Config of the model of a run."""
    assert isinstance(run.model, DeformableTransformer.Config)
    return run.model


def columns(stage: Stage, base: RunConfig) -> tuple[Column, ...]:
    """Columns of the counts of a stage."""

    def scaled(count: Callable[[Counts], float], unit: float) -> Callable[[RunConfig], float]:
        return lambda run: count(stage.counts(run)) / unit

    def macs(count: Callable[[Counts], int]) -> Callable[[RunConfig], float]:
        return lambda run: multiply_adds(count(stage.counts(run)), config_of(run).width) / BILLION

    full, stride = f"Full attention, printed {stage.full}", f"{stage.name}, printed {stage.printed}"
    metrics = {
        "full": Computed("full_scores", scaled(lambda counts: counts.full, MILLION)),
        "stride": Computed("stride_scores", scaled(lambda counts: counts.stride, MILLION)),
        "full-macs": Computed("full_macs", macs(lambda counts: counts.full)),
        "stride-macs": Computed("stride_macs", macs(lambda counts: counts.stride)),
        "ratio": Computed("ratio", lambda run: stage.counts(run).ratio),
        "smaller": Computed("smaller", lambda run: stage.counts(run).ratio < 1),
        "left-out": Computed("left_out", lambda run: left_out(run, stage)),
    }
    headers = {
        "full": (full, "scores, 10⁶"),
        "stride": (stride, "scores, 10⁶"),
        "full-macs": (full, "multiply-adds, 10⁹"),
        "stride-macs": (stride, "multiply-adds, 10⁹"),
        "ratio": ("Stride / full", "scores"),
        "smaller": ("Stride / full", "smaller"),
        "left-out": ("Printed loop", "places without a query"),
    }
    digits = {"full": 3, "stride": 3, "full-macs": 3, "stride-macs": 3, "ratio": 3, "left-out": 0}
    return tuple(
        Column(key=key, header=headers[key], metric=metrics[key], base=base, digits=digits.get(key)) for key in KEYS
    )


def exponent(sizes: Iterable[int], count: Callable[[int], int]) -> float:
    """Exponent of a power of the size, fitted to counts on logarithmic axes."""
    sizes = tuple(sizes)
    counts = [math.log(count(size)) for size in sizes]
    return float(np.polyfit(np.log(sizes), counts, 1)[0])


def exponent_row(
    key: str,
    labels: tuple[str, ...],
    sizes: Iterable[int],
    counts: Callable[[RunConfig, int], Counts],
    *,
    printed: tuple[float, float],
) -> Row:
    """Row of fitted exponents of full and of stride attention, beside the printed ones.

    Args:
        counts: scores of a run for one of the sizes.
        printed: exponents in the printed complexities of full and of stride attention.
    """
    sizes = tuple(sizes)

    def fitted(run: RunConfig, name: str) -> float:
        return round(exponent(sizes, lambda size: getattr(counts(run, size), name)), 2)

    def of(name: str) -> Computed:
        return Computed(f"exponent_{name}", lambda run: fitted(run, name))

    nothing = Computed("nothing", lambda run: "–")
    metric = ByColumn(key, {**dict.fromkeys(KEYS, nothing), "full": of("full"), "stride": of("stride")})
    return row(key, labels, metric=metric, paper=(*printed, *(None,) * (len(KEYS) - 2)))
