"""A made-up paper goes through the whole command line without one line of shared code."""

import importlib
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

import experiments
import reports.render
import reproduce.selection
from experiments.spec.catalog import PAPERS, captions
from reproduce.command import main

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path(__file__).parent / "sixth_paper"
TABLE = "sixth/table1"

Reproduce = Callable[..., str]


@pytest.fixture(autouse=True)
def sixth_paper(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The paper is found, as by a user who names its folder."""
    monkeypatch.setenv(PAPERS, str(FOLDER))
    monkeypatch.setenv("STAND_IN_CACHE", str(tmp_path_factory.getbasetemp() / "stand-ins"))
    captions.cache_clear()
    before = list(experiments.__path__)
    yield
    experiments.__path__[:] = before
    captions.cache_clear()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All runs of the table, made by the command itself."""
    folder = tmp_path_factory.mktemp("runs")
    done = command("run", TABLE, "--runs", str(folder), stand_ins=tmp_path_factory.getbasetemp() / "stand-ins")
    out, err = done.communicate()
    assert done.returncode == 0, err
    assert "6 of 6 runs done" in out
    return folder


def command(*words: str, stand_ins: Path) -> "subprocess.Popen[str]":
    """The command in a process of its own."""
    environment = {**os.environ, PAPERS: str(FOLDER), "STAND_IN_CACHE": str(stand_ins), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [sys.executable, "-m", "reproduce", *words],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def reproduce_(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reproduce:
    """Carries out a verb here; gives what it prints. Reports are kept below tmp_path."""
    monkeypatch.setattr(reports.render, "TABLES", tmp_path / "tables")
    monkeypatch.setattr(reproduce.selection, "RESULTS", tmp_path / "results")

    def call(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def test_it_is_listed_and_shown(reproduce_: Reproduce) -> None:
    assert reproduce_("list", "sixth/*") == f"{TABLE}  Guesses by a weighted sum\n"
    shown = reproduce_("show", TABLE)
    assert "unbiased:" in shown and "model.bias=False" in shown


def test_its_plan_names_runs_parents_and_costs(reproduce_: Reproduce, tmp_path: Path) -> None:
    plans = json.loads(reproduce_("plan", TABLE, "--runs", str(tmp_path), "--json"))
    by_name = {plan["run"].partition(":")[2]: plan for plan in plans}
    trained, tested, tuned = (by_name[f"ours.{column}"] for column in ("distance", "tested", "tuned"))
    assert tested["parents"] == tuned["parents"] == {"start": trained["train_id"]}
    assert (trained["steps"], tested["steps"]) == (12, 0)
    assert trained["epochs"] == 3 and tested["epochs"] is None
    assert trained["gmacs"] == 4e-9
    assert all(plan["problem"] is None for plan in plans)


def test_its_real_data_are_asked_for_at_the_papers_scale(
    reproduce_: Reproduce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VIDEO_ROOT", raising=False)
    assert "where is numbers?" in reproduce_("plan", TABLE, "--scale", "paper", "--runs", str(tmp_path))


def test_its_overrides_are_checked_by_its_own_config(
    reproduce_: Reproduce, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", TABLE, "--runs", str(tmp_path), "-o", "evaluation.views=2"]) == 2
    assert "numbers have one view; evaluation.views is 2" in capsys.readouterr().err
    assert main(["plan", TABLE, "--runs", str(tmp_path), "-o", "model.bais=False"]) == 2
    assert "did you mean 'bias'?" in capsys.readouterr().err


def test_its_runs_are_trained_tested_and_reported(runs: Path, reproduce_: Reproduce) -> None:
    made = json.loads(reproduce_("report", TABLE, "--runs", str(runs), "--json"))
    cells = {(row["key"], cell["column"]): cell["value"] for row in made["rows"] for cell in row["cells"]}
    assert cells["ours", "weights"] == 5 and cells["unbiased", "weights"] == 4
    assert cells["ours", "tested"] == cells["ours", "distance"]  # the same weights, tested without a training
    assert cells["ours", "tuned"] < cells["ours", "distance"]  # trained twice as long
    assert cells["ours", "gain"] == pytest.approx(cells["ours", "distance"] - cells["ours", "tuned"])
    assert reproduce_("report", TABLE, "--runs", str(runs), "--check") == ""
    kept = (reports.render.TABLES / f"{TABLE}.tiny.md").read_text()
    assert "Lists evaluated / failed / missing: numbers 16 / 0 / 0" in kept
    assert "generated stand-in lists" in kept


def test_its_status_shows_its_own_headline(runs: Path, reproduce_: Reproduce) -> None:
    states = json.loads(reproduce_("status", TABLE, "--runs", str(runs), "--json"))
    assert {state["state"] for state in states} == {"done"}
    assert {state["metric"] for state in states} == {"distance"}


def test_a_run_that_trains_nothing_keeps_no_weights(runs: Path, reproduce_: Reproduce) -> None:
    states = json.loads(reproduce_("status", f"{TABLE}:ours", "--column", "tested", "--runs", str(runs), "--json"))
    tested = next(state for state in states if state["run"].endswith(".tested"))
    assert not list((runs / tested["train_id"]).glob("checkpoints/*"))


def test_tensorboard_shows_its_rows_and_metrics(runs: Path, reproduce_: Reproduce) -> None:
    view = Path(reproduce_("tensorboard", TABLE, "--runs", str(runs), "--no-serve").strip())
    names = {folder.name for folder in view.iterdir()}
    assert {"Weighted sum · Distance", "Weighted sum · Tested again", "without bias · Tuned"} <= names
    events = EventAccumulator(str(view / "Weighted sum · Distance"))
    events.Reload()
    assert {"table/distance", "train/loss", "val/close"} <= set(events.Tags()["scalars"]) | set(
        events.Tags()["tensors"]
    )


def test_a_stopped_run_ends_as_if_it_had_never_been_stopped(tmp_path: Path) -> None:
    words = ["run", f"{TABLE}:ours", "--column", "distance", "-o", "optim.epochs=300"]
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    process = command(*words, "--runs", str(stopped), stand_ins=tmp_path)
    deadline = time.monotonic() + 120
    while not list(stopped.glob("*/checkpoints/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert not list(stopped.glob("*/metrics/*"))
    for runs in (stopped, whole):
        process = command(*words, "--runs", str(runs), stand_ins=tmp_path)
        _, err = process.communicate()
        assert process.returncode == 0, err
    ours, theirs = (load_file(next(runs.glob("*/checkpoints/weights.safetensors"))) for runs in (stopped, whole))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())


def test_its_ids_are_its_own() -> None:
    table = importlib.import_module("experiments.sixth.table1").TABLE
    runs = {cell.run.train_id for cell in table.cells() if cell.tested and cell.run is not None}
    assert len(runs) == 6
