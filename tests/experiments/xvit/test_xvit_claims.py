"""Claims of X-ViT: the verdicts on its printed numbers, one by one."""

import pytest

from experiments.spec.catalog import captions, load
from reports.claims import in_print

TABLES = [load(name) for name in captions() if name.startswith("xvit/")]
CLAIMS = {claim.key: (table, claim) for table in TABLES for claim in table.claims}

YES, NO, NOISE, UNPRINTED = "supported", "not supported", "noise", "not printed"
# Claim, then verdict and margins of each comparison.
# fmt: off
EXPECTED = {
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
    table, claim = CLAIMS[key]
    found = [in_print(table, comparison) for comparison in claim.comparisons]
    assert [verdict for verdict, _ in found] == [verdict for verdict, *_ in EXPECTED[key]]
    for (_, margins), (_, *expected) in zip(found, EXPECTED[key], strict=True):
        assert list(margins) == pytest.approx(expected, abs=0.01)


def test_every_claim_is_expected() -> None:
    assert sorted(CLAIMS) == sorted(EXPECTED)
