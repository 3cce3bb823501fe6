"""`reproduce claims`: printed margins and verdicts, with ours where there are results."""

import json
from pathlib import Path

import pytest

from tests.conftest import Output
from tests.reproduce.conftest import TerminalOf


@pytest.fixture(autouse=True)
def no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No results are published."""
    monkeypatch.setattr("reproduce.selection.RESULTS", tmp_path / "results")


def test_claims_of_a_table_are_listed_with_the_verdict_on_its_printed_numbers(output: Output) -> None:
    text = output("claims", "motionformer/table4")
    assert text.startswith("motionformer/table4 at scale tiny: Attention ablations\nM26, section 4.1: Trajectory")
    assert "trajectory.ssv2 - max(joint, divided).ssv2 ≥ 0: printed +2.3 supported; ours not judged: " in text
    assert (
        "trajectory-avg-t.gflops / trajectory.gflops ≤ 0.5 (ours): printed 0.49 supported; ours 0.49 supported" in text
    )


def test_lines_are_indented_where_they_go_on_in_a_terminal(output: Output, terminal: TerminalOf) -> None:
    terminal(80)
    lines = output("claims", "motionformer/table4").splitlines()
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("      ") for line in lines)


def test_claims_of_a_row_are_those_that_name_it(output: Output) -> None:
    text = output("claims", "motionformer/table4:trajectory-avg-t", "--scale", "paper")
    assert "M31," in text and "M32," in text and "M26," not in text
    assert "small models" not in text


def test_json_has_every_table_with_claims(output: Output) -> None:
    tables = json.loads(output("claims", "motionformer/*", "--json"))
    assert len(tables) == 18 and sum(len(table["claims"]) for table in tables) == 62
    [m46] = [one for table in tables for one in table["claims"] if one["claim"] == "M46"]
    assert m46["comparisons"][0]["printed"] == {"margins": [1.7], "verdict": "not supported"}
    assert m46["comparisons"][0]["ours"]["verdict"] == "not judged"


def test_table_without_claims(output: Output) -> None:
    assert output("claims", "motionformer/figure4") == "No claims.\n"
