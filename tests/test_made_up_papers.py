"""Two made-up papers work with the whole command line, without changes to shared code.

The sixth paper has data, a task and a metric of its own. The other one has experts, which its runs at the scale `tiny`
train first, once for all rows, and an ensemble of them.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import experiments
import reports.saved
from experiments.spec.catalog import load
from experiments.spec.paper_folders import PAPERS
from experiments.spec.scales import PAPER, TINY
from lightning_modules.optim import SGD
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of
from tests.conftest import Output, Reproduce
from tests.reports.tensorboard.test_view import line, read
from tests.runner.experts import ENSEMBLE, FUSED, LEFT, RIGHT
from tests.runner.in_process import train_here
from tests.test_architecture import ROOT

FOLDERS = [str(ROOT / "tests" / name) for name in ("sixth_paper", "expert_paper")]
SIXTH, EXPERTS = "sixth/table1", "experts/table1"
RUNS = {
    "left.top1.backbone", "left.top1", "right.top1.backbone", "right.top1", "ensemble.top1", "fused.top1",
}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def stand_ins(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folder of generated data. The folders of both papers are listed in $REPRODUCE_PAPERS, as a user does."""
    before, folder = list(experiments.__path__), tmp_path_factory.getbasetemp() / "stand-ins"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAPERS, os.pathsep.join(FOLDERS))
        patch.setenv("STAND_IN_CACHE", str(folder))
        yield folder
    experiments.__path__[:] = before


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Path:
    """All runs of the sixth paper. The command trains and tests the last one, this process the others."""
    folder = tmp_path_factory.mktemp("runs")
    for job in jobs_of([(load(SIXTH), None)], TINY, [], (0,))[:-1]:
        assert train_here(job.run, folder) == 0
    done = command("run", SIXTH, "--runs", str(folder))
    out, err = done.communicate()
    assert done.returncode == 0, err
    assert "6 of 6 runs done, 5 of them before this call" in out
    return folder


@pytest.fixture(scope="module")
def expert_runs(tmp_path_factory: pytest.TempPathFactory, stand_ins: Path) -> Path:
    """All runs of the paper of experts, each trained and tested as in its own process."""
    folder = tmp_path_factory.mktemp("expert_runs")
    for job in jobs_of([(load(EXPERTS), None)], TINY, [], (0,)):
        assert train_here(job.run, folder, Resources(data=(("points", folder),))) == 0
    return folder


