"""Metrics: costs from the config, values derived from other columns, F1 scores from counts by class, and formats."""

import math
from collections.abc import Callable

import pytest

from experiments.motionformer.base import K400
from experiments.spec.class_f1 import WeightedF1, categories_of, f1_by_class, weighted_mean
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
from experiments.spec.number_formats import Decimals, NumberFormat, Scientific, Shortest, value_text
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


# correct, predicted, support
RESULT = {
    "class_counts": {
        "noun": {"cup": [3, 4, 4], "plate": [0, 0, 2], "onion": [1, 1, 1], "never": [0, 3, 0]},
        "verb": {"take": [1, 3, 1]},
    },
    "categories": {"noun": {"cup": "crockery", "plate": "crockery", "onion": "vegetables"}},
}


def test_f1_is_the_harmonic_mean_of_precision_and_recall_of_classes_with_items() -> None:
    precision, recall = 3 / 4, 3 / 4
    found = f1_by_class(RESULT, "noun")
    assert found["cup"] == (pytest.approx(100 * 2 * precision * recall / (precision + recall)), 4)
    assert found["plate"] == (0, 2) and found["onion"] == (100, 1)
    assert f1_by_class(RESULT, "verb") == {"take": (pytest.approx(50), 1)}
    assert "never" not in found  # no item is labelled with it


def test_results_without_counts_have_no_scores() -> None:
    assert f1_by_class({}, "noun") == {} == f1_by_class(RESULT, "class")
    assert categories_of({}, "noun") == {} == categories_of(RESULT, "verb")
    assert weighted_mean([]) is None


def test_means_are_weighted_by_the_numbers_of_items() -> None:
    assert WeightedF1("noun_f1", "noun").value(RESULT) == pytest.approx((75 * 4 + 0 * 2 + 100) / 7)
    assert WeightedF1("crockery_f1", "noun", "crockery").value(RESULT) == pytest.approx(75 * 4 / 6)
    assert WeightedF1("f1", "noun", "cutlery").value(RESULT) is None
    assert WeightedF1("f1", "class").value(RESULT) is None


@pytest.mark.parametrize(
    ("form", "number", "text"),
    [
        (Decimals(1), 79.66, "79.7"),
        (Decimals(0), 384.4, "384"),
        (Decimals(1), -0.02, "-0.020"),  # would round to 0
        (Decimals(None), 7.46, "7.5"),
        (Decimals(None), 0.00185, "0.0019"),
        (Shortest(), 6, "6"),
        (Shortest(), 0.05, "0.05"),
        (Shortest(), 0.30000000000000004, "0.3"),
        (Scientific(), 1e-3, "1e-3"),
        (Scientific(), 0.00075, "7.5e-4"),
        (Scientific(), 1500, "1.5e3"),
        (Scientific(), -1e-6, "-1e-6"),
        (Scientific(), 1e10, "1e10"),
        (Scientific(2), 0.001234, "1.2e-3"),
        (Scientific(), 0, "0"),
    ],
)
def test_text_of_a_number(form: NumberFormat, number: float, text: str) -> None:
    assert form.text(number) == text


def test_numbers_are_rounded_to_the_decimals() -> None:
    assert (Decimals(1).rounded(79.66), Decimals(None).rounded(0.00185)) == (79.7, 0.0019)


def test_texts_are_kept_and_facts_are_yes_or_no() -> None:
    values = ("AdamW", True, False, None, 0.5)
    assert [value_text(value, Decimals(2)) for value in values] == ["AdamW", "yes", "no", "", "0.50"]
