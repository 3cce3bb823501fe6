"""Comparisons of claims: verdicts on printed values of several papers, and decision rules for resampled values."""

import numpy as np
import pytest

from experiments.spec.comparisons import (
    About,
    Above,
    Below,
    Comparison,
    Falling,
    Ranked,
    Rising,
    Within,
    best,
    ranked,
    worst,
)
from experiments.spec.expressions import CellValue, Expression, cell, harmonic_mean, largest, mean, smallest
from experiments.spec.metrics import GFLOPS, Evenness

A, B, C, D = (cell(f"{row}.top1") for row in "abcd")
EVEN = Evenness("even", ("top1", "k400"))
K400, EK100, SSV2 = 0.54, 0.77, 0.48  # limits of a difference of two printed values


# fmt: off
PRINTED = [
    (About(A, 0.1, 0.05),         [0.1],                    K400,  "noise"),          # the size is right
    (About(A, 1.2, 0.05),         [0.82],                   K400,  "not supported"),
    (About(A, 0.8, 0.05),         [0.8],                    EK100, "supported"),
    (About(A, 7.0, 0.5),          [6.5],                    K400,  "supported"),      # at the edge of rounding
    (Above(A, 0.5),               [0.63],                   K400,  "supported"),      # noise is measured from 0
    (Above(A),                    [0.1],                    K400,  "noise"),
    (Above(A),                    [0.0],                    K400,  "not supported"),
    (Above(A, inclusive=True),    [0.0],                    EK100, "noise"),          # a tie is a best value
    (Above(A, -1),                [-1.7],                   0.0,   "not supported"),
    (Below(A),                    [-5.2],                   EK100, "supported"),
    (Below(A),                    [-0.2],                   EK100, "noise"),
    (Below(A, 1),                 [0.5],                    K400,  "supported"),      # states no direction
    (Below(A, 0.5),               [0.49],                   0.0,   "supported"),
    (Below(A, 0.5),               [0.5],                    0.0,   "not supported"),
    (Below(A, 0.5, inclusive=True), [0.5],                  0.0,   "supported"),
    (Within(A, 1.5),              [-0.9],                   EK100, "noise"),          # its interval crosses 1.5
    (Within(A, 1.5),              [0.7],                    EK100, "supported"),
    (Within(A, 1.5),              [3.2],                    EK100, "not supported"),
    (Within(A, 1.0),              [0.0],                    SSV2,  "supported"),
    (Ranked(A, (B, C), 2),        [49.3, 49.9, 48.6],       0.545, "noise"),          # .6 and .7 from its neighbours
    (Ranked(A, (B, C), 2),        [67.0, 67.9, 67.1],       0.545, "not supported"),
    (Ranked(A, (B, C), 1),        [67.0, 65.0, 64.0],       0.545, "supported"),
    (Rising((A, B, C)),           [60.0, 61.8, 62.0],       0.34,  "supported"),      # the last step is noise
    (Rising((A, B, C, D)),        [47.4, 47.5, 48.0, 48.7], 0.545, "supported"),
    (Rising((A, B, C)),           [60.0, 59.0, 62.0],       0.34,  "not supported"),
    (Rising((A, B, C)),           [60.0, 60.1, 60.2],       0.34,  "noise"),
    (Falling((A, B, C, D)),       [76.4, 76.0, 75.6, 74.6], 0.38,  "supported"),
    (Falling((A, B)),             [76.0, 76.4],             0.38,  "not supported"),
]
# fmt: on


@pytest.mark.parametrize(("comparison", "values", "limit", "verdict"), PRINTED)
def test_verdict_on_printed_values(comparison: Comparison, values: list[float], limit: float, verdict: str) -> None:
    assert comparison.in_print(values, [limit] * len(values)) == verdict


