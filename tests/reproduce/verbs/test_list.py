"""`reproduce list`: tables with rows, progress, cost and data sets."""

import json
from pathlib import Path

import pytest

from experiments.spec.catalog import captions
from reports.pages.table_texts import PUBLISHED_SIGN
from reproduce.verbs import list as list_verb
from reproduce.verbs.list import progress
from tests.conftest import Output
from tests.reproduce.conftest import TerminalOf

TABLE = "motionformer/table8"


def test_all_tables_are_listed(output: Output) -> None:
    lines = {line.split()[0]: line for line in output("list").splitlines()[2:] if "/" in line.split(" ")[0]}
    assert set(lines) == set(captions()) and all(caption in lines[name] for name, caption in captions().items())


def test_a_paper_a_glob_or_a_name_without_a_paper_selects(output: Output) -> None:
    def names(*words: str) -> set[str]:
        return {entry["name"] for entry in json.loads(output("list", *words, "--json"))}

    assert names("msca") == {name for name in captions() if name.startswith("msca/")}
    assert names("motionformer/table2*") == {"motionformer/table2a", "motionformer/table2b"}
    assert names("table2a", TABLE) == {"motionformer/table2a", TABLE}


def test_rows_progress_cost_and_data_sets_are_shown(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_verb, "RESULTS", tmp_path / "published")
    (line,) = [line for line in output("list", TABLE).splitlines() if line.startswith(TABLE)]
    assert line.split("  ")[0] == TABLE and " 0/4 " in line and "kinetics400, ssv2" in line
    (entry,) = json.loads(output("list", TABLE, "--json", "--scale", "paper"))
    assert (entry["rows"], entry["done"], entry["published"], entry["total"]) == (2, 0, 0, 4)
    assert entry["hours"] == 0 and entry["gpu_hours"] > 10
    (line,) = [line for line in output("list", TABLE, "--scale", "paper").splitlines() if line.startswith(TABLE)]
    assert f" {entry['gpu_hours']:.0f} h " in line


def test_published_results_are_marked_as_in_reports(output: Output) -> None:
    assert list_verb.PUBLISHED_SIGN == PUBLISHED_SIGN
    lines = output("list", TABLE).splitlines()
    assert f" 4/4 {PUBLISHED_SIGN} " in lines[2]
    assert f"{PUBLISHED_SIGN}: some are published, not run here" in lines[-1]


@pytest.mark.parametrize(("width", "shows_data"), [(60, False), (80, False), (120, True), (160, True)])
def test_a_terminal_shows_the_words_that_fit(
    width: int, shows_data: bool, output: Output, terminal: TerminalOf
) -> None:
    whole = output("list").splitlines()
    assert all("…" not in line for line in whole)
    terminal(width)
    lines = output("list").splitlines()
    assert max(map(len, lines)) <= width and any("…" in line for line in lines)
    assert lines[0].endswith("data" if shows_data else "caption")
    assert any("a wider terminal" in line for line in lines) != shows_data
    words = set(" ".join(whole).split())
    assert all(word.strip("…") in words | {""} for line in lines[2:-3] for word in line.split())


def test_the_place_of_a_released_file_has_a_line_of_its_own(output: Output) -> None:
    lines = output("list", "motionformer", "--weights").splitlines()
    assert lines[2].split() == ["k400_joint_224_16x4.pyth", "motionformer/table4:joint", "(k400)"]
    assert lines[3].startswith("  not imported; not here: https://") and max(map(len, lines)) <= 110


def write(folder: Path, train_id: str, file: str, **content: object) -> None:
    path = folder / train_id / "metrics" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def numbers(tests: list[str], runs: dict[str, Path], results: Path) -> tuple[float, ...]:
    return tuple(progress(tests, runs, results).values())


def test_progress_counts_tests_with_a_result_and_each_training_once(tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results"
    tests = ["one/a", "one/b", "two/a", "three/a", "four/a"]
    assert numbers(tests, {}, results) == (0, 0, 5, 0.0)
    write(runs, "one", "a.json", seconds=9000, device_hours=2.0)  # trained and tested by one process
    write(runs, "one", "b.json", seconds=1800, device_hours=2.0)  # tested by another one
    write(results, "two", "a.json", seconds=3600, device_hours=None)
    write(results, "three", "a.released.json", seconds=360)
    assert numbers(tests, {"one": runs / "one"}, results) == (4, 2, 5, pytest.approx(2.5 + 0.5 + 1.0 + 0.1))


@pytest.mark.parametrize(
    ("result", "hours"),
    [
        ({"seconds": 9000, "devices": 8, "device_hours": 16.0}, 20.0),
        ({"seconds": 3600, "devices": 1, "device_hours": 16.0}, 16.0),  # resumed: most was trained by other processes
        ({"seconds": 9000, "device_hours": 2.0, "rescored_from": "b"}, 2.0),
        ({"seconds": 9000, "combined_from": [{}]}, 0.0),
    ],
)
def test_hours_are_those_of_devices_and_none_is_counted_twice(
    tmp_path: Path, result: dict[str, object], hours: float
) -> None:
    write(tmp_path, "one", "a.json", **result)
    assert progress(["one/a"], {"one": tmp_path / "one"}, tmp_path / "none")["hours"] == pytest.approx(hours)


def test_a_result_made_here_precedes_a_published_one_and_a_damaged_file_has_no_hours(tmp_path: Path) -> None:
    runs, results = tmp_path / "runs", tmp_path / "results"
    write(runs, "one", "a.json", seconds=3600)
    write(results, "one", "a.json", seconds=7200)
    here = {"one": runs / "one"}
    assert numbers(["one/a"], here, results) == (1, 0, 1, 1.0)
    (runs / "one/metrics/a.json").write_text("{")
    assert numbers(["one/a"], here, results) == (1, 0, 1, 0.0)
