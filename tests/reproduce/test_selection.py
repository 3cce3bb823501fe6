"""Selection by arguments: tables, columns, seeds, and one run of a row."""

import json
from pathlib import Path

import pytest

from experiments.spec.catalog import find
from experiments.spec.scales import PAPER, TINY
from reproduce.command import main, parsed
from reproduce.options import RESULTS, Attention, Jobs
from reproduce.selection import jobs, one_run, resources_of, store_of
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of, runs_of_row
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

T4 = "motionformer/table4"


def of_runs(*words: str) -> Jobs:
    options = parsed(["plan", *words])
    assert isinstance(options, Jobs)
    return options


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_plan_and_status_select_columns(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, T4, "--column", "ssv2", "--runs", str(tmp_path), "--json"]) == 0
    assert {cell.rpartition(".")[2] for one in json.loads(capsys.readouterr().out) for cell in one["cells"]} == {"ssv2"}
    assert main([verb, T4, "--column", "k400,ssv2", "--runs", str(tmp_path), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == len(jobs_of(find([T4]), TINY, [], (0,)))


def test_a_selected_column_needs_only_its_own_data_set(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    for number in range(128):
        (tmp_path / f"{number}.mp4").touch()
    for split in ("train", "val"):
        (tmp_path / f"{split}.csv").write_text("".join(f"{number}.mp4 0\n" for number in range(128)))
    words = ["plan", f"{T4}:joint", "--scale", "paper", "--json", "--data", f"kinetics400={tmp_path}"]
    assert main(words) == 0
    sources = {one["items"]["source"] for one in json.loads(capsys.readouterr().out)}
    assert sources == {"annotation files", "official split sizes"}
    assert main([*words, "--column", "k400"]) == 0
    assert [one["items"]["source"] for one in json.loads(capsys.readouterr().out)] == ["annotation files"]


def test_attention_maps_are_made_only_for_selected_columns(store: RunStore, capsys: pytest.CaptureFixture[str]) -> None:
    for job in jobs_of(find([f"{T4}:trajectory"]), TINY, [], (0,)):
        write_result(store, job.run)
    words = ["run", f"{T4}:trajectory", "motionformer/figure4:ssv2", "--runs", str(store.root), "--column"]
    assert main([*words, "k400"]) == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("next: ")
    assert main([*words, "ssv2"]) == 1
    assert "ssv2: no attention maps: run " in capsys.readouterr().err


def test_selection_of_columns_includes_the_parents_of_their_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["plan", f"{T4}:divided", "--scale", "paper", "--column", "ssv2", "--runs", str(tmp_path), "--json"]
    assert main(words) == 0
    parent, child = json.loads(capsys.readouterr().out)
    assert child["parents"] == {"start": parent["train_id"]}
    assert (parent["cells"], parent["starts"]) == ([], [f"{T4}:divided.ssv2"])


def test_eval_only_excludes_parents() -> None:
    options = of_runs(f"{T4}:divided", "--scale", "paper")
    assert len(jobs(options)) == 3
    assert [job.cell for job in jobs(options, eval_only=True)] == ["divided.k400", "divided.ssv2"]


def test_json_of_show_plan_and_status_contains_the_same_run_ids(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def json_of(*words: str) -> list[dict]:
        assert main([*words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    (shown,) = json_of("show", T4)
    assert [column["key"] for column in shown["columns"]] == ["gflops", "k400", "ssv2"]
    ids = {run["train_id"] for row in shown["rows"] for cell in row["cells"] for run in cell["runs"]}
    planned = json_of("plan", T4, "--runs", str(tmp_path))
    assert {entry["train_id"] for entry in planned} == ids
    assert all(entry["state"] == "not run" and entry["steps"] > 0 for entry in planned)
    states = json_of("status", T4, "--runs", str(tmp_path))
    assert {entry["train_id"] for entry in states} == ids


def test_each_seed_is_a_separate_run() -> None:
    assert of_runs(T4).all_seeds == (0,)
    found = jobs(of_runs(f"{T4}:joint", "--seeds", "0,1,2"))
    assert len(found) == 6
    assert len({job.run.train_id for job in found}) == 6


def test_published_results_do_not_count_as_finished_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert store_of(of_runs(T4)).results == RESULTS and RESULTS.is_dir()
    assert main(["plan", f"{T4}:joint", "--runs", str(tmp_path), "--json"]) == 0
    assert {entry["state"] for entry in json.loads(capsys.readouterr().out)} == {"not run"}


def test_one_run_returns_the_run_of_the_given_or_the_first_tested_column() -> None:
    options = parsed(["attention", f"{T4}:joint", "--out", "a.png", "--scale", "paper"])
    assert isinstance(options, Attention)
    first, ssv2 = one_run(options, None), one_run(options, "ssv2")
    assert (first[0], ssv2[0]) == ("k400", "ssv2")
    assert [one[1] for one in (first, ssv2)] == list(runs_of_row(f"{T4}:joint", PAPER).values())
    (job, *_) = jobs_of(find([f"{T4}:joint"]), PAPER, [], (0,))
    assert first[1] == job.run


def test_resources_are_those_of_the_options() -> None:
    words = ["--data", "a=/a", "--data", "b=/b", "--devices", "2", "--nodes", "3", "--micro-batch", "4"]
    words += ["--workers", "0", "--allow-bad", "5", "--recompute"]
    assert resources_of(of_runs(T4, *words)) == Resources(
        data=(("a", Path("/a")), ("b", Path("/b"))), devices=2, nodes=3, micro_batch=4, workers=0, allow_bad=5,
        recompute=True,
    )  # fmt: skip
    assert resources_of(of_runs(T4)) == Resources()
