import json
from pathlib import Path

import pytest

from benchmarks.__main__ import main

SMALL = ["--depth", "2", "--width", "32", "--heads", "2", "--frames", "4", "--crop", "64", "--repeats", "1"]


def test_all_comparisons_run_and_are_written_with_how_they_came_about(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "benchmarks.json"
    assert main([*SMALL, "--clips", "2", "--device", "cpu", "--json", str(file)]) == 0
    record = json.loads(file.read_text())
    assert record["commit"] and record["versions"]["torch"] and record["hardware"] and record["sizes"]["clips"] == 2
    names = [pair["name"] for pair in record["pairs"]]
    assert names == [
        "selection of 16 from all candidates",
        "selection of 16 from 4 R candidates",
        "trajectory, forward",
        "trajectory, training step",
        "trajectory, training step, recomputed",
        "trajectory-projected, forward",
        "trajectory-projected, training step",
        "trajectory-projected, training step, recomputed",
        "joint, forward",
        "joint, training step",
        "divided, forward",
        "divided, training step",
    ]
    assert all(pair["published"] > 0 and pair["ours"] > 0 and pair["difference"] < 1e-4 for pair in record["pairs"])
    printed = capsys.readouterr().out.splitlines()
    columns = {line.count("|") for line in printed if line.startswith("|")}
    assert len(columns) == 1


def test_an_unknown_comparison_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["trajectories"])
    assert stop.value.code == 2
    assert "there is no trajectories; choose from selection, trajectory" in capsys.readouterr().err
