"""The committed index is that of the tables; progress is counted from files of results."""

import json
import math
from pathlib import Path

import pytest

from experiments.spec.catalog import INDEX, find, read_index
from experiments.spec.scales import PAPER
from experiments.spec.scales import SCALES as ALL_SCALES
from reproduce.table_index import SCALES, Progress, progress
from reproduce.verbs.plan import Plan
from reproduce.write_index import index_text


def test_the_committed_index_is_that_of_the_tables() -> None:
    assert json.loads(INDEX.read_text()) == json.loads(index_text()), "`make index` writes it again"
    assert INDEX.read_text() == index_text()


def test_the_scales_of_the_index_are_those_of_the_tables() -> None:
    assert set(SCALES) == set(ALL_SCALES)
    assert all(set(entry["runs"]) == set(SCALES) for entry in read_index()["tables"].values())


def test_the_assumed_hours_are_those_of_the_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reproduce.command import parser
    from reproduce.selection import resources_of
    from runner.measure.device_time import assumed_speed
    from runner.store.jobs import jobs_of
    from runner.store.store import RunStore

    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    for name in ("motionformer/table8", "cast/table8"):
        resources = resources_of(parser().parse_args(["plan", name, "--scale", "paper"]))
        plan = Plan(jobs_of(find([name]), PAPER, [], (0,)), RunStore(tmp_path), resources, speed=assumed_speed())
        assert read_index()["tables"][name]["gpu_hours"] == pytest.approx(plan.device_hours, rel=0.01)


def write(folder: Path, train_id: str, file: str, **content: object) -> None:
    path = folder / train_id / "metrics" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def test_progress_counts_tests_with_a_result_and_each_training_once(tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results"
    tests = ["one/a", "one/b", "two/a", "three/a", "four/a"]
    assert progress(tests, runs, results) == Progress(0, 0, 5, 0.0)
    write(runs, "one", "a.json", seconds=9000, device_hours=2.0)  # trained and tested by one process
    write(runs, "one", "b.json", seconds=1800, device_hours=2.0)  # tested by another one
    write(results, "two", "a.json", seconds=3600, device_hours=None)
    write(results, "three", "a.released.json", seconds=360)
    assert progress(tests, runs, results) == Progress(4, 2, 5, pytest.approx(2.5 + 0.5 + 1.0 + 0.1))  # pyright: ignore


@pytest.mark.parametrize(
    ("result", "hours"),
    [
        ({"seconds": 9000, "devices": 8, "device_hours": 16.0}, 20.0),
        ({"seconds": 3600, "devices": 1, "device_hours": 16.0}, 16.0),  # resumed: most was trained by other processes
        ({"seconds": 9000, "device_hours": 2.0, "rescored_from": "b"}, 2.0),
        ({"seconds": 9000, "combined_from": [{}]}, 0.0),
        ({"seconds": "x", "devices": [1], "device_hours": 2.0}, 2.0),
        ({"seconds": 3600, "devices": math.inf, "device_hours": math.nan}, 1.0),
    ],
)
def test_hours_are_those_of_devices_and_none_is_counted_twice(
    tmp_path: Path, result: dict[str, object], hours: float
) -> None:
    write(tmp_path, "one", "a.json", **result)
    assert progress(["one/a"], tmp_path, tmp_path / "none").hours == pytest.approx(hours)


def test_a_result_made_here_precedes_a_published_one_and_a_damaged_file_has_no_hours(tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results"
    write(runs, "one", "a.json", seconds=3600)
    write(results, "one", "a.json", seconds=7200)
    assert progress(["one/a"], runs, results) == Progress(1, 0, 1, 1.0)
    (runs / "one/metrics/a.json").write_text("{")
    assert progress(["one/a"], runs, results) == Progress(1, 0, 1, 0.0)
