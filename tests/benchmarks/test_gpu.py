"""Steps on a GPU: which there are, and that a command goes on where another one stopped."""

import json
from pathlib import Path

import pytest

from benchmarks.gpu import run, steps

WRITE = "import pathlib, sys; pathlib.Path(sys.argv[1]).write_text('x')"


def test_all_tests_on_gpus_measured_tables_and_comparisons_are_steps(tmp_path: Path) -> None:
    names = steps(tmp_path)
    assert {"tests/models/test_gpu.py", "measure motionformer/table3a:exact", "measure xvit/table1"} <= names.keys()
    assert "compare trajectory" in names and not any(name.startswith("measure xvit/table1:") for name in names)
    assert names["measure msca/table1"][-2:] == ("--runs", str(tmp_path))


def test_steps_that_fail_or_last_too_long_are_named_and_run_again(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    record, made, marker = tmp_path / "done.json", tmp_path / "made", tmp_path / "marker"
    todo = {
        "first": ("-c", WRITE, str(made)),
        "second": ("-c", "import sys, pathlib; sys.exit(not pathlib.Path(sys.argv[1]).exists())", str(marker)),
        "third": ("-c", "import time; time.sleep(60)"),
    }
    assert run(todo, record, seconds=3) == 1
    error = capfd.readouterr().err
    assert "second: exit code 1" in error and "third: it did not end within 3 s" in error
    assert made.exists() and json.loads(record.read_text()).keys() == {"first"}
    made.unlink()
    marker.touch()
    assert run({**todo, "third": ("-c", "")}, record) == 0
    assert "1 of 3 steps are done" in capfd.readouterr().out and not made.exists()
