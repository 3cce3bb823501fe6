"""Selection by arguments: tables, columns, seeds, and one run of a row."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.spec.catalog import find
from experiments.spec.scales import PAPER, TINY
from reproduce.command import parsed
from reproduce.options import RESULTS, Attention, Evaluate, Jobs
from reproduce.selection import jobs, resources_of, store_of
from reproduce.verbs.one_run import one_run
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of, runs_of_row
from runner.store.store import RunStore
from tests.conftest import Reproduce
from tests.runner.stored_metrics import write_result

T4 = "motionformer/table4"


def of_runs(*words: str) -> Jobs:
    options = parsed(["plan", *words])
    assert isinstance(options, Jobs)
    return options


@pytest.mark.parametrize("verb", ["plan", "status"])
def test_plan_and_status_select_columns(verb: str, reproduce: Reproduce) -> None:
    for columns in ("ssv2", "k400,ssv2"):
        found = json.loads(reproduce(verb, T4, "--column", columns, "--json").out)
        shown = {cell.rpartition(".")[2] for one in found for cell in one["cells"]}
        assert shown == set(columns.split(","))


def test_attention_maps_are_made_only_for_selected_columns(store: RunStore, reproduce: Reproduce) -> None:
    for job in jobs_of(find([f"{T4}:trajectory"]), TINY, [], (0,)):
        write_result(store, job.run)
    words = ["run", f"{T4}:trajectory", "motionformer/figure4:ssv2", "--runs", store.root, "--column"]
    other, selected = reproduce(*words, "k400"), reproduce(*words, "ssv2")
    assert other.code == 0 and other.err.startswith("next: ")
    assert selected.code == 1 and "ssv2: no attention maps: run " in selected.err


def test_eval_only_excludes_parents() -> None:
    options = of_runs(f"{T4}:divided", "--scale", "paper")
    assert len(jobs(options)) == 3
    assert [job.cell for job in jobs(options, eval_only=True)] == ["divided.k400", "divided.ssv2"]


def test_json_of_show_plan_and_status_contains_the_same_run_ids(reproduce: Reproduce) -> None:
    (shown,), planned, states = (json.loads(reproduce(verb, T4, "--json").out) for verb in ("show", "plan", "status"))
    assert [column["key"] for column in shown["columns"]] == ["gflops", "k400", "ssv2"]
    ids = {run["train_id"] for row in shown["rows"] for cell in row["cells"] for run in cell["runs"]}
    assert ids == {entry["train_id"] for entry in planned} == {entry["train_id"] for entry in states}
    assert all(entry["state"] == "not run" and entry["steps"] > 0 for entry in planned)


def test_published_results_do_not_count_as_finished_runs(reproduce: Reproduce) -> None:
    assert store_of(of_runs(T4)).results == RESULTS and RESULTS.is_dir()
    planned = json.loads(reproduce("plan", f"{T4}:joint", "--json").out)
    assert {entry["state"] for entry in planned} == {"not run"}


def test_one_run_returns_the_run_of_the_given_or_the_first_tested_column() -> None:
    options = parsed(["attention", f"{T4}:joint", "--out", "a.png", "--scale", "paper"])
    assert isinstance(options, Attention)
    first, ssv2 = one_run(options), one_run(replace(options, column="ssv2"))
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
    evaluation = parsed(["evaluate", f"{T4}:joint", "a.mp4", "--data", "a=/a", "--workers", "1"])
    assert isinstance(evaluation, Evaluate)
    assert resources_of(evaluation) == Resources(data=(("a", Path("/a")),), workers=1)
