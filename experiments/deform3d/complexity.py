"""Columns and printed rows of Tables A1 and A2: scores and multiply-adds of full and of stride attention, counted.

T frames, R joints, D_n tokens of a frame. A score is a pair of a query and a key.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from experiments.spec.metrics import ByColumn, Computed
from experiments.spec.run import RunConfig
from experiments.spec.table import Column, Row, row
from models.deform3d.model import DeformableTransformer
from models.deform3d.stride import multiply_adds
from models.deform3d.windows import Windows, printed_query_starts

MILLION, BILLION = 1e6, 1e9
KEYS = ("full", "stride", "full-macs", "stride-macs", "ratio", "smaller", "left-out")
NOTHING = Computed("nothing", lambda run: None)


class Counts(NamedTuple):
    """Numbers of scores of full attention and of stride attention in one layer and head."""

    full: int
    stride: int

    @property
    def ratio(self) -> float:
        return self.stride / self.full


class Axis(NamedTuple):
    """A size that a complexity depends on: its symbol, the sizes of a fit, and the scores of a run at a size."""

    symbol: str
    sizes: Sequence[int]
    counts: Callable[[RunConfig, int], Counts]


class Stage(NamedTuple):
    """A stride attention.

    `name`: name in headers. `full`, `printed`: complexity of full attention and of stride attention, as printed.
    `counts`: numbers of scores of a run.
    `windows`: windows of a run on its axis. `length`: length of this axis.
    `axes`: sizes whose exponents are fitted. `num_labels`: number of labels of our rows beside the first one.
    """

    name: str
    full: str
    printed: str
    counts: Callable[[RunConfig], Counts]
    windows: Callable[[RunConfig], Windows.Config]
    length: Callable[[RunConfig], int]
    axes: tuple[Axis, ...]
    num_labels: int = 1


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

    full, stride = "Full attention", stage.name
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
    return (
        Column(key="complexity", header="Complexity", metric=NOTHING, base=base),
        *(
            Column(key=key, header=("Ours", *headers[key]), metric=metrics[key], base=base, digits=digits.get(key))
            for key in KEYS
        ),
    )


def exponent(axis: Axis, name: str, run: RunConfig) -> float:
    """Exponent of a power of the size, fitted to the counts of full or of stride attention on logarithmic axes."""
    counts = [math.log(getattr(axis.counts(run, size), name)) for size in axis.sizes]
    return round(float(np.polyfit(np.log(axis.sizes), counts, 1)[0]), 2)


def printed_rows(stage: Stage) -> tuple[Row, ...]:
    """The two rows of the paper: the printed complexities beside the fitted exponents."""

    def fitted(name: str) -> Computed:
        def text(run: RunConfig) -> str:
            powers = {axis.symbol: exponent(axis, name, run) for axis in stage.axes}
            signs = {1.0: " ", 2.0: "²"}
            factors = (symbol + signs.get(power, f"^{power:.2f} ") for symbol, power in powers.items() if power)
            return f"O({''.join(factors).strip()})"

        return Computed(f"{name}_complexity", text)

    def of(key: str, label: str, printed: str) -> Row:
        metric = ByColumn(key, {**dict.fromkeys(KEYS, NOTHING), "complexity": fitted(key)})
        labels = (label, *(None,) * stage.num_labels)
        return row(key, labels, metric=metric, paper=(printed, *(None,) * len(KEYS)))

    return (of("full", "Full attention", stage.full), of("stride", stage.name, stage.printed))
