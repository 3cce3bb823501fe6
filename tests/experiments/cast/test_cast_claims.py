"""Claims of CAST: the verdicts on its printed numbers, one by one."""

import pytest

from tests.experiments.printed_verdicts import NO, NOISE, UNPRINTED, YES, Expected, check_keys, check_verdicts

# Claim, then verdict and margins of each comparison.
# Both halves of C46 and C47 stand beside figures of their own.
# fmt: off
EXPECTED: Expected = {
    "C1": [(YES, 1.2)],
    "C2": [(YES, 1.8), (YES, 5.0), (YES, 5.8)],
    "C3": [(YES, 4.2)],
    "C4": [(YES, 5.2)],
    "C5": [(YES, 7.0)],
    "C6": [(YES, 9.3)],
    "C7": [(YES, 0.8)],
    "C8": [(YES, 2.08)],
    "C9": [(NOISE, 0.4), (NOISE, 0.4), (NOISE, 0.1)],
    "C10": [(NOISE, 0.1)],
    "C11": [(YES, -0.9), (YES, -0.9), (YES, -1.2)],
    "C12": [(NOISE, 0.2), (NOISE, 0.0), (NOISE, 0.2)],
    "C13": [(UNPRINTED,), (UNPRINTED,), (UNPRINTED,)],
    "C14": [(YES, 0.1, 0.5, 0.7), (YES, 0.5, 0.1, 0.3), (YES, 0.5, 0.3, 0.5)],
    "C15": [(YES, 5.0), (YES, 2.0)],
    "C16": [(YES, 1.3), (NO, -0.2), (YES, 2.0)],
    "C17": [(YES, 2.0), (YES, 5.0)],
    "C18": [(NO, -0.9)],
    "C19": [(NOISE, 0.3), (YES, 1.5), (YES, 0.9)],
    "C20": [(NOISE, -0.9)],
    "C21": [(YES, 0.8)],
    "C22": [(YES, 0.7)],
    "C23": [(NO, -0.05)],
    "C24": [(NOISE, 2)],
    "C25": [(YES, 3.0), (YES, 2.7)],
    "C26": [(YES, 2.1)],
    "C27": [(NOISE, 0.2)],
    "C28": [(YES, 0.8)],
    "C29": [(NO, 0.21)],
    "C30": [(YES, 5.0)],
    "C31": [(YES, 2.9), (YES, 3.6)],
    "C32": [(YES, 2.5), (YES, 3.9)],
    "C33": [(YES, 1.2), (YES, 5.9), (YES, 5.1)],
    "C34": [(NO, 3.2)],
    "C35": [(YES, 0.7)],
    "C36": [(YES, 0.6)],
    "C37": [(YES, 1.2)],
    "C38": [(NOISE, 0.3)],
    "C39": [(NOISE, 0.2)],
    "C40": [(NOISE, 0.6)],  # with the limit of two tied rows
    "C41": [(YES, 0.52)],
    "C42": [(YES, 2.18)],
    "C43": [(UNPRINTED,)],
    "C44": [(UNPRINTED,), (UNPRINTED,)],
    "C45": [(UNPRINTED,)],
    "C46": [(UNPRINTED,)],
    "C47": [(UNPRINTED,)],
}
# fmt: on


@pytest.mark.parametrize("key", EXPECTED)
def test_verdict_on_the_printed_numbers(key: str) -> None:
    check_verdicts("cast", key, EXPECTED)


def test_every_claim_is_expected() -> None:
    check_keys("cast", EXPECTED)
