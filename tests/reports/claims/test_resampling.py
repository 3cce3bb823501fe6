"""Paired resampling: intervals, pairing, seeds and several tests."""

import math

import numpy as np
import pytest

from reports.claims.resampling import RESAMPLES, CorrectItems, holm, quoted_accuracy, resampled


def masks(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    """Outcomes of two tests: items that both, only the first, only the second, and neither get right."""
    counts = (both, first, second, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


def difference(first: CorrectItems, second: CorrectItems) -> np.ndarray:
    samples = resampled({"a": first, "b": second})
    return samples["a"] - samples["b"]


def test_interval_of_a_difference_is_that_of_paired_proportions() -> None:
    """Adjusted Wald interval of Bonett and Price: one item added to each kind of discordance."""
    first, second = masks(550, 100, 60, 290)
    found = difference(CorrectItems("k400", (first,)), CorrectItems("k400", (second,)))
    p, q = 101 / 1002, 61 / 1002
    half = 196 * math.sqrt((p + q - (p - q) ** 2) / 1002)
    low, high = np.percentile(found, [2.5, 97.5])
    assert found.shape == (RESAMPLES,)
    assert (low, high) == pytest.approx((100 * (p - q) - half, 100 * (p - q) + half), abs=0.15)


def test_pairing_narrows_the_interval() -> None:
    first, second = masks(550, 100, 60, 290)
    paired = difference(CorrectItems("k400", (first,)), CorrectItems("k400", (second,)))
    unpaired = difference(CorrectItems("k400", (first,)), CorrectItems("ssv2", (second,)))  # drawn independently
    assert 1.4 * paired.std() < unpaired.std()


def test_tests_that_agree_on_all_items_have_an_interval() -> None:
    few, many = (difference(*[CorrectItems("k400", (np.ones(n, bool),))] * 2) for n in (10, 1000))
    assert few.std() > 5
    assert 0.05 < many.std() < 0.3


def test_seeds_add_their_variation() -> None:
    rng = np.random.default_rng(0)
    low, high, other = (rng.permutation(1000) < n for n in (600, 700, 500))
    one = difference(CorrectItems("k400", (low,)), CorrectItems("k400", (other,)))
    two = difference(CorrectItems("k400", (low, high)), CorrectItems("k400", (other, other)))
    assert two.mean() == pytest.approx(15, abs=0.5)
    assert two.std() > 1.3 * one.std()


def test_resamples_are_the_same_every_time_and_in_small_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = masks(5, 3, 2, 4)
    tests = {"a": CorrectItems("k400", (first,)), "b": CorrectItems("k400", (second,))}
    before = resampled(tests)
    monkeypatch.setattr("reports.claims.resampling.DRAWS_AT_ONCE", 1000)
    assert np.array_equal(resampled(tests)["a"], before["a"])


def test_holm_compares_the_smallest_p_value_with_the_smallest_level() -> None:
    assert holm([0.01, 0.04, 0.03]) == [True, False, False]
    assert holm([0.01, 0.02, 0.04]) == [True, True, True]
    assert holm([0.04]) == [True] and holm([]) == []


def test_quoted_accuracies_are_drawn_independently() -> None:
    one, other = (quoted_accuracy(70, 1000, number) for number in (0, 1))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.05
