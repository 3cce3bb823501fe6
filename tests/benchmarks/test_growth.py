"""Fitted growth with the length of a sequence."""

from dataclasses import replace

import pytest

from benchmarks.growth import exponent, growth
from benchmarks.timing import Pair, Timing

PAIR = Pair(
    name="sequences-10 exact, training step",
    precision="float32",
    clips=0,
    published=(Timing(1.0, None),),
    ours=(Timing(1.0, None),),
    aim=None,
    difference=None,
    published_memory=None,
    ours_memory=None,
    ours_by_flops=None,
    published_saved=100,
    ours_saved=10,
    length=10,
)
TWICE = replace(
    PAIR,
    name="sequences-20 exact, training step",
    published=(Timing(4.0, None),),
    ours=(Timing(2.0, None),),
    published_saved=400,
    ours_saved=20,
    length=20,
)


def test_exponents_are_slopes_of_logarithms() -> None:
    assert exponent([1, 2, 4], [3, 12, 48]) == pytest.approx(2)


def test_lengths_of_one_computation_are_fitted_together() -> None:
    other = replace(PAIR, name="joint, forward", length=None)
    (line,) = growth([PAIR, other, TWICE])
    assert line == (
        "- sequences exact, training step, float32: time N^1.00, published N^2.00; saved bytes N^1.00, published N^2.00"
    )


def test_a_single_length_has_no_growth() -> None:
    assert growth([PAIR]) == []
