"""Claims of Motionformer: the verdicts on its printed numbers, one by one."""

import pytest

from experiments.spec.catalog import captions, load
from reports.claims.claims import in_print

TABLES = [load(name) for name in captions() if name.startswith("motionformer/")]
CLAIMS = {claim.key: (table, claim) for table in TABLES for claim in table.claims}

YES, NO, NOISE, UNPRINTED = "supported", "not supported", "noise", "not printed"
# Claim, then verdict and margin of each comparison: several for a trend, None for texts and unprinted values.
# fmt: off
EXPECTED = (
    ("M1",  (YES, None), (YES, None), (YES, None)),
    ("M2",  (NOISE, 0.3), (YES, 0.7)),
    ("M3",  (YES, 1.0)),
    ("M4",  (YES, 0.7)),
    ("M5",  (NOISE, 0.5), (YES, 2.5)),
    ("M6",  (YES, 0.27)),
    ("M7",  (YES, 0.1), (NOISE, 0.7)),
    ("M8",  (NO, 3.2)),
    ("M9",  (YES, 0.7)),
    ("M10", (NOISE, 0.5), (YES, 5.0)),
    ("M11", (NOISE, 0.5), (YES, 2.5)),
    ("M12", (YES, 2.5)),
    ("M13", (YES, 3.1)),
    ("M14", (YES, 0.0), (YES, -0.2)),
    ("M15", (YES, 0.95)),
    ("M16", (YES, 0.71)),
    ("M17", (YES, 0.49)),
    ("M18", (UNPRINTED, None)),
    ("M19", (YES, 1.0), (YES, 1.3)),
    ("M20", (YES, -0.7), (YES, -2.2)),
    ("M21", (YES, (1.0, 2.6)), (YES, (3.8, 0.8))),
    ("M22", (YES, 4.1)),
    ("M23", (NOISE, 0.2), (YES, 2.3)),
    ("M24", (YES, 2.3)),
    ("M25", (YES, 4.58)),
    ("M26", (NOISE, 0.5), (YES, 2.3)),
    ("M27", (YES, 2.3)),
    ("M28", (YES, 0.5)),
    ("M29", (YES, 2.0)),
    ("M30", (YES, 2.5), (YES, 5.6)),
    ("M31", (YES, 3.7), (YES, 6.5)),
    ("M32", (YES, 0.49)),
    ("M33", (YES, 1.99)),
    ("M34", (NOISE, 0.1)),
    ("M35", (NO, -2.82), (YES, 1.33), (YES, 0.14), (NOISE, 1.79), (YES, 0.06)),
    ("M36", (NOISE, 0.29)),
    ("M37", (UNPRINTED, None)),
    ("M38", (YES, 0.49)),
    ("M39", (YES, 0.46)),
    ("M40", (YES, 1.0)),
    ("M41", (YES, 1.0)),
    ("M42", (YES, 1.1)),
    ("M43", (NO, -0.2), (NOISE, 0.1)),
    ("M44", (NO, -0.2)),
    ("M45", (NOISE, 0.5)),
    ("M46", (NO, 1.7)),
    ("M47", (NO, 3)),  # place
    ("M48", (NO, -1.1)),
    ("M49", (NO, 3)),
    ("M50", (NOISE, 0.3), (NOISE, 0.3)),
    ("M51", (YES, 22.2)),
    ("M52", (YES, 6.5)),
    ("M53", (YES, 39.4)),
    ("M54", (YES, 32.9)),
    ("M55", (NO, -1.7)),
    ("M56", (NO, 0.5)),
    ("M57", *[(UNPRINTED, None)] * 4),
    ("M58", (UNPRINTED, None)),
    ("M59", (UNPRINTED, None)),
    ("M60", (NO, 3.17)),
    ("M61", (YES, (416, 416))),
    ("M62", (YES, -7.7)),
)
# fmt: on


@pytest.mark.parametrize("expected", EXPECTED, ids=lambda expected: expected[0])
def test_verdict_on_the_printed_numbers(expected: tuple) -> None:
    key, *comparisons = expected
    table, claim = CLAIMS[key]
    assert len(claim.comparisons) == len(comparisons)
    for comparison, (verdict, margins) in zip(claim.comparisons, comparisons, strict=True):
        found, found_margins = in_print(table, comparison)
        assert found == verdict, comparison
        shown = () if margins is None else margins if isinstance(margins, tuple) else (margins,)
        assert found_margins == pytest.approx(shown, abs=0.01)


def test_every_claim_is_expected_once_and_stands_beside_its_table() -> None:
    keys = [claim.key for table in TABLES for claim in table.claims]
    assert sorted(keys) == sorted(expected[0] for expected in EXPECTED)
    assert len(set(keys)) == len(keys)
