"""Claims of X-ViT: the verdicts on its printed numbers, one by one."""

import pytest

from tests.experiments.printed_verdicts import NO, UNPRINTED, YES, Expected, check_keys, check_verdicts

# Claim, then verdict and margins of each comparison.
# fmt: off
EXPECTED: Expected = {
    "X1": [(YES, 4.5)],
    "X2": [(UNPRINTED,)],
    "X3": [(UNPRINTED,)],
    "X4": [(UNPRINTED,), (UNPRINTED,), (UNPRINTED,), (UNPRINTED,)],
    "X5": [(UNPRINTED,)],
    "X6": [(YES, 1.9), (YES, 1.4)],
    "X7": [(YES, 17.4)],
    "X8": [(YES, 0.9), (YES, 1.3)],
    "X9": [(YES, 1.8), (YES, 1.8)],
    "X10": [(YES, 0.0)],
    "X11": [(YES, 1.3), (YES, 0.7)],
    "X12": [(YES, 2.6)],
    "X13": [(YES, 0.5), (NO, -0.2)],
    "X14": [(YES, -0.9), (YES, -0.7)],
}
# fmt: on


@pytest.mark.parametrize("key", EXPECTED)
def test_verdict_on_the_printed_numbers(key: str) -> None:
    check_verdicts("xvit", key, EXPECTED)


def test_every_claim_is_expected() -> None:
    check_keys("xvit", EXPECTED)
