"""Accuracies near chance: of single labels, and of a verb and a noun."""

import pytest

from experiments.spec.metrics import ACTION, GFLOPS, NOUN, TOP1, TOP5, VERB, Metric
from reports.pages.chance import is_near_chance, near_chance
from tests.runner.stored_metrics import record_with

# Of 100 items, the commonest verb has 50, and the commonest noun 20.
PAIRS = {
    "class_counts": {
        "verb": {"cut": [40, 60, 50], "wash": [10, 40, 50]},
        "noun": {str(index): [5, 20, 20] for index in range(5)},
    }
}


@pytest.mark.parametrize(("correct", "near"), [(10, True), (15, True), (17, False), (60, False)])
def test_exact_binomial_interval_against_chance(correct: int, near: bool) -> None:
    assert is_near_chance(correct, 100, 0.1) is near  # P(X >= 16) = .040, P(X >= 17) = .021


SINGLE = {"classes": {"up": [25, 50], "down": [30, 50]}}


@pytest.mark.parametrize(
    ("fields", "metric", "percent", "near"),
    [
        (PAIRS, VERB, 55.0, True),  # P(X >= 55) = .18 of guesses of a verb
        (PAIRS, VERB, 65.0, False),
        (PAIRS, NOUN, 25.0, True),  # P(X >= 25) = .13 of guesses of a noun
        (PAIRS, NOUN, 32.0, False),
        (PAIRS, ACTION, 25.0, True),  # no pair is more frequent than its noun
        (PAIRS, ACTION, 32.0, False),
        (PAIRS, TOP1, 25.0, True),
        (PAIRS, TOP1, 32.0, False),
        (PAIRS, TOP5, 25.0, False),
        (PAIRS, GFLOPS, 25.0, False),
        (SINGLE, TOP1, 55.0, True),
        (SINGLE, TOP1, 65.0, False),
        ({"classes": {"up": [50, 50]}}, TOP1, 100.0, True),  # of one class, every answer is right
        ({}, TOP1, 1.0, False),
        ({}, ACTION, 1.0, False),
    ],
)
def test_accuracies_are_compared_with_the_commonest_class_of_the_counts(
    fields: dict, metric: Metric, percent: float, near: bool
) -> None:
    assert near_chance(record_with({**fields, metric.name: percent}), metric) is near
