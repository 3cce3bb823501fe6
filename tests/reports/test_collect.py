import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.catalog import load
from experiments.run import RunConfig
from experiments.scales import PAPER, TINY, Scale
from experiments.store import RunStore, StoreError, write_atomically
from experiments.table import Column, Table
from reports.collect import collect, publish
from reports.layout import cell_text
from reports.report import Report, ReportCell

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]


def cell(report: Report, row: str, column: str) -> ReportCell:
    return next(c for r in report.rows if r.row.key == row for c in r.cells if c.column == column)


def test_each_state_of_a_run_is_told(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    def directory(name: str) -> Path:
        path = store.run(run_of(small, name).train_id).path
        path.mkdir(parents=True)
        return path

    finish(run_of(small, "joint.k400"), 60.0)
    (directory("joint.ssv2") / "failure.txt").write_text("it broke")
    checkpoint = directory("short.k400") / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    running = store.run(run_of(small, "short.ssv2").train_id)
    with running.claim():
        report = collect(table, small, store)
    states = {c.column: [cell(report, r.row.key, c.column).state for r in report.rows] for c in report.rows[0].cells}
    assert states == {
        "gflops": ["quoted", "measured", "measured", "measured"],
        "k400": ["quoted", "done", "interrupted", "not run"],
        "ssv2": ["quoted", "failed", "running", "not run"],
        "delta": ["quoted", "failed", "running", "not run"],
    }
    assert all(c.value is None for r in report.rows for c in r.cells if c.state not in ("done", "measured"))


def test_a_seed_that_is_missing_shows_in_state_and_number(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400", 0), 60.0)
    found = cell(collect(table, small, store, seeds=(0, 1)), "joint", "k400")
    assert (found.state, found.value, found.std, found.num_seeds, found.num_asked) == ("not run", 60.0, None, 1, 2)


def test_overrides_mark_only_the_runs_that_they_change(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    short = run_of(small, "short.k400")
    assert short.optim.epochs == 5
    finish(short, 60.0)
    report = collect(table, small, store, overrides=["optim.epochs=5"])
    assert (cell(report, "short", "k400").state, cell(report, "short", "k400").modified) == ("done", False)
    assert cell(report, "joint", "k400").modified and cell(report, "joint", "delta").modified
    finish(table.run_of("joint.k400", small, ["optim.epochs=5"], 0), 61.0)
    report = collect(table, small, store, overrides=["optim.epochs=5"])
    assert (cell(report, "joint", "k400").state, cell(report, "joint", "k400").value) == ("modified", 61.0)


def test_tiny_results_never_stand_in_a_paper_report(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    finish(run_of(small, "joint.k400"), 60.0)
    assert cell(collect(table, PAPER, store), "joint", "k400").value is None


def test_what_needs_no_training_has_the_size_of_the_paper_at_every_scale(
    table: Table, small: Scale, store: RunStore
) -> None:
    gflops = [cell(collect(table, scale, store), "ours", "gflops").value for scale in (PAPER, small)]
    assert gflops[0] == gflops[1] == pytest.approx(369.5, abs=0.05)


def test_published_results_stand_in_where_there_are_no_runs(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf, tmp_path: Path
) -> None:
    run = run_of(small, "joint.k400")
    finish(run, 60.0)
    assert publish(collect(table, small, store), store) == 1
    elsewhere = RunStore(tmp_path / "none", results=store.results)
    there = collect(table, small, elsewhere)
    assert (cell(there, "joint", "k400").state, cell(there, "joint", "k400").value) == ("done", 60.0)
    assert there == collect(table, small, store)
    finish(run, 61.0)
    assert cell(collect(table, small, store), "joint", "k400").value == 61.0


def test_facts_come_from_the_results_and_not_from_this_machine(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    assert collect(table, small, store).facts.hardware == ()
    finish(run_of(small, "joint.k400"), 60.0)
    finish(run_of(small, "ours.k400"), 61.0, hardware="8 x GPU", versions={"python": "3.12.1"}, commit="fedc")
    facts = collect(table, small, store).facts
    assert facts.hardware == ("2 cores of a CPU", "8 x GPU")
    assert facts.versions == (("python", "3.11.9 or 3.12.1"), ("torch", "2.14.1"))
    assert facts.commits == ("0123456789", "fedc")


def test_a_result_without_the_metric_is_named(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    run = run_of(small, "joint.k400")
    finish(run, 60.0)
    path = store.run(run.train_id).metrics(run.eval_id)
    path.write_text(json.dumps({k: v for k, v in json.loads(path.read_text()).items() if k != "top1"}))
    with pytest.raises(StoreError, match=rf"{run.train_id}/metrics/{run.eval_id}.json has no 'top1'"):
        collect(table, small, store)


def test_rows_can_be_chosen(table: Table, small: Scale, store: RunStore) -> None:
    report = collect(table, small, store, rows=["ours"])
    assert [row.row.key for row in report.rows] == ["ours"] and not report.whole


def test_reporting_imports_nothing_heavy() -> None:
    code = "import sys, reports.collect, reports.render; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"lightning", "tensorboard", "pandas", "matplotlib"} & set(modules)


def test_hours_are_those_of_the_training_and_unknown_of_released_weights(store: RunStore, finish: Finish) -> None:
    hours = load("motionformer/hours")
    own, released = (hours.run_of(f"{row}.hours", TINY, (), 0) for row in ("mformer", "mformer-l"))
    finish(own, 70.0, device_hours=0.0125)
    finish(released, 80.0, released_weights={"file": "a.pyth", "sha256": "0"})
    cells = {row.row.key: row.cells[0] for row in collect(hours, TINY, store).rows}
    (column,) = hours.columns
    assert cell_text(cells["mformer"], column) == "0.013 (384)"
    assert (cells["mformer-l"].state, cells["mformer-l"].value) == ("not run", None)


def test_what_is_derived_from_released_weights_is_marked_as_they_are(store: RunStore, finish: Finish) -> None:
    table8 = load("motionformer/table8")
    finish(table8.run_of("k400.one-frame", TINY, (), 0), 70.0)
    finish(table8.run_of("k400.eight-frames", TINY, (), 0), 80.0, released_weights={"file": "a.pyth", "sha256": "0"})
    (row,) = collect(table8, TINY, store, rows=["k400"]).rows
    marks = {cell.column: cell.released for cell in row.cells}
    assert marks == {"one-frame": False, "eight-frames": True, "delta": True}


def test_what_started_from_released_weights_says_so_under_the_table(store: RunStore, finish: Finish) -> None:
    table8 = load("motionformer/table8")
    run = table8.run_of("ssv2.eight-frames", TINY, (), 0)
    finish(run, 80.0, started_from={"file": "k400.pyth", "sha256": "0123456789abcdef"})
    notes = collect(table8, TINY, store).facts.deviations
    assert "Started from released weights k400.pyth (sha256 0123456789ab): ssv2.eight-frames." in notes


def test_a_spread_keeps_two_digits_where_its_column_shows_none() -> None:
    column = Column(key="a", header="A", metric="device_hours", digits=0)
    cell = ReportCell(column="a", state="done", printed=None, value=0.16, std=0.057, num_seeds=2, num_asked=2)
    assert cell_text(cell, column) == "0.16 ± 0.057 (n=2)"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(384.4, 0, "384"), (0.0125, 0, "0.013"), (0.0, 0, "0"), (-0.02, 1, "-0.02"), (0.06, 1, "0.1"), (79.66, 1, "79.7")],
)
def test_numbers_keep_the_digits_of_their_column_unless_nothing_would_be_left(
    value: float, digits: int, text: str
) -> None:
    column = Column(key="a", header="A", metric="top1", digits=digits)
    assert cell_text(ReportCell(column="a", state="done", printed=None, value=value), column) == text


def measured_memory(store: RunStore, row: str, peak_gib: float, batch_size: int) -> None:
    (cell, *_) = load("motionformer/table3a").cells(rows=[row])
    assert cell.paper_run is not None
    record = {"peak_gib": peak_gib, "batch_size": batch_size, "precision": "16-mixed", "hardware": "a GPU"}
    record |= {"versions": {"torch": "2.14.1"}, "commit": "abc"}
    write_atomically(store.run(cell.paper_run.train_id).memory, json.dumps(record))


def test_measured_memory_is_shown_with_how_it_was_measured(store: RunStore) -> None:
    table3a = load("motionformer/table3a")
    measured_memory(store, "exact", 7.13, 6)
    measured_memory(store, "orthoformer", 7.24, 6)
    report = collect(table3a, TINY, store)
    texts = {row.row.key: cell_text(row.cells[0], table3a.columns[0]) for row in report.rows}
    assert (texts["exact"], texts["performer"], texts["orthoformer"]) == ("7.1 (7.4)", "–", "7.2 (3.6)")
    how = "Peak CUDA memory of a training step of {} clips in 16-mixed on a GPU, torch 2.14.1, commit abc"
    assert how.format(6) in report.facts.costs
    measured_memory(store, "orthoformer", 9.0, 8)
    costs = collect(table3a, TINY, store).facts.costs
    assert {f"{how.format(6)}: exact", f"{how.format(8)}: orthoformer"} <= set(costs)


def test_what_is_measured_without_training_follows_overrides_and_is_marked(store: RunStore) -> None:
    table4 = load("motionformer/table4")
    for scale, overrides in ((PAPER, ["model.depth=6"]), (TINY, ["data.dataset.stand_in.num_val=4", "model.depth=6"])):
        (row,) = collect(table4, scale, store, rows=["trajectory"], overrides=overrides).rows
        (gflops,) = [cell for cell in row.cells if cell.column == "gflops"]
        assert gflops.modified and isinstance(gflops.value, float) and 184 < gflops.value < 187  # half of 369.5
    (row,) = collect(table4, TINY, store, rows=["trajectory"], overrides=["data.crop=40"]).rows
    assert (row.cells[0].column, row.cells[0].state) == ("gflops", "not run")  # 40 pixels are no patches of 16
    (row,) = collect(table4, PAPER, store, rows=["trajectory"], overrides=["optim.epochs=3"]).rows
    assert not row.cells[0].modified and cell_text(row.cells[0], table4.columns[0]) == "369.5 (369.5)"


def test_released_weights_are_named_under_the_table_with_what_was_found_odd(store: RunStore, finish: Finish) -> None:
    table8 = load("motionformer/table8")
    released = {"file": "a.pyth", "sha256": "0123456789abcdef", "values": "WARNING: trained"}
    finish(table8.run_of("k400.one-frame", TINY, (), 0), 70.0, released_weights=released, precision="32-true")
    notes = collect(table8, TINY, store).facts.deviations
    assert "Released weights a.pyth, sha256 0123456789ab (WARNING: trained): k400.one-frame." in notes
    assert "Tested in 32-true precision instead of 16-mixed." in notes