def command(*words: str) -> "subprocess.Popen[str]":
    """Start the command in a separate process."""
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-m", "reproduce", *words], cwd=ROOT, stdout=pipe, stderr=pipe, text=True)


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Committed reports and results are below tmp_path."""
    monkeypatch.setattr("reports.saved.TABLES", tmp_path / "tables")
    monkeypatch.setattr("reproduce.selection.RESULTS", tmp_path / "results")


def test_paper_is_listed_and_shown(output: Output) -> None:
    (shown,) = [text for text in output("list", "sixth/*").splitlines() if text.startswith(SIXTH)]
    assert "Predictions of a weighted sum" in shown
    (listed,) = json.loads(output("list", SIXTH, "--json"))
    assert (listed["rows"], listed["done"], listed["total"], listed["data"]) == (3, 0, 6, ["numbers"])
    shown = output("show", SIXTH)
    assert "unbiased:" in shown and "model.bias=False" in shown


def test_plan_has_runs_parents_and_costs(output: Output) -> None:
    plans = json.loads(output("plan", SIXTH, "--json"))
    by_name = {plan["run"].partition(":")[2]: plan for plan in plans}
    trained, tested, tuned = (by_name[f"ours.{column}"] for column in ("distance", "tested", "tuned"))
    assert tested["parents"] == tuned["parents"] == {"start": trained["train_id"]}
    assert (trained["steps"], tested["steps"]) == (12, 0)
    assert trained["epochs"] == 3 and tested["epochs"] is None
    assert trained["gmacs"] == 4e-9


def test_submit_prints_a_script_for_each_run_and_what_waits_for_what(
    output: Output, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reproduce.verbs.submit.has_gpus", lambda: True)
    words = ("--nodes", "2", "--devices", "4", "--sbatch=--time=24:00:00", "--sbatch=--partition=gpu")
    printed = output("submit", f"{SIXTH}:ours", *words, "--dry-run", "--runs", str(tmp_path))
    subprocess.run(["bash", "-n"], input=printed, text=True, check=True)
    *runs, report = printed.split("#!/bin/bash\n")[1:]
    assert [script.partition("\n")[0] for script in runs] == [
        f"#SBATCH --job-name=sixth.table1.ours.{column}-{train_id}"
        for column, train_id in [("distance", "35f85e6f8e46"), ("tested", "b6beff7040b4"), ("tuned", "fe59478a0cd6")]
    ]
    first, tested, _ = runs
    assert "--nodes=2 --ntasks-per-node=4\n" in first and first.count("run_process") == 1
    assert "#SBATCH --gpus-per-node=4\n#SBATCH --time=24:00:00\n#SBATCH --partition=gpu\nexport" in first
    assert "--dependency=singleton /" in first and f"singleton,afterok:<{SIXTH}:ours.distance>'" in tested
    assert "--nodes=1 --ntasks-per-node=1\n" in report and "afterany:" in report
    assert f"-m reproduce run {SIXTH}:ours --runs {tmp_path} --devices 1 --eval-only\n" in report
    assert not [*tmp_path.glob("sixth*")]


def test_real_data_are_required_at_paper_scale_and_overrides_are_checked_by_the_configs_of_the_paper(
    reproduce: Reproduce,
) -> None:
    stopped = reproduce("doctor", SIXTH, "--scale", "paper")
    assert stopped.code == 3 and "where is numbers?" in stopped.out
    for words, message in (
        (("run", SIXTH, "-o", "evaluation.views=2"), "numbers have one view; evaluation.views is 2"),
        (("plan", SIXTH, "-o", "model.bais=False"), "did you mean 'bias'?"),
    ):
        refused = reproduce(*words)
        assert refused.code == 2 and message in refused.err


def rows(report: str) -> list[list[str]]:
    """Cells of the rows of a report in markdown."""
    table = report.partition("<details>")[0].splitlines()
    return [[cell.strip(" -:") for cell in line.split("|")] for line in table if line.startswith("|")]


def test_runs_are_trained_tested_and_reported(runs: Path, output: Output) -> None:
    report = json.loads(output("report", SIXTH, "--runs", runs, "--json"))
    cells = {(cell["row"], cell["column"]): cell["value"] for cell in report["cells"]}
    assert cells["ours", "weights"] == 5 and cells["unbiased", "weights"] == 4
    assert cells["ours", "tested"] == cells["ours", "distance"]  # same weights, tested without training
    assert cells["ours", "tuned"] < cells["ours", "distance"]  # trained twice as long
    assert cells["ours", "gain"] == pytest.approx(cells["ours", "distance"] - cells["ours", "tuned"])
    saved = (runs / "reports" / f"{SIXTH}.tiny.md").read_text()
    committed = reports.saved.TABLES / f"{SIXTH}.tiny.md"
    assert not committed.exists()
    output("report", SIXTH, "--runs", runs, "--publish")
    assert output("report", SIXTH, "--check") == ""
    written = committed.read_text()
    assert rows(saved) == rows(written)
    assert "- evaluated / failed / missing: 16 / 0 / 0" in written
    assert "generated stand-in lists" in written


def test_status_shows_the_main_metric_of_the_task_and_a_run_without_training_has_no_weights(
    runs: Path, output: Output
) -> None:
    states = json.loads(output("status", SIXTH, "--runs", runs, "--json"))
    assert {(state["state"], state["metric"]) for state in states} == {("done", "distance")}
    (tested,) = (state["train_id"] for state in states if state["run"].endswith(":ours.tested"))
    assert not list((runs / tested).glob("checkpoints/*"))


def test_tensorboard_shows_rows_and_metrics(runs: Path, output: Output) -> None:
    view = Path(output("tensorboard", SIXTH, "--runs", runs, "--no-serve").strip())
    runs_shown = read(view)
    names = {name.partition(" ")[2]: name for name in runs_shown.Runs()}  # after the number of the row
    assert {"Weighted sum · Distance", "Weighted sum · Tested again", "without bias · Tuned"} <= names.keys()
    distance_run = names["Weighted sum · Distance"]
    tags = runs_shown.Runs()[distance_run]
    assert {"train/loss", "val/close"} <= {*tags["scalars"], *tags["tensors"]}
    values = line(runs_shown, distance_run)
    report = json.loads(output("report", SIXTH, "--format", "json", "--runs", runs))
    ours = [cell for cell in report["cells"] if cell["row"] == "ours"]
    assert values["Model"] == "Weighted sum"
    distance = next(cell["value"] for cell in ours if cell["column"] == "distance")
    assert values["Distance"] == pytest.approx(distance, rel=1e-11)
    assert "Distance (printed)" not in values


def test_resumed_run_has_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    words = ("--column", "distance", "-o", "optim.epochs=40", "--runs", str(stopped))
    process = command("run", f"{SIXTH}:ours", *words)
    deadline = time.monotonic() + 120
    while not list(stopped.glob("*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(stopped.glob("*/metrics/*"))
    run = load(SIXTH).run_of("ours.distance", TINY, ["optim.epochs=40"], 0)
    for runs in (stopped, whole):
        assert train_here(run, runs) == 0
    ours, theirs = (load_file(next(runs.glob("*/checkpoints/weights.safetensors"))) for runs in (stopped, whole))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_tiny_keeps_the_optimiser_and_its_learning_rate() -> None:
    table = load(SIXTH)
    optim = next(run.optim for cell in table.cells(TINY, rows=["ours"]) for run in cell.runs if run.optim is not None)
    assert (optim.optimizer, optim.lr, optim.epochs) == (SGD(), 0.1, 3)


def test_ids_at_the_papers_size_do_not_depend_on_the_runs_of_the_small_scale() -> None:
    table = load(EXPERTS)
    assert [cell.run for cell in table.cells(PAPER)] == [LEFT, RIGHT, ENSEMBLE, FUSED]
    assert not {cell.run.train_id for cell in table.cells(TINY) if cell.run} & {
        run.train_id for run in (LEFT, RIGHT, ENSEMBLE, FUSED)
    }


def test_the_list_and_the_table_are_shown_with_the_runs_that_are_trained_first(output: Output) -> None:
    (listed,) = [text for text in output("list", "experts/*").splitlines() if text.startswith(EXPERTS)]
    assert "Two experts of points" in listed
    fused = load(EXPERTS).run_of("fused.top1", TINY, (), 0)
    left, right = (parent.run.train_id for parent in fused.parents)
    assert f"tiny run {fused.train_id} from left {left}, right {right}" in output("show", EXPERTS)
    (shown,) = json.loads(output("show", EXPERTS, "--json"))
    added = {row["key"]: row["cells"][0]["added_parents"] for row in shown["rows"]}
    assert added == {
        "left": {"backbone": left},
        "right": {"backbone": right},
        "ensemble": {},
        "fused": {"left": left, "right": right},
    }
    assert " from " not in output("show", EXPERTS, "--scale", "paper")


def test_the_plan_counts_each_expert_once(output: Output, tmp_path: Path) -> None:
    place = ("--data", f"points={tmp_path}")
    plans = {plan["run"].partition(":")[2]: plan for plan in json.loads(output("plan", EXPERTS, *place, "--json"))}
    assert plans.keys() == RUNS
    first, left, ensemble = (plans[name] for name in ("left.top1.backbone", "left.top1", "ensemble.top1"))
    assert (first["epochs"], left["epochs"], plans["fused.top1"]["epochs"]) == (2, 2, 3)
    assert left["parents"] == {"backbone": first["train_id"]}
    assert set(first["starts"]) == {f"{EXPERTS}:{name}" for name in ("left.top1", "fused.top1")}
    assert ensemble["petaflops_left"] > 0
    text = output("plan", EXPERTS, *place)
    assert text.startswith("run") and "6 distinct runs for 4 cells" in text


def test_a_plan_of_the_ensemble_alone_contains_its_experts(output: Output, tmp_path: Path) -> None:
    place = ("--data", f"points={tmp_path}")
    plans = json.loads(output("plan", f"{EXPERTS}:ensemble", *place, "--json"))
    names = [f"ensemble.top1.{name}" for name in ("left.backbone", "left", "right.backbone", "right")]
    assert [plan["run"].partition(":")[2] for plan in plans] == [*names, "ensemble.top1"]


def test_all_runs_are_done_once(expert_runs: Path, output: Output) -> None:
    states = json.loads(output("status", EXPERTS, "--runs", expert_runs, "--json"))
    assert {state["run"].partition(":")[2]: state["state"] for state in states} == dict.fromkeys(RUNS, "done")
    trained = [path for path in expert_runs.glob("*/checkpoints/weights.safetensors")]
    assert len(trained) == 5
    again = output("run", EXPERTS, "--runs", expert_runs, "--data", f"points={expert_runs}")
    assert "6 of 6 runs done, 6 of them before this call" in again


def test_the_report_names_the_runs_of_the_small_scale_and_the_recipes_of_all_kinds(
    expert_runs: Path, output: Output
) -> None:
    report = output("report", EXPERTS, "--runs", expert_runs)
    assert "parents" in report and "() → (left, right)" in report and "() → (backbone)" in report
    assert "6 → 2 or 6 → 3" in report
    values = json.loads(output("report", EXPERTS, "--runs", expert_runs, "--json"))
    assert all(cell["value"] is not None for cell in values["cells"])
    alone = output("report", f"{EXPERTS}:ensemble", "--runs", expert_runs)
    assert "6 → 2" in alone  # the recipe of its experts
    view = Path(output("tensorboard", EXPERTS, "--runs", expert_runs, "--no-serve").strip())
    assert len(list(view.iterdir())) >= 4


def test_at_the_papers_size_the_files_of_the_experts_are_required(output: Output, tmp_path: Path) -> None:
    place = ("--data", f"points={tmp_path}", "--scale", "paper")
    plans = json.loads(output("plan", EXPERTS, *place, "--json"))
    assert [plan["run"].partition(":")[2] for plan in plans] == [
        f"{row}.top1" for row in ("left", "right", "ensemble", "fused")
    ]
    assert plans[0]["epochs"] == 6
