"""What arguments select: tables, columns, seeds, one run of a row."""

import argparse
import json
from pathlib import Path

import pytest

from experiments.runner.files import write_atomically
from experiments.runner.jobs import jobs_of
from experiments.runner.store import RunStore
from experiments.spec.catalog import find
from experiments.spec.scales import PAPER, TINY
from reproduce.command import main, parser
from reproduce.selection import RESULTS, jobs, one_run, runs_of_row, seeds_of, store_of

T4 = "motionformer/table4"


def parsed(*words: str) -> argparse.Namespace:
    return parser().parse_args(words)


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_the_verbs_that_look_take_columns(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, T4, "--column", "ssv2", "--runs", str(tmp_path), "--json"]) == 0
    assert {cell.rpartition(".")[2] for one in json.loads(capsys.readouterr().out) for cell in one["cells"]} == {"ssv2"}
    assert main([verb, T4, "--column", "k400,ssv2", "--runs", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(jobs_of(find([T4]), TINY, [], (0,)))


def test_one_data_set_is_enough_for_its_column(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    (tmp_path / "a.mp4").touch()
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text("a.mp4 0\n" * 128)
    words = ["plan", f"{T4}:joint", "--scale", "paper", "--json", "--data", f"kinetics400={tmp_path}"]
    assert main(words) == 0
    assert any("where is ssv2?" in str(one["problem"]) for one in json.loads(capsys.readouterr().out))
    assert main([*words, "--column", "k400"]) == 0
    assert [one["problem"] for one in json.loads(capsys.readouterr().out)] == [None]


def test_a_run_under_an_unknown_column_is_a_mistake_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", T4, "--column", "gflops", "--runs", str(tmp_path)]) == 2
    assert "there are k400, ssv2" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_maps_of_what_was_not_chosen_are_not_asked_for(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = {"top1": 10.0, "videos": {"evaluated": 10, "failed": 0, "missing": 0}, "seconds": 1.0}
    for job in jobs_of(find([f"{T4}:trajectory"]), TINY, [], (0,)):
        write_atomically(store.run(job.run.train_id).metrics(job.run.eval_id), json.dumps(metrics))
    words = ["run", f"{T4}:trajectory", "motionformer/figure4:ssv2", "--runs", str(store.root), "--column"]
    assert main([*words, "k400"]) == 0
    assert capsys.readouterr().err == ""
    assert main([*words, "ssv2"]) == 1
    assert "ssv2: no attention maps: run " in capsys.readouterr().err


def test_columns_of_several_tables_keep_the_parents_of_their_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["plan", f"{T4}:divided", "--scale", "paper", "--column", "ssv2", "--runs", str(tmp_path), "--json"]
    assert main(words) == 0
    parent, child = json.loads(capsys.readouterr().out)
    assert child["parents"] == {"start": parent["train_id"]}
    assert (parent["cells"], parent["starts"]) == ([], [f"{T4}:divided.ssv2"])


def test_tests_alone_need_no_parents() -> None:
    words = ("plan", f"{T4}:divided", "--scale", "paper")
    assert len(jobs(parsed(*words))) == 3
    assert [job.cell for job in jobs(parsed(*words, "--eval-only"))] == ["divided.k400", "divided.ssv2"]


def test_json_of_the_looking_verbs_parses_and_names_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def answer(*words: str) -> list[dict]:
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    (shown,) = answer("show", T4)
    assert [column["key"] for column in shown["columns"]] == ["gflops", "k400", "ssv2"]
    ids = {run["train_id"] for row in shown["rows"] for cell in row["cells"] for run in cell["runs"]}
    planned = answer("plan", T4, "--runs", str(tmp_path))
    assert {entry["train_id"] for entry in planned} == ids
    assert all(entry["state"] == "not run" and entry["steps"] > 0 for entry in planned)
    states = answer("status", T4, "--runs", str(tmp_path))
    assert {entry["train_id"] for entry in states} == ids


def test_several_seeds_are_several_runs() -> None:
    assert seeds_of(parsed("plan", T4, "--seeds", "2,0")) == (2, 0)
    assert seeds_of(parsed("plan", T4)) == (0,)
    found = jobs(parsed("plan", f"{T4}:joint", "--seeds", "0,1,2"))
    assert len(found) == 6
    assert len({job.run.train_id for job in found}) == 6


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ("0;1", "write whole numbers with commas, e.g. --seeds 0,1,2"),
        ("1.5", "write whole numbers with commas"),
        ("-1", "seeds are 0 or more"),
        ("1,1", "names a seed twice"),
    ],
)
def test_wrong_seeds_are_named(seeds: str, message: str) -> None:
    with pytest.raises(ValueError, match=f"--seeds '{seeds}'.*{message}"):
        seeds_of(parsed("plan", T4, f"--seeds={seeds}"))


def test_a_published_result_is_no_result_of_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert store_of(parsed("plan", T4)).results == RESULTS and RESULTS.is_dir()
    assert main(["plan", f"{T4}:joint", "--runs", str(tmp_path), "--json"]) == 0
    assert {entry["state"] for entry in json.loads(capsys.readouterr().out)} == {"not run"}


def test_one_run_of_a_row_is_that_under_its_column_or_the_first_that_is_tested() -> None:
    options = parsed("attention", f"{T4}:joint", "--out", "a.png", "--scale", "paper")
    first, ssv2 = one_run(options, None), one_run(options, "ssv2")
    assert (first[0], ssv2[0]) == ("k400", "ssv2")
    assert [one[1] for one in (first, ssv2)] == list(runs_of_row(options, f"{T4}:joint").values())
    (job, *_) = jobs_of(find([f"{T4}:joint"]), PAPER, [], (0,))
    assert first[1] == job.run


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (T4, "'motionformer/table4' is not one row; name it as paper/table:row"),
        (f"{T4}:trajectory*", "is not one row"),
        ("motionformer/table2*:*", "is not one row"),
        ("motionformer/table6b:i3d", "is quoted from another paper: it has no run"),
        ("motionformer/table1:motionformer", "has no run: no column is tested"),
    ],
)
def test_what_is_not_one_row_with_a_run_is_named(row: str, message: str) -> None:
    with pytest.raises(ValueError) as error:
        one_run(parsed("attention", row, "--out", "a.png"), None)
    assert message in str(error.value)
