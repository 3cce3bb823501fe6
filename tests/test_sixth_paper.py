"""A made-up paper works with the whole command line, without changes to shared code."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import metadata

import experiments
import reports.saved
import reproduce.selection
import reproduce.verbs.submit
from experiments.spec.catalog import find, load
from experiments.spec.paper_folders import PAPERS
from experiments.spec.scales import TINY
from lightning_modules.optim import SGD
from reproduce.command import main
from runner.store.jobs import jobs_of
from tests.runner.in_process import train_here

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).parent / "sixth_paper"
TABLE = "sixth/table1"

Reproduce = Callable[..., str]


@pytest.fixture(autouse=True)
def sixth_paper(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """List the directory of the paper in $REPRODUCE_PAPERS, as a user does."""
    monkeypatch.setenv(PAPERS, str(FOLDER))
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    before = list(experiments.__path__)
    yield
    experiments.__path__[:] = before


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory of all runs of the table. The command trains and tests the last one, this process the others."""
    folder = tmp_path_factory.mktemp("runs")
    stand_ins = tmp_path_factory.getbasetemp() / "stand-ins"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAPERS, str(FOLDER))
        patch.setenv("STAND_IN_CACHE", str(stand_ins))
        patch.setattr(experiments, "__path__", list(experiments.__path__))
        for job in jobs_of(find([TABLE]), TINY, [], (0,))[:-1]:
            assert train_here(job.run, folder) == 0
    done = command("run", TABLE, "--runs", str(folder), stand_ins=stand_ins)
    out, err = done.communicate()
    assert done.returncode == 0, err
    assert "6 of 6 runs done, 5 of them before this call" in out
    return folder


