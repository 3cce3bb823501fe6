"""Verdicts on the printed numbers of every claim, pinned: each comparison's verdict and its numbers."""

import json
from pathlib import Path

import pytest

from experiments.spec.catalog import captions, load
from reports.claims.judge import in_print

PINNED: dict[str, list[list[str | float]]] = json.loads(
    Path(__file__).with_name("printed_verdicts.json").read_text(encoding="utf-8")
)
CLAIMS = {f"{name}:{claim.key}": (load(name), claim) for name in captions() for claim in load(name).claims}
# Numbers of claims in the sheets of facts that no table judges; the README of each paper says why.
NOT_JUDGED = {"motionformer": "M63 M64 M65 M66 M67", "deform3d": "D11 D12 D13", "xvit": "X15 X19"}


@pytest.mark.parametrize("name", CLAIMS)
def test_printed_verdict_is_the_pinned_one(name: str) -> None:
    table, claim = CLAIMS[name]
    found = [in_print(table, comparison) for comparison in claim.comparisons]
    assert [verdict for verdict, _ in found] == [verdict for verdict, *_ in PINNED[name]], found
    for (_, numbers), (_, *pinned) in zip(found, PINNED[name], strict=True):
        assert list(numbers) == pytest.approx(pinned, abs=1e-6)


def test_every_pinned_claim_exists_and_keys_name_one_claim_of_a_table() -> None:
    assert CLAIMS.keys() == PINNED.keys()


@pytest.mark.parametrize(("paper", "keys"), NOT_JUDGED.items())
def test_the_readme_says_which_claims_are_not_judged(paper: str, keys: str) -> None:
    text = (Path(__file__).parents[2] / "experiments" / paper / "README.md").read_text(encoding="utf-8")
    assert all(key in text for key in keys.split())
