"""Quantities over cells, and comparisons: verdicts on printed values and on resampled ones."""

import numpy as np
import pytest

from experiments.spec.claims import (
    CellValue,
    Comparison,
    Ours,
    Quantity,
    about,
    above,
    below,
    best,
    cell,
    differs,
    falling,
    harmonic_mean,
    largest,
    mean,
    ranked,
    rising,
    same,
    smallest,
    unbounded,
    within,
    worst,
)
from experiments.spec.metrics import GFLOPS, Evenness
from reports.claims.judge import verdict_on_print
from reports.claims.resampling import p_values

A, B, C, D = (cell(f"{row}.top1") for row in "abcd")
EVEN = Evenness("even", ("top1", "k400"))
ROWS = ["a", "b", "c"]
K400, EK100, SSV2 = 0.54, 0.77, 0.48  # limits of a difference of two printed values


# fmt: off
PRINTED = [
    (about(A, 0.1, 0.05),         [0.1],                    K400,  "noise"),          # the size is right
    (about(A, 1.2, 0.05),         [0.82],                   K400,  "not supported"),
    (about(A, 0.8, 0.05),         [0.8],                    EK100, "supported"),
    (about(A, 7.0, 0.5),          [6.5],                    K400,  "supported"),      # at the edge of rounding
    (above(A, 0.5),               [0.63],                   K400,  "supported"),      # noise is measured from 0
    (above(A, 1.2, inclusive=True), [1.2],                  EK100, "supported"),      # at least
    (above(A),                    [0.1],                    K400,  "noise"),
    (above(A),                    [0.0],                    K400,  "not supported"),
    (above(A, inclusive=True),    [0.0],                    EK100, "noise"),          # a tie is a best value
    (above(A, -1),                [-1.7],                   0.0,   "not supported"),
    (below(A),                    [-5.2],                   EK100, "supported"),
    (below(A),                    [-0.2],                   EK100, "noise"),
    (below(A, 1),                 [0.5],                    K400,  "supported"),      # states no direction
    (below(A, 0.5),               [0.5],                    0.0,   "not supported"),
    (below(A, 0.5, inclusive=True), [0.5],                  0.0,   "supported"),
    (within(A, 1.5),              [-0.9],                   EK100, "noise"),          # its interval crosses 1.5
    (within(A, 1.5),              [0.7],                    EK100, "supported"),
    (within(A, 1.5),              [3.2],                    EK100, "not supported"),
    (within(A, 0.0),              [0.0],                    0.0,   "supported"),
    (differs(A),                  [-0.8],                   K400,  "supported"),
    (differs(A),                  [0.4],                    K400,  "noise"),
    (ranked("a", "top1", ROWS, 2), [49.3, 49.9, 48.6],      0.545, "noise"),          # .6 and .7 from its neighbours
    (ranked("a", "top1", ROWS, 2), [67.0, 67.9, 67.1],      0.545, "not supported"),
    (above(A - largest(B, C)),    [70.6, 70.0, 70.0],       0.38,  "supported"),      # rivals that tie
    (above(A - largest(B, C)),    [70.6, 70.1, 69.9],       0.38,  "noise"),          # the best rival
    (rising((A, B, C)),           [60.0, 61.8, 62.0],       0.34,  "supported"),      # the last step is noise
    (rising((A, B, C, D)),        [47.4, 47.5, 48.0, 48.7], 0.545, "supported"),
    (rising((A, B, C)),           [60.0, 59.9, 62.0],       0.34,  "supported"),      # a step reversed within noise
    (rising((A, B, C)),           [60.0, 59.0, 62.0],       0.34,  "not supported"),
    (rising((A, B, C)),           [60.0, 60.1, 60.2],       0.34,  "noise"),
    (falling((A, B, C, D)),       [76.4, 76.0, 75.6, 74.6], 0.38,  "supported"),
    (falling((A, B)),             [76.0, 76.4],             0.38,  "not supported"),
    (unbounded(A),                [3.2],                    K400,  "no bound"),
]
# fmt: on


@pytest.mark.parametrize(("comparison", "values", "limit", "verdict"), PRINTED, ids=str)
def test_verdict_on_printed_values(comparison: Comparison, values: list[float], limit: float, verdict: str) -> None:
    assert verdict_on_print(comparison, values, [limit] * len(values))[0] == verdict


def normal(center: float, spread: float = 1.0) -> np.ndarray:
    return np.random.default_rng(0).normal(center, spread, 10_000)


