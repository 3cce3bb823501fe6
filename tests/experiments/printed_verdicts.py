"""Verdicts on the printed numbers of a paper's claims, for the tests of each paper."""

from collections.abc import Mapping, Sequence

import pytest

from experiments.spec.catalog import captions, load
from experiments.spec.claims import Claim
from experiments.spec.table import Table
from reports.claims.claims import in_print

YES, NO, NOISE, UNPRINTED = "supported", "not supported", "noise", "not printed"

# Verdict and margins of each comparison of a claim, by the key of the claim.
Expected = Mapping[str, Sequence[tuple[str | float, ...]]]


def claims_of(paper: str) -> list[tuple[Table, Claim]]:
    """Claims of all tables of a paper. A claim may stand beside several tables, with a comparison each."""
    tables = [load(name) for name in captions() if name.startswith(f"{paper}/")]
    return [(table, claim) for table in tables for claim in table.claims]


def check_verdicts(paper: str, key: str, expected: Expected) -> None:
    """Check the verdicts on a claim, wherever it stands."""
    for table, claim in claims_of(paper):
        if claim.key == key:
            found = [in_print(table, comparison) for comparison in claim.comparisons]
            assert [verdict for verdict, _ in found] == [verdict for verdict, *_ in expected[key]]
            for (_, margins), (_, *wanted) in zip(found, expected[key], strict=True):
                assert list(margins) == pytest.approx(wanted, abs=0.01)


def check_keys(paper: str, expected: Expected) -> None:
    """Check that verdicts on all claims of a paper are expected."""
    assert sorted({claim.key for _, claim in claims_of(paper)}) == sorted(expected)
