"""Claims of the 3D deformable transformer: the verdicts on its printed numbers, and those that are not measured."""

import pytest

from experiments.spec.catalog import load
from reports.claims.claims import in_print
from tests.experiments.printed_verdicts import UNPRINTED, Expected, check_keys, check_verdicts, claims_of

# Claim, then verdict and margins of each comparison. The supplementary prints no number.
EXPECTED: Expected = {
    "D1": [(UNPRINTED,)] * 10,
    "D2": [(UNPRINTED,)],
    "D3": [(UNPRINTED,)] * 11,
    "D5": [(UNPRINTED,)],
    "D6": [(UNPRINTED,)],
    "D7": [(UNPRINTED,)],
    "D8": [(UNPRINTED,)] * 2,
    "D9": [(UNPRINTED,)] * 2,
    "D10": [(UNPRINTED,)] * 2,
}
NOT_MEASURED = {"D11": "deform3d/figureA4", "D12": "deform3d/figureA5", "D13": "deform3d/modalities"}


@pytest.mark.parametrize("key", EXPECTED)
def test_verdict_on_the_printed_numbers(key: str) -> None:
    check_verdicts("deform3d", key, EXPECTED)


def test_neither_table_prints_whether_windows_cover_every_place() -> None:
    of_tables = {table.name: claim for table, claim in claims_of("deform3d") if claim.key == "D4"}
    assert {name: len(claim.comparisons) for name, claim in of_tables.items()} == {
        "deform3d/tableA1": 10,
        "deform3d/tableA2": 11,
    }
    for name, claim in of_tables.items():
        assert {in_print(load(name), comparison)[0] for comparison in claim.comparisons} == {UNPRINTED}


def test_every_claim_is_expected() -> None:
    check_keys("deform3d", {**EXPECTED, "D4": []})
    assert {*EXPECTED, "D4", *NOT_MEASURED} == {f"D{number}" for number in range(1, 14)}


@pytest.mark.parametrize(("key", "table"), NOT_MEASURED.items())
def test_a_claim_that_is_not_measured_is_named_with_the_reason(key: str, table: str) -> None:
    (note,) = (note for note in load(table).notes if note.startswith(f"Claim {key} "))
    assert " is not measured: " in note
