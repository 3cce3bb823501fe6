"""Metrics: costs from the config, and values derived from other columns."""

import math
from collections.abc import Callable

import pytest

from experiments.motionformer.base import K400
from experiments.spec.edits import apply, evaluation
from experiments.spec.metrics import (
    DEVICE_HOURS,
    GFLOPS,
    GFLOPS_AND_VIEWS,
    PARAMETERS,
    TOP1,
    TOP5,
    TRAINABLE_PARAMETERS,
    Computed,
    Derived,
    Difference,
    Evenness,
    HarmonicMean,
    Mean,
    PeakMegabytes,
)
from experiments.spec.scales import TINY


@pytest.mark.parametrize(
    ("metric", "cells", "value"),
    [
        (Mean("mean", ("a", "b", "c")), {"a": 1.0, "b": 2.0, "c": 6.0}, 3.0),
        (Mean("mean", ("a",)), {"a": 1.5, "b": 2.0}, 1.5),
        (HarmonicMean("harmonic", ("a", "b")), {"a": 40.0, "b": 60.0}, 48.0),
        (HarmonicMean("harmonic", ("a", "b", "c")), {"a": 1.0, "b": 2.0, "c": 4.0}, 12 / 7),
        (HarmonicMean("harmonic", ("a", "b")), {"a": 0.0, "b": 60.0}, 0.0),
        (Evenness("even", ("a", "b", "c")), {"a": 40.0, "b": 80.0, "c": 50.0}, 0.5),
        (Difference("delta", ("b", "a")), {"a": 27.1, "b": 66.5}, 39.4),
        (Difference("delta", ("a", "b")), {"a": 27.1, "b": 66.5}, -39.4),
    ],
)
def test_values_are_derived_from_the_columns_in_their_order(
    metric: Derived, cells: dict[str, float], value: float
) -> None:
    assert metric.value(cells) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("kind", [Mean, HarmonicMean, Difference, Evenness])
@pytest.mark.parametrize("cells", [{}, {"a": 1.0}, {"b": 1.0, "c": 2.0}])
def test_derived_metric_without_one_of_its_columns_has_no_value(
    kind: Callable[..., Derived], cells: dict[str, float]
) -> None:
    assert kind("derived", ("a", "b")).value(cells) is None


def test_tested_metrics_are_read_from_results_and_costs_of_training_may_be_absent() -> None:
    result = {"top1": 50, "device_hours": None}
    assert (TOP1.value(result), TOP5.value(result), DEVICE_HOURS.value(result)) == (50.0, None, None)
    assert DEVICE_HOURS.is_optional and not TOP1.is_optional


def test_costs_are_those_of_the_model_config() -> None:
    run = TINY.of(K400)
    cost = run.model.cost(run.data.size, run.data.targets)
    assert isinstance(GFLOPS, Computed)
    assert GFLOPS.of(run) == cost.macs / 1e9 > 0
    assert PARAMETERS.of(run) == cost.parameters / 1e6 > 0
    assert TRAINABLE_PARAMETERS.of(run) == cost.trainable_parameters / 1e6
    assert GFLOPS.executed is not None
    executed = GFLOPS.executed(run)
    assert executed == run.model.executed_macs(run.data.size, run.data.targets) / 1e9
    assert 0 < executed < GFLOPS.of(run)  # type: ignore[operator]


def test_gflops_and_views_has_crops_before_views() -> None:
    run = apply(K400, evaluation(views=10, crops=3))
    gflops = GFLOPS.of(run)
    assert isinstance(gflops, float) and math.isclose(gflops, 369.5, abs_tol=0.1)
    assert GFLOPS_AND_VIEWS.of(run) == f"{gflops:.1f}×3×10"


def test_peak_memory_is_shown_in_megabytes() -> None:
    metric = PeakMegabytes("peak_mb", "memory", batch_size=16)
    assert metric.value({"peak_gib": 2.0}, K400) == pytest.approx(2147.483648)
    assert metric.value({}, K400) is None
