"""Claims of MSCA: the verdicts on its printed numbers, one by one."""

import pytest

from tests.experiments.printed_verdicts import NO, NOISE, UNPRINTED, YES, Expected, check_keys, check_verdicts

# Claim, then verdict and margins of each comparison.
# fmt: off
EXPECTED: Expected = {
    "S1": [(NOISE, 0.1)],
    "S2": [(NO, 0.82)],
    "S3": [(NOISE, 0.1)],
    "S4": [(UNPRINTED,), (UNPRINTED,)],
    "S5": [(NOISE, 0.4), (NOISE, 0.27)],
    "S6": [(YES, -0.4, -0.41, -0.94), (YES, -0.27, -0.31, -0.39)],
    "S7": [(YES, 0.82)],
    "S8": [(NOISE, 0.63)],  # beyond the limit of two rows, 0.57, but not of the largest of six
    "S9": [(YES, 0.19), (YES, 0.11), (YES, -0.07), (YES, -0.18), (YES, -0.08), (YES, 0.13)],
    "S10": [(YES, 0.02), (YES, 0.0)],
    "S11": [(YES, -0.07), (YES, -0.11)],
    "S12": [(YES, 0.73)],
    "S13": [(NOISE, 0.07), (NOISE, 0.14)],
    "S14": [(YES, -0.28, -0.23, -0.55)],
    "S15": [(NOISE, 0.07)],
    "S16": [(NOISE, 0.51), (NOISE, 0.48)],
    "S17": [(YES, -0.02), (YES, 0.09)],
}
# fmt: on


@pytest.mark.parametrize("key", EXPECTED)
def test_verdict_on_the_printed_numbers(key: str) -> None:
    check_verdicts("msca", key, EXPECTED)


def test_every_claim_is_expected() -> None:
    check_keys("msca", EXPECTED)
