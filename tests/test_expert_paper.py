"""A made-up paper of two pre-trained experts: its runs at the scale `tiny` train the experts first.

Every verb works, each expert is trained once for all rows, and the ensemble takes the scores of its experts.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import experiments
import reports.saved
import reproduce.selection
from experiments.spec.catalog import load
from experiments.spec.paper_folders import PAPERS
from experiments.spec.scales import PAPER, TINY
from reproduce.command import main
from runner.machine.resources import Resources
from runner.store.jobs import jobs_of
from tests.runner.experts import ENSEMBLE, FUSED, LEFT, RIGHT
from tests.runner.in_process import train_here

FOLDER = Path(__file__).parent / "expert_paper"
TABLE = "experts/table1"
RUNS = {
    "left.top1.backbone", "left.top1", "right.top1.backbone", "right.top1", "ensemble.top1", "fused.top1",
}  # fmt: skip

Reproduce = Callable[..., str]


@pytest.fixture(scope="module", autouse=True)
def listed() -> Iterator[None]:
    """List the directory of the paper, as a user does."""
    before = list(experiments.__path__)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PAPERS, str(FOLDER))
        yield
    experiments.__path__[:] = before


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, listed: None) -> Path:
    """Directory of all runs of the table, each trained and tested as in its own process."""
    folder = tmp_path_factory.mktemp("runs")
    for job in jobs_of([(load(TABLE), None)], TINY, [], (0,)):
        assert train_here(job.run, folder, Resources(data=(("points", folder),))) == 0
    return folder


@pytest.fixture
def reproduce_(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Reproduce:
    """Function that runs a verb in this process and returns its output."""
    monkeypatch.setattr(reports.saved, "TABLES", tmp_path / "tables")
    monkeypatch.setattr(reproduce.selection, "RESULTS", tmp_path / "results")

    def call(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code, capsys.readouterr().err
        return capsys.readouterr().out

    return call


def test_ids_at_the_papers_size_do_not_depend_on_the_runs_of_the_small_scale() -> None:
    table = load(TABLE)
    assert [cell.run for cell in table.cells(PAPER)] == [LEFT, RIGHT, ENSEMBLE, FUSED]
    assert not {cell.run.train_id for cell in table.cells(TINY) if cell.run} & {
        run.train_id for run in (LEFT, RIGHT, ENSEMBLE, FUSED)
    }


def test_the_list_and_the_table_are_shown_with_the_runs_that_are_trained_first(reproduce_: Reproduce) -> None:
    (line,) = [line for line in reproduce_("list", "experts/*").splitlines() if line.startswith(TABLE)]
    assert "Two experts of points" in line
    fused = load(TABLE).run_of("fused.top1", TINY, (), 0)
    left, right = (parent.run.train_id for parent in fused.parents)
    assert f"tiny run {fused.train_id} from left {left}, right {right}" in reproduce_("show", TABLE)
    (shown,) = json.loads(reproduce_("show", TABLE, "--json"))
    added = {row["key"]: row["cells"][0]["added_parents"] for row in shown["rows"]}
    assert added == {
        "left": {"backbone": left},
        "right": {"backbone": right},
        "ensemble": {},
        "fused": {"left": left, "right": right},
    }
    assert " from " not in reproduce_("show", TABLE, "--scale", "paper")


def test_the_plan_counts_each_expert_once(reproduce_: Reproduce, tmp_path: Path) -> None:
    place = ("--runs", str(tmp_path), "--data", f"points={tmp_path}")
    plans = {plan["run"].partition(":")[2]: plan for plan in json.loads(reproduce_("plan", TABLE, *place, "--json"))}
    assert plans.keys() == RUNS
    first, left, ensemble = (plans[name] for name in ("left.top1.backbone", "left.top1", "ensemble.top1"))
    assert (first["epochs"], left["epochs"], plans["fused.top1"]["epochs"]) == (2, 2, 3)
    assert left["parents"] == {"backbone": first["train_id"]}
    assert set(first["starts"]) == {f"{TABLE}:{name}" for name in ("left.top1", "ensemble.top1.left", "fused.top1")}
    assert ensemble["petaflops_left"] > 0
    text = reproduce_("plan", TABLE, *place)
    assert text.startswith("run") and "6 distinct runs for 4 cells" in text


def test_a_plan_of_the_ensemble_alone_contains_its_experts(reproduce_: Reproduce, tmp_path: Path) -> None:
    place = ("--runs", str(tmp_path), "--data", f"points={tmp_path}")
    plans = json.loads(reproduce_("plan", f"{TABLE}:ensemble", *place, "--json"))
    names = [f"ensemble.top1.{name}" for name in ("left.backbone", "left", "right.backbone", "right")]
    assert [plan["run"].partition(":")[2] for plan in plans] == [*names, "ensemble.top1"]


def test_all_runs_are_done_once(runs: Path, reproduce_: Reproduce) -> None:
    states = json.loads(reproduce_("status", TABLE, "--runs", str(runs), "--json"))
    assert {state["run"].partition(":")[2]: state["state"] for state in states} == dict.fromkeys(RUNS, "done")
    trained = [path for path in runs.glob("*/checkpoints/weights.safetensors")]
    assert len(trained) == 5
    again = reproduce_("run", TABLE, "--runs", str(runs), "--data", f"points={runs}")
    assert "6 of 6 runs done, 6 of them before this call" in again


def test_the_report_names_the_runs_of_the_small_scale_and_the_recipes_of_all_kinds(
    runs: Path, reproduce_: Reproduce
) -> None:
    report = reproduce_("report", TABLE, "--runs", str(runs))
    assert "parents" in report and "() → (left, right)" in report and "() → (backbone)" in report
    assert "6 → 2 or 6 → 3" in report
    values = json.loads(reproduce_("report", TABLE, "--runs", str(runs), "--json"))
    assert all(cell["value"] is not None for cell in values["cells"])
    alone = reproduce_("report", f"{TABLE}:ensemble", "--runs", str(runs))
    assert "6 → 2" in alone  # the recipe of its experts
    view = Path(reproduce_("tensorboard", TABLE, "--runs", str(runs), "--no-serve").strip())
    assert len(list(view.iterdir())) >= 4


def test_at_the_papers_size_the_files_of_the_experts_are_required(reproduce_: Reproduce, tmp_path: Path) -> None:
    place = ("--runs", str(tmp_path), "--data", f"points={tmp_path}", "--scale", "paper")
    plans = json.loads(reproduce_("plan", TABLE, *place, "--json"))
    assert [plan["run"].partition(":")[2] for plan in plans] == [
        f"{row}.top1" for row in ("left", "right", "ensemble", "fused")
    ]
    assert plans[0]["epochs"] == 6