# fmt: off
RESAMPLED = [
    (above(A),             [normal(3)],                       "supported"),
    (above(A),             [normal(1)],                       "undecided"),
    (above(A),             [normal(-3)],                      "not supported"),
    (above(A, 2),          [normal(3)],                       "undecided"),
    (below(A),             [normal(-3)],                      "supported"),
    (about(A, 4, 0.5),     [normal(3)],                       "supported"),       # direction, and 4 is in the interval
    (about(A, 4, 0.5),     [normal(1.9)],                     "undecided"),       # the direction is open
    (about(A, 9, 0.5),     [normal(3)],                       "not supported"),   # the direction alone is not enough
    (about(A, 4, 0.5),     [normal(-3)],                      "not supported"),
    (about(A, -3, 0.5),    [normal(-3)],                      "supported"),
    (within(A, 1),         [normal(0)],                       "undecided"),       # not detected is not equal
    (within(A, 1),         [normal(0, 0.3)],                  "supported"),
    (within(A, 1),         [normal(4)],                       "not supported"),
    (within(A, 1),         [normal(-4)],                      "not supported"),
    (differs(A),           [normal(-3)],                      "supported"),
    (differs(A),           [normal(0)],                       "undecided"),       # and never refuted
    (ranked("a", "top1", ["a", "b", "c"], 2), [normal(5), normal(0) * 0, normal(9) * 0 + 20], "supported"),
    (ranked("a", "top1", ["a", "b", "c"], 2), [normal(5), normal(0) * 0, normal(0) * 0 - 9],  "not supported"),
    (rising((A, B, C)),    [normal(0), normal(9), normal(5)], "not supported"),   # same draws: the last step is -4
    (rising((A, B, C)),    [normal(0), normal(2), normal(5)], "supported"),
    (falling((A, B)),      [normal(0), normal(2)],            "not supported"),
    (above(A / B, 1),      [np.array([1.5]), np.array([1.0])], "supported"),      # exact values
    (about(A, 5, 0.5),     [np.array([4.58])],                "supported"),
    (about(A, 5, 0.5),     [np.array([4.4])],                 "not supported"),
]
# fmt: on


@pytest.mark.parametrize(("comparison", "samples", "verdict"), RESAMPLED)
def test_decision_on_resampled_values(comparison: Comparison, samples: list[np.ndarray], verdict: str) -> None:
    p = p_values(comparison, comparison.on(dict(zip(comparison.cells, samples, strict=True)).__getitem__))
    assert verdict == ("supported" if p.support <= 0.05 else "not supported" if p.refute <= 0.05 else "undecided")
    assert not (p.support <= 0.05 and p.refute <= 0.05)


def test_quantities_are_computed_from_cells_and_arrays() -> None:
    even = {CellValue("a", "top1", EVEN): 0.25, CellValue("b", "k400", EVEN): 0.5}
    numbers = {CellValue("a", "top1"): 8.0, CellValue("b", "top1"): 2.0, CellValue("c", "top1"): 4.0, **even}
    values: list[tuple[Quantity, float, str]] = [
        (A - B, 6, "a.top1 - b.top1"),
        (A / B, 4, "a.top1 / b.top1"),
        ((A - B) - (C - B), 4, "(a.top1 - b.top1) - (c.top1 - b.top1)"),
        (A - largest(B, C), 4, "a.top1 - max(b, c).top1"),
        (smallest(A, C), 4, "min(a, c).top1"),
        (mean(A - B, C), 5, "mean(a.top1 - b.top1, c.top1)"),
        (harmonic_mean(B, C), 8 / 3, "harmonic mean(b, c).top1"),
        (largest(cell("a.top1", EVEN), cell("b.k400", EVEN)), 0.5, "max(a, b).even"),
    ]
    for quantity, value, text in values:
        assert quantity.of(numbers.__getitem__) == pytest.approx(value)
        assert quantity.text == text
    assert (A - B).cells == (*A.cells, *B.cells) == mean(A - B, B).cells
    arrays = {CellValue("a", "top1"): np.array([1.0, 5.0]), CellValue("b", "top1"): np.array([2.0, 3.0])}
    assert np.array_equal((A - largest(B, B)).of(arrays.__getitem__), [-1, 2])


def test_texts_state_the_comparison_and_whose_bound_it_is() -> None:
    assert str(above(A - B)) == "a.top1 - b.top1 > 0"
    assert str(below(A / B, Ours(0.5), inclusive=True)) == "a.top1 / b.top1 ≤ 0.5 (ours)"
    assert str(about(A, 4, 0.5)) == "a.top1 ≈ 4 ± 0.5"
    assert str(within(A - B, 1)) == "abs(a.top1 - b.top1) ≤ 1"
    assert str(falling((A, B))) == "falling(a.top1, b.top1)"
    assert str(same(A, B)) == "a.top1 = b.top1" and str(differs(A)) == "a.top1 ≠ 0"
    assert str(ranked("b", "top1", ROWS, 2)) == "place(b.top1) = 2"
    assert cell("a.top1", GFLOPS).text == "a.gflops"


def test_best_and_worst_leave_out_the_row_itself() -> None:
    assert str(best("a", "top1", ROWS)) == "a.top1 - max(b, c).top1 ≥ 0"
    assert str(worst("a", "top1", ROWS)) == "a.top1 - min(b, c).top1 ≤ 0"