def normal(center: float, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(0).normal(center, spread, 10_000)


# fmt: off
RESAMPLED = [
    (Above(A),             [normal(3)],                       "supported"),
    (Above(A),             [normal(1)],                       "undecided"),
    (Above(A),             [normal(-3)],                      "not supported"),
    (Above(A, 2),          [normal(3)],                       "undecided"),
    (Below(A),             [normal(-3)],                      "supported"),
    (About(A, 4, 0.5),     [normal(3)],                       "supported"),       # direction, and 4 is in the interval
    (About(A, 4, 0.5),     [normal(1.9)],                     "undecided"),       # the direction is open
    (About(A, 9, 0.5),     [normal(3)],                       "not supported"),   # the direction alone is not enough
    (About(A, 4, 0.5),     [normal(-3)],                      "not supported"),
    (About(A, -3, 0.5),    [normal(-3)],                      "supported"),
    (Within(A, 1),         [normal(0)],                       "undecided"),       # not detected is not equal
    (Within(A, 1),         [normal(0, 0.3)],                  "supported"),
    (Within(A, 1),         [normal(4)],                       "not supported"),
    (Within(A, 1),         [normal(-4)],                      "not supported"),
    (Ranked(A, (B,), 1),   [normal(5), normal(0) * 0],        "supported"),
    (Ranked(A, (B,), 2),   [normal(5), normal(0) * 0],        "not supported"),
    (Rising((A, B, C)),    [normal(0), normal(9), normal(5)], "not supported"),   # same draws: the last step is -4
    (Rising((A, B, C)),    [normal(0), normal(2), normal(5)], "supported"),
    (Falling((A, B)),      [normal(0), normal(2)],            "not supported"),
    (Above(A / B, 1),      [np.array([1.5])],                 "supported"),       # exact values
    (About(A, 5, 0.5),     [np.array([4.58])],                "supported"),
    (About(A, 5, 0.5),     [np.array([4.4])],                 "not supported"),
]
# fmt: on


@pytest.mark.parametrize(("comparison", "samples", "verdict"), RESAMPLED)
def test_decision_on_resampled_values(comparison: Comparison, samples: list[np.ndarray], verdict: str) -> None:
    p = comparison.p_values(samples)
    decided = "supported" if p.support <= 0.05 else "not supported" if p.refute <= 0.05 else "undecided"
    assert decided == verdict
    assert not (p.support <= 0.05 and p.refute <= 0.05)


def test_expressions_are_computed_from_cells() -> None:
    even = {CellValue("a", "top1", EVEN): 0.25, CellValue("b", "k400", EVEN): 0.5}
    read = {A: 8.0, B: 2.0, C: 4.0, **even}.__getitem__
    values: list[tuple[Expression, float, str]] = [
        (A - B, 6, "a.top1 - b.top1"),
        (A / B, 4, "a.top1 / b.top1"),
        ((A - B) - (C - B), 4, "(a.top1 - b.top1) - (c.top1 - b.top1)"),
        (A - largest(B, C), 4, "a.top1 - max(b, c).top1"),
        (smallest(A, C), 4, "min(a, c).top1"),
        (mean(A - B, C), 5, "mean(a.top1 - b.top1, c.top1)"),
        (harmonic_mean(B, C), 8 / 3, "harmonic mean(b, c).top1"),
        (largest(CellValue("a", "top1", EVEN), CellValue("b", "k400", EVEN)), 0.5, "max(a, b).even"),
    ]
    for expression, value, text in values:
        assert expression.of(read) == pytest.approx(value)
        assert str(expression) == text
    assert (A - B).cells == (A, B) and (mean(A - B, B)).cells == (A, B)


def test_expressions_are_computed_on_arrays() -> None:
    ours, theirs = np.array([1.0, 5.0]), np.array([2.0, 3.0])
    read = {A: ours, B: theirs, C: 4.0}.__getitem__
    assert np.array_equal((A - largest(B, C)).of(read), [-3, 1])


def test_texts_state_the_comparison() -> None:
    assert str(Above(A - B)) == "a.top1 - b.top1 > 0"
    assert str(Below(A / B, 0.5, inclusive=True)) == "a.top1 / b.top1 ≤ 0.5"
    assert str(About(A, 4, 0.5)) == "a.top1 ≈ 4 ± 0.5"
    assert str(Within(A - B, 1)) == "abs(a.top1 - b.top1) ≤ 1"
    assert str(Falling((A, B))) == "falling(a.top1, b.top1)"
    assert str(CellValue("a", "top1", GFLOPS)) == "a.gflops"


def test_best_worst_and_ranked_leave_out_the_row_itself() -> None:
    rows = ["a", "b", "c"]
    assert best("a", "top1", rows) == Above(A - largest(B, C), inclusive=True)
    assert worst("a", "top1", rows) == Below(A - smallest(B, C), inclusive=True)
    assert ranked("b", "top1", rows, 2) == Ranked(B, (A, C), 2)
