"""Values that follow from a config are computed once for a version of the code."""

import json
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from experiments.spec.run import RunConfig
from runner.measure import computed_values
from runner.measure.computed_values import CACHE, cache_folder, code_digest, computed

CALLS: list[str] = []


def width(run: RunConfig) -> float:
    CALLS.append("width")
    return run.model.width / 3  # type: ignore[attr-defined]


def text(part: str, run: RunConfig) -> str:
    CALLS.append(part)
    return f"{part} {run.seed}"


@pytest.fixture(autouse=True)
def no_calls() -> None:
    CALLS.clear()
    computed_values._kept.cache_clear()


def in_another_process() -> None:
    computed_values._kept.cache_clear()


def test_a_value_is_computed_once_for_a_run_and_a_protocol(small_run: RunConfig) -> None:
    first = computed("width", width, small_run)
    in_another_process()
    assert computed("width", width, small_run) == first == width(small_run)
    assert len(CALLS) == 2  # the first call and the direct one
    computed("width", width, replace(small_run, seed=1))
    computed("width", width, replace(small_run, evaluation=replace(small_run.evaluation, views=7)))
    assert len(CALLS) == 4


def test_functions_are_distinguished_by_the_name_of_the_value(small_run: RunConfig) -> None:
    for _ in range(2):
        assert computed("left", partial(text, "left"), small_run) == "left 0"
        assert computed("right", partial(text, "right"), small_run) == "right 0"
    assert CALLS == ["left", "right"]


def test_functions_within_functions_are_computed_each_time(small_run: RunConfig) -> None:
    def plus(number: float) -> float:
        return computed("same", lambda run: run.seed + number, small_run)

    assert [plus(1.0), plus(2.0)] == [1.0, 2.0]


def test_other_code_computes_again(small_run: RunConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    computed("width", width, small_run)
    monkeypatch.setattr(computed_values, "code_digest", lambda: "other")
    computed("width", width, small_run)
    assert len(CALLS) == 2


def test_the_digest_is_that_of_all_source_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {file.name for file in computed_values._source_files()}
    assert {"trunk.py", "sizes.py", "metrics.py", "table4.py", "paper.py", "optim.py"} <= names
    file = tmp_path / "a.py"
    monkeypatch.setattr(computed_values, "_source_files", lambda: iter([file]))
    digests = []
    for content in ("x = 1", "x = 2", "x = 1"):
        file.write_text(content)
        digests.append(code_digest.__wrapped__())
    assert digests[0] == digests[2] != digests[1]


def test_a_damaged_file_and_a_folder_that_cannot_be_written_cost_only_time(
    small_run: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = cache_folder() / f"{code_digest()}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{")
    assert computed("width", width, small_run) == width(small_run)
    assert len(json.loads(file.read_text())) == 1
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv(CACHE, str(tmp_path / "file" / "cache"))
    assert computed("width", width, small_run) == width(small_run)


def test_files_of_old_code_are_removed(small_run: RunConfig) -> None:
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    old, recent = folder / "old.json", folder / "recent.json"
    for file in (old, recent):
        file.write_text("{}")
    os.utime(old, (0, time.time() - computed_values.SECONDS_KEPT - 1))
    computed("width", width, small_run)
    assert not old.exists() and recent.exists()
