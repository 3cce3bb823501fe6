"""Metrics: what the columns of tables show, and where their values come from."""

import statistics
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from experiments.spec.run import RunConfig


@dataclass(frozen=True)
class Metric:
    """A quantity.

    `name`: in files, JSON and TensorBoard.
    """

    name: str

    @property
    def needs_test(self) -> bool:
        """Whether the value comes from a finished test."""
        return False


@dataclass(frozen=True)
class Tested(Metric):
    """A metric that the task of a run writes under this name when it is tested."""

    @property
    def needs_test(self) -> bool:
        """It does."""
        return True


@dataclass(frozen=True)
class OfTraining(Tested):
    """What the training before a test took; weights that were trained elsewhere have none."""


@dataclass(frozen=True)
class Computed(Metric):
    """A metric of the config alone, computed at the paper's size on every scale.

    `of`: its value for a run, number or text.
    `executed`: what this implementation executes for the same result, where `of` counts the published formulation.
    """

    of: Callable[[RunConfig], float | str]
    executed: Callable[[RunConfig], float] | None = None


@dataclass(frozen=True)
class Measured(Metric):
    """A metric that `reproduce measure` measures on a device, at the paper's size.

    `kind`: which measurement; one may give several metrics.
    `calibrated_by`: key of the row by whose printed value the batch is chosen, where the paper does not state it.
    """

    kind: str
    calibrated_by: str | None = None


@dataclass(frozen=True)
class Derived(Metric, ABC):
    """A metric computed from other columns of the same row.

    `columns`: their keys.
    """

    columns: tuple[str, ...]

    def value(self, cells: Mapping[str, float]) -> float | None:
        """The value, where all columns have one."""
        if not cells.keys() >= set(self.columns):
            return None
        return self.of([cells[column] for column in self.columns])

    @abstractmethod
    def of(self, values: list[float]) -> float:
        """The value for those of the columns."""


@dataclass(frozen=True)
class Mean(Derived):
    """The arithmetic mean."""

    def of(self, values: list[float]) -> float:
        """The mean."""
        return statistics.fmean(values)


@dataclass(frozen=True)
class HarmonicMean(Derived):
    """The harmonic mean; 0 as soon as one value is 0."""

    def of(self, values: list[float]) -> float:
        """The harmonic mean."""
        return statistics.harmonic_mean(values)


@dataclass(frozen=True)
class Difference(Derived):
    """The first column minus the second."""

    def of(self, values: list[float]) -> float:
        """The difference."""
        left, right = values
        return left - right


def published_gflops(run: RunConfig) -> float:
    """Published multiply-adds of one view in units of 10^9; LayerNorm counts 5 an element."""
    return run.model.macs(run.data.size, run.data.targets) / 1e9


def executed_gflops(run: RunConfig) -> float:
    """Multiply-adds that our model executes for one view in units of 10^9; LayerNorm is not counted."""
    return run.model.executed_macs(run.data.size, run.data.targets) / 1e9


def published_gflops_and_views(run: RunConfig) -> str:
    """GFLOPs × crops × views."""
    return f"{published_gflops(run):.1f}×{run.evaluation.crops}×{run.evaluation.views}"


def parameters(run: RunConfig) -> float:
    """Parameters in millions."""
    return run.model.cost(run.data.size, run.data.targets).parameters / 1e6


def trainable_parameters(run: RunConfig) -> float:
    """Trainable parameters in millions."""
    return run.model.cost(run.data.size, run.data.targets).trainable_parameters / 1e6


TOP1, TOP5 = Tested("top1"), Tested("top5")
ACTION, VERB, NOUN = Tested("action"), Tested("verb"), Tested("noun")
DEVICE_HOURS = OfTraining("device_hours")
GFLOPS = Computed("gflops", published_gflops, executed_gflops)
GFLOPS_AND_VIEWS = Computed("gflops_views", published_gflops_and_views, executed_gflops)
PARAMETERS = Computed("parameters", parameters)
TRAINABLE_PARAMETERS = Computed("trainable_parameters", trainable_parameters)
