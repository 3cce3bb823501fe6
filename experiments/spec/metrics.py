"""Metrics: quantities in the columns of tables, by the source of their values."""

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar

from experiments.spec.edits import value_of
from experiments.spec.run import RunConfig


@dataclass(frozen=True)
class Metric:
    """Quantity in a column of a table.

    `name`: name in files, JSON and TensorBoard.
    `is_percentage`: whether the values are percentages between 0 and 100.
    `needs_test`: whether they come from the test of a run.
    """

    is_percentage: ClassVar[bool] = False
    needs_test: ClassVar[bool] = False

    name: str

    def in_column(self, key: str) -> "Metric | None":
        """Metric of the cell in a column, given its key, if this is the metric of a row; None for that of the column."""
        return self


@dataclass(frozen=True)
class ByColumn(Metric):
    """Metric of a row that differs from column to column, e.g. the shape of a tensor in each of two models."""

    metrics: Mapping[str, Metric]

    def in_column(self, key: str) -> Metric | None:
        return self.metrics.get(key)


@dataclass(frozen=True)
class Tested(Metric):
    """Metric that the task of a run returns in a test, under the same name.

    `is_optional`: whether it is not one of the `metrics` of the run's objective, and results may lack it. Its cells do not
        apply to these.
    """

    is_percentage = True
    needs_test = True
    is_optional: ClassVar[bool] = False

    def value(self, result: Mapping[str, object]) -> float | None:
        """Value in the result of a test; None if the result has none."""
        value = result.get(self.name)
        return float(value) if isinstance(value, int | float) else None


@dataclass(frozen=True)
class OfTraining(Tested):
    """Cost of the training before a test. Weights that were trained elsewhere have no value."""

    is_percentage = False
    is_optional = True


@dataclass(frozen=True)
class Computed(Metric):
    """Metric of the config alone, computed at the paper's size on every scale.

    `of`: value for a run: a number, a text, or whether something is so; None where it does not apply.
    `executed`: value of this implementation for the same result, if `of` counts the published formulation.
    """

    of: Callable[[RunConfig], float | str | None]
    executed: Callable[[RunConfig], float] | None = None


def setting(name: str, path: str) -> Computed:
    """Metric whose value is that of a field or property of a run, e.g. `optim.weight_decay`."""
    return Computed(name, partial(_number_or_text, path))


def _number_or_text(path: str, run: RunConfig) -> float | str | None:
    value = value_of(path, run)
    assert value is None or isinstance(value, int | float | str)
    return value


TOO_LARGE = "too_large"  # field of the record of a measurement whose batch does not fit into the memory


@dataclass(frozen=True)
class Measured(Metric):
    """Metric that `reproduce measure` measures on a device, at the paper's size.

    `kind`: type of measurement, of `KINDS` or a paper's own. One measurement may give several metrics.
    `function`: measurement of a run with a batch size, for a kind of its own. It returns the metric by name, "batch_size",
        "precision" and the provenance.
    `conditions`: start of the sentence on the conditions of the measurement, for a kind of its own.
    `batch_size`: number of items, if the paper states it, or it follows from the printed values. It is the same for a run in
        all tables, since there is one record of its measurement.
    """

    kind: str
    function: Callable[[RunConfig, int], dict[str, object]] | None = None
    conditions: str = ""
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS and not (self.function and self.conditions):
            raise ValueError(
                f"'{self.kind}' is not one of the measurements {', '.join(KINDS)}; give it a function and conditions"
            )

    @property
    def sentence(self) -> str:
        return self.conditions or KINDS[self.kind]

    @property
    def in_turns(self) -> bool:
        return self.kind in IN_TURNS

    def value(self, record: Mapping[str, object], run: RunConfig) -> float | None:
        """Value of a run in the record of its measurement; None if the record lacks it."""
        value = record.get(self.name)
        return float(value) if isinstance(value, int | float) else None

    def repeats(self, record: Mapping[str, object], run: RunConfig) -> tuple[float, ...]:
        """Values of the repeats of the measurement; empty for a value without repeats, which counts as exact."""
        return ()

    def conditions_of(self, record: Mapping[str, object]) -> str:
        return f"{record['hardware']}, batch {record['batch_size']}, {record['precision']}"


@dataclass(frozen=True)
class PeakMegabytes(Measured):
    """Peak memory of a training step in units of 10^6 bytes."""

    def value(self, record: Mapping[str, object], run: RunConfig) -> float | None:
        peak = record.get("peak_gib")
        return peak * 2**30 / 1e6 if isinstance(peak, int | float) else None


# Precision of each measurement of inference that is made for several runs in turns.
IN_TURNS = {"turns-float32": "32-true", "turns-bfloat16": "bf16-true"}
# Measurements of any model, each with the start of the sentence on its conditions.
KINDS = {
    "memory": "Peak CUDA memory of a training step of",
    **dict.fromkeys(IN_TURNS, "Throughput of inference, one batch of each row in turn, on"),
}


