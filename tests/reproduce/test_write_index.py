"""The committed index is that of the tables."""

import json
from pathlib import Path
from typing import cast

import pytest

from experiments.spec.catalog import INDEX, find, read_index
from experiments.spec.scales import PAPER
from reproduce.command import parsed
from reproduce.options import Plan
from reproduce.verbs.plan import plan_json
from reproduce.write_index import index_text
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of
from runner.store.store import RunStore


def test_the_committed_index_is_that_of_the_tables() -> None:
    text = index_text()
    assert json.loads(INDEX.read_text()) == json.loads(text), "`make index` writes it again"
    assert INDEX.read_text() == text


def test_the_assumed_hours_are_those_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    options = cast("Plan", parsed(["plan", "*", "--scale", "paper"]))
    for name in ("motionformer/table8", "cast/table8"):
        plans = plan_json(options, jobs_of(find([name]), PAPER, [], (0,)), RunStore(tmp_path), Resources())
        hours = sum(plan["device_hours_left"] or 0 for plan in plans)
        assert read_index()["tables"][name]["gpu_hours"]["paper"] == pytest.approx(hours, rel=0.01)