def command(*words: str, stand_ins: Path) -> "subprocess.Popen[str]":
    """Start the command in a separate process."""
    environment = {**os.environ, PAPERS: str(FOLDER), "STAND_IN_CACHE": str(stand_ins), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "reproduce", *words],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def reproduce_(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reproduce:
    """Function that runs a verb in this process and returns its output. Reports are written below tmp_path."""
    monkeypatch.setattr(reports.saved, "TABLES", tmp_path / "tables")
    monkeypatch.setattr(reproduce.selection, "RESULTS", tmp_path / "results")

    def call(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def test_paper_is_listed_and_shown(reproduce_: Reproduce, tmp_path: Path) -> None:
    (line,) = [line for line in reproduce_("list", "sixth/*").splitlines() if line.startswith(TABLE)]
    assert "Predictions of a weighted sum" in line
    (listed,) = json.loads(reproduce_("list", TABLE, "--runs", str(tmp_path), "--json"))
    assert (listed["rows"], listed["done"], listed["total"], listed["data"]) == (3, 0, 6, ["numbers"])
    shown = reproduce_("show", TABLE)
    assert "unbiased:" in shown and "model.bias=False" in shown


def test_plan_has_runs_parents_and_costs(reproduce_: Reproduce, tmp_path: Path) -> None:
    plans = json.loads(reproduce_("plan", TABLE, "--runs", str(tmp_path), "--json"))
    by_name = {plan["run"].partition(":")[2]: plan for plan in plans}
    trained, tested, tuned = (by_name[f"ours.{column}"] for column in ("distance", "tested", "tuned"))
    assert tested["parents"] == tuned["parents"] == {"start": trained["train_id"]}
    assert (trained["steps"], tested["steps"]) == (12, 0)
    assert trained["epochs"] == 3 and tested["epochs"] is None
    assert trained["gmacs"] == 4e-9


def test_submit_prints_a_script_for_each_run_and_what_waits_for_what(
    reproduce_: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce.verbs.submit, "has_gpus", lambda: True)
    words = ("--nodes", "2", "--devices", "4", "--sbatch=--time=24:00:00", "--sbatch=--partition=gpu")
    printed = reproduce_("submit", f"{TABLE}:ours", *words, "--dry-run", "--runs", str(tmp_path))
    subprocess.run(["bash", "-n"], input=printed, text=True, check=True)
    *runs, report = printed.split("#!/bin/bash\n")[1:]
    assert [script.partition("\n")[0] for script in runs] == [
        f"#SBATCH --job-name=sixth.table1.ours.{column}-{train_id}"
        for column, train_id in [("distance", "35f85e6f8e46"), ("tested", "b6beff7040b4"), ("tuned", "fe59478a0cd6")]
    ]
    first, tested, _ = runs
    assert "--nodes=2 --ntasks-per-node=4\n" in first and first.count("run_process") == 1
    assert "#SBATCH --gpus-per-node=4\n#SBATCH --time=24:00:00\n#SBATCH --partition=gpu\nexport" in first
    assert "--dependency=singleton /" in first and f"singleton,afterok:<{TABLE}:ours.distance>'" in tested
    assert "--nodes=1 --ntasks-per-node=1\n" in report and "afterany:" in report
    assert f"-m reproduce run {TABLE}:ours --runs {tmp_path} --devices 1 --eval-only\n" in report
    assert not [*tmp_path.glob("sixth*")]


def test_real_data_are_required_at_paper_scale(
    reproduce_: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    assert "where is numbers?" in reproduce_("doctor", TABLE, "--scale", "paper", "--runs", str(tmp_path), code=3)


def test_overrides_are_checked_by_the_configs_of_the_paper(
    reproduce_: Reproduce, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", TABLE, "--runs", str(tmp_path), "-o", "evaluation.views=2"]) == 2
    assert "numbers have one view; evaluation.views is 2" in capsys.readouterr().err
    assert main(["plan", TABLE, "--runs", str(tmp_path), "-o", "model.bais=False"]) == 2
    assert "did you mean 'bias'?" in capsys.readouterr().err


def rows(report: str) -> list[list[str]]:
    """Cells of the rows of a report in markdown."""
    table = report.partition("<details>")[0].splitlines()
    return [[cell.strip(" -:") for cell in line.split("|")] for line in table if line.startswith("|")]


def test_runs_are_trained_tested_and_reported(runs: Path, reproduce_: Reproduce) -> None:
    report = json.loads(reproduce_("report", TABLE, "--runs", str(runs), "--json"))
    cells = {(cell["row"], cell["column"]): cell["value"] for cell in report["cells"]}
    assert cells["ours", "weights"] == 5 and cells["unbiased", "weights"] == 4
    assert cells["ours", "tested"] == cells["ours", "distance"]  # same weights, tested without training
    assert cells["ours", "tuned"] < cells["ours", "distance"]  # trained twice as long
    assert cells["ours", "gain"] == pytest.approx(cells["ours", "distance"] - cells["ours", "tuned"])
    saved = (runs / "reports" / f"{TABLE}.tiny.md").read_text()
    committed = reports.saved.TABLES / f"{TABLE}.tiny.md"
    assert not committed.exists()
    reproduce_("report", TABLE, "--runs", str(runs), "--publish")
    assert reproduce_("report", TABLE, "--check") == ""
    written = committed.read_text()
    assert rows(saved) == rows(written)
    assert "- evaluated / failed / missing: 16 / 0 / 0" in written
    assert "generated stand-in lists" in written


def test_status_shows_the_main_metric_of_the_task(runs: Path, reproduce_: Reproduce) -> None:
    states = json.loads(reproduce_("status", TABLE, "--runs", str(runs), "--json"))
    assert {state["state"] for state in states} == {"done"}
    assert {state["metric"] for state in states} == {"distance"}


def test_run_without_training_saves_no_weights(runs: Path, reproduce_: Reproduce) -> None:
    states = json.loads(reproduce_("status", f"{TABLE}:ours", "--column", "tested", "--runs", str(runs), "--json"))
    tested = next(state for state in states if state["run"].endswith(".tested"))
    assert not list((runs / tested["train_id"]).glob("checkpoints/*"))


def test_tensorboard_shows_rows_and_metrics(runs: Path, reproduce_: Reproduce) -> None:
    view = Path(reproduce_("tensorboard", TABLE, "--runs", str(runs), "--no-serve").strip())
    folders = {folder.name.partition(" ")[2]: folder for folder in view.iterdir()}  # after the number of the row
    assert {"Weighted sum · Distance", "Weighted sum · Tested again", "without bias · Tuned"} <= folders.keys()
    events = EventAccumulator(str(folders["Weighted sum · Distance"]))
    events.Reload()
    assert {"train/loss", "val/close"} <= set(events.Tags()["scalars"]) | set(events.Tags()["tensors"])
    start = events.SummaryMetadata(metadata.SESSION_START_INFO_TAG).plugin_data.content
    hparams = metadata.parse_session_start_info_plugin_data(start).hparams
    values = {name.partition(" ")[2]: value for name, value in hparams.items()}
    report = json.loads(reproduce_("report", TABLE, "--format", "json", "--runs", str(runs)))
    ours = [cell for cell in report["cells"] if cell["row"] == "ours"]
    assert values["Model"].string_value == "Weighted sum"
    distance = next(cell["value"] for cell in ours if cell["column"] == "distance")
    assert values["Distance"].number_value == pytest.approx(distance, rel=1e-11)
    assert "Distance (printed)" not in values


def test_resumed_run_has_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    process = command(
        "run",
        f"{TABLE}:ours",
        "--column",
        "distance",
        "-o",
        "optim.epochs=40",
        "--runs",
        str(stopped),
        stand_ins=tmp_path,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not list(stopped.glob("*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(stopped.glob("*/metrics/*"))
    run = load(TABLE).run_of("ours.distance", TINY, ["optim.epochs=40"], 0)
    for runs in (stopped, whole):
        assert train_here(run, runs) == 0
    ours, theirs = (load_file(next(runs.glob("*/checkpoints/weights.safetensors"))) for runs in (stopped, whole))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_tiny_keeps_the_optimiser_and_its_learning_rate() -> None:
    table = load(TABLE)
    optim = next(run.optim for cell in table.cells(TINY, rows=["ours"]) for run in cell.runs if run.optim is not None)
    assert (optim.optimizer, optim.lr, optim.epochs) == (SGD(), 0.1, 3)


def test_runs_have_different_ids() -> None:
    table = load(TABLE)
    runs = {cell.run.train_id for cell in table.cells() if cell.tested and cell.run is not None}
    assert len(runs) == 6