@dataclass(frozen=True)
class VideosPerSecondInTurns(Measured):
    """Throughput in videos, each with all views and crops of the run's test, measured in turns with other runs."""

    def value(self, record: Mapping[str, object], run: RunConfig) -> float | None:
        rounds = self.repeats(record, run)
        return statistics.median(rounds) if rounds else None

    def repeats(self, record: Mapping[str, object], run: RunConfig) -> tuple[float, ...]:
        """Videos per second in each round; empty if the run did not take part."""
        seconds_by_run = record.get("seconds_per_item")
        if not isinstance(seconds_by_run, dict):
            return ()
        num_views = run.evaluation.views * run.evaluation.crops
        return tuple(1 / (seconds * num_views) for seconds in seconds_by_run.get(run.train_id, ()))

    def conditions_of(self, record: Mapping[str, object]) -> str:
        """Hardware, precision, and the session of the rounds. Each run has the batch size that fits."""
        return f"{record['hardware']}, {record['precision']}, {record['session']}"


@dataclass(frozen=True)
class SpeedOfReference(VideosPerSecondInTurns):
    """Throughput of a reference run / that of the run, both measured in the same round."""

    reference: RunConfig = field(kw_only=True)

    def conditions_of(self, record: Mapping[str, object]) -> str:
        return f"{record['hardware']}, {record['precision']}"

    def repeats(self, record: Mapping[str, object], run: RunConfig) -> tuple[float, ...]:
        """Ratio in each round; empty if one of both did not take part."""
        videos = VideosPerSecondInTurns(self.name, self.kind)
        both = zip(videos.repeats(record, self.reference), videos.repeats(record, run), strict=False)
        return tuple(reference / own for reference, own in both)


@dataclass(frozen=True)
class Derived(Metric):
    """Metric computed from other columns of the same row.

    `columns`: keys of these columns. `of`: value for their values, in this order. `noun`: name of the operation.
    """

    columns: tuple[str, ...]
    of: Callable[[list[float]], float] = field(kw_only=True)
    noun: str = field(kw_only=True)

    def value(self, cells: Mapping[str, float]) -> float | None:
        """Value for the cells of a row; None if one of the columns has no value."""
        if not cells.keys() >= set(self.columns):
            return None
        return self.of([cells[column] for column in self.columns])


def harmonic(values: list[float]) -> float:
    """Harmonic mean; 0 if one of the values is 0."""
    # Resampling calls this 10,000s of times, for which statistics.harmonic_mean takes seconds.
    return 0.0 if 0 in values else len(values) / math.fsum(1 / value for value in values)


Mean = partial(Derived, of=statistics.fmean, noun="mean")
HarmonicMean = partial(Derived, of=harmonic, noun="harmonic mean")
Difference = partial(Derived, of=lambda values: values[0] - values[1], noun="difference")
Evenness = partial(Derived, of=lambda values: min(values) / max(values), noun="ratio of smallest to largest")


def published_gflops(run: RunConfig) -> float:
    """Published multiply-adds of one view, in units of 10^9. LayerNorm counts 5 per element."""
    return run.model.macs(run.data.test_size(run.evaluation), run.data.targets) / 1e9


def executed_gflops(run: RunConfig) -> float:
    """Multiply-adds that this implementation executes for one view, in units of 10^9, LayerNorm included."""
    return run.model.executed_macs(run.data.test_size(run.evaluation), run.data.targets) / 1e9


def published_gflops_and_views(run: RunConfig) -> str:
    """Published GFLOPs × crops × views, as text."""
    return f"{published_gflops(run):.1f}×{run.evaluation.crops}×{run.evaluation.views}"


def parameters(run: RunConfig) -> float:
    return run.model.cost(run.data.size, run.data.targets).parameters / 1e6


def trainable_parameters(run: RunConfig) -> float:
    return run.model.cost(run.data.size, run.data.targets).trainable_parameters / 1e6


OF_ROWS = Metric("of_rows")  # of columns whose rows have metrics of their own
TOP1, TOP5 = Tested("top1"), Tested("top5")
ACTION, VERB, NOUN = Tested("action"), Tested("verb"), Tested("noun")
ACCURACIES = (TOP1, TOP5, ACTION, VERB, NOUN)
DEVICE_HOURS = OfTraining("device_hours")
GFLOPS = Computed("gflops", published_gflops, executed_gflops)
GFLOPS_AND_VIEWS = Computed("gflops_views", published_gflops_and_views, executed_gflops)
PARAMETERS = Computed("parameters", parameters)
VIEWS = Computed("views", lambda run: f"{run.evaluation.views}×{run.evaluation.crops}")
TRAINABLE_PARAMETERS = Computed("trainable_parameters", trainable_parameters)
