"""F1 scores from counts by class."""

import pytest

from experiments.spec.class_f1 import WeightedF1, categories_of, f1_by_class, weighted_mean

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
