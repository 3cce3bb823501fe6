"""Cells by kind of metric, missing, damaged and published results, and costs beside those that the paper counts."""

import statistics
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec import metrics
from experiments.spec.catalog import load
from experiments.spec.metrics import (
    TOP1,
    Computed,
    Derived,
    Difference,
    HarmonicMean,
    Mean,
    Measured,
    SpeedOfReference,
)
from experiments.spec.run import Parent
from experiments.spec.scales import PAPER, TINY
from experiments.spec.table import Column
from reports.collect import collect
from reports.costs import costs_of
from reports.pages.report import Report, ReportCell
from reports.pages.table_texts import legend, ours_text, printed_text
from reports.publication import publish
from runner.machine.files import StoreError, write_atomically
from runner.store.store import RunStore
from tests.reports.conftest import Trial

BOTH = (
    Column(key="k400", header="K-400", metric=TOP1, base=K400),
    Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2),
)


def cell(report: Report, row: str, column: str) -> ReportCell:
    return next(c for r in report.rows if r.row.key == row for c in r.cells if c.column.key == column)


def test_cells_have_the_states_of_their_runs(trial: Trial) -> None:
    def directory(name: str) -> Path:
        path = trial.store.run(trial.run(name).train_id).path
        path.mkdir(parents=True)
        return path

    trial.finish("joint.k400", 60.0)
    (directory("joint.ssv2") / "failure.txt").write_text("it broke")
    checkpoint = directory("short.k400") / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    running = trial.store.run(trial.run("short.ssv2").train_id)
    with running.claim():
        report = trial.report()
    states = {c.key: [one.state for one in report.column(c.key)] for c in trial.table.columns}
    assert states == {
        "gflops": ["quoted", "measured", "measured", "measured"],
        "k400": ["quoted", "done", "interrupted", "not run"],
        "ssv2": ["quoted", "failed", "running", "not run"],
        "delta": ["quoted", "failed", "running", "not run"],
    }
    assert all(c.value is None for r in report.rows[1:] for c in r.cells if c.state not in ("done", "measured"))
    assert [c.value for c in report.rows[0].cells] == [None, None, None, 1.0]  # derived from the printed cells


def test_overrides_mark_only_changed_runs_as_modified(trial: Trial) -> None:
    short = trial.run("short.k400")
    assert short.optim is not None and short.optim.epochs == 5
    trial.finish(short, 60.0)
    report = trial.report(overrides=["optim.epochs=5"])
    assert (cell(report, "short", "k400").state, cell(report, "short", "k400").modified) == ("done", False)
    assert cell(report, "joint", "k400").modified and cell(report, "joint", "delta").modified
    trial.finish(trial.table.run_of("joint.k400", trial.scale, ["optim.epochs=5"], 0), 61.0)
    report = trial.report(overrides=["optim.epochs=5"])
    assert (cell(report, "joint", "k400").state, cell(report, "joint", "k400").value) == ("modified", 61.0)


def test_published_results_are_used_if_there_are_no_local_ones(trial: Trial, tmp_path: Path) -> None:
    run = trial.run("joint.k400")
    trial.finish(run, 60.0)
    publish(trial.report(), trial.store)
    elsewhere = trial.elsewhere(tmp_path / "none")
    there = elsewhere.report()
    found = cell(there, "joint", "k400")
    assert (found.state, found.value, found.published) == ("done", 60.0, True)
    assert cell(there, "joint", "delta").published is False  # it has no value without its other column
    publish(there, elsewhere.store)
    assert not elsewhere.store.root.exists() and len(list(tmp_path.rglob("*.by-*"))) == 0
    trial.finish(run, 61.0)
    found = cell(trial.report(), "joint", "k400")
    assert (found.value, found.published) == (61.0, False)


@pytest.mark.parametrize("state", ["running", "interrupted", "failed", "trained"])
def test_a_published_result_stands_until_the_new_test_is_done(trial: Trial, tmp_path: Path, state: str) -> None:
    trial.finish("joint.k400", 60.0)
    publish(trial.report(), trial.store)
    here = trial.elsewhere(tmp_path / "here")
    directory = here.store.run(trial.run("joint.k400").train_id)
    files = {"failed": directory.failure, "interrupted": directory.checkpoint, "trained": directory.weights}
    with directory.claim() if state == "running" else nullcontext():
        if state in files:
            write_atomically(files[state], "")
        found = cell(here.report(), "joint", "k400")
    assert (found.value, found.published) == (60.0, True)


def test_a_training_under_way_shows_no_older_result_of_released_weights(trial: Trial) -> None:
    run = trial.run("joint.k400")
    trial.finish(run, 60.0, released_weights={"file": "a.pyth", "sha256": "0"})
    assert cell(trial.report(), "joint", "k400").value == 60.0
    with trial.store.run(run.train_id).claim():
        found = cell(trial.report(), "joint", "k400")
    assert (found.state, found.value, found.released) == ("running", None, False)


def test_training_hours_are_not_reported_for_released_weights(trial: Trial) -> None:
    hours = trial.of(load("motionformer/hours"), TINY)
    hours.finish("mformer.hours", 70.0, device_hours=0.0125)
    hours.finish("mformer-l.hours", 80.0, released_weights={"file": "a.pyth", "sha256": "0"})
    cells = {row.row.key: row.cells[0] for row in hours.report().rows}
    assert (ours_text(cells["mformer"]), printed_text(cells["mformer"])) == ("0.013", "")
    assert (cells["mformer-l"].state, cells["mformer-l"].value) == ("not applicable", None)
    assert (ours_text(cells["mformer-l"]), printed_text(cells["mformer-l"])) == ("n/a‡", "")
    assert ("n/a", "does not apply") in legend(hours.report())


def test_values_derived_from_released_weights_are_marked_as_released(trial: Trial) -> None:
    table8 = trial.of(load("motionformer/table8"), TINY)
    table8.finish("k400.one-frame", 70.0)
    table8.finish("k400.eight-frames", 80.0, released_weights={"file": "a.pyth", "sha256": "0"})
    (row,) = table8.report(rows=["k400"]).rows
    marks = {cell.column.key: cell.released for cell in row.cells}
    assert marks == {"one-frame": False, "eight-frames": True, "delta": True}


def test_computed_values_follow_overrides_and_are_marked_as_modified(store: RunStore) -> None:
    table4 = load("motionformer/table4")
    for scale, overrides in ((PAPER, ["model.depth=6"]), (TINY, ["data.dataset.stand_in.num_val=4", "model.depth=6"])):
        (row,) = collect(table4, scale, store, rows=["trajectory"], overrides=overrides).rows
        (gflops,) = [cell for cell in row.cells if cell.column.key == "gflops"]
        assert gflops.modified and isinstance(gflops.value, float) and 184 < gflops.value < 187  # half of 369.5
    (row,) = collect(table4, TINY, store, rows=["trajectory"], overrides=["data.crop=40"]).rows
    assert row.cells[0].state == "not applicable"  # 40 is no multiple of the patch size
    (row,) = collect(table4, PAPER, store, rows=["trajectory"], overrides=["optim.epochs=3"]).rows
    texts = [text(row.cells[0]) for text in (ours_text, printed_text)]
    assert not row.cells[0].modified and texts == ["369.5", "369.5"]


@pytest.mark.parametrize(
    ("metric", "of_seeds"),
    [
        (Mean("mean", ("k400", "ssv2")), (45.0, 50.0)),
        (HarmonicMean("harmonic", ("k400", "ssv2")), (40.0, 32.0)),
        (Difference("delta", ("k400", "ssv2")), (30.0, 60.0)),
        (Difference("delta", ("ssv2", "k400")), (-30.0, -60.0)),
    ],
)
def test_derived_columns_are_computed_for_each_seed(
    trial: Trial, metric: Derived, of_seeds: tuple[float, float]
) -> None:
    # The derived column precedes the columns that it depends on.
    derived = trial.of_columns(Column(key="derived", header="D", metric=metric), *BOTH)
    derived.finish("ours.k400", 60.0, 80.0)
    derived.finish("ours.ssv2", 30.0, 20.0)
    found = cell(derived.report(seeds=(0, 1)), "ours", "derived")
    assert (found.state, found.num_seeds, found.num_requested, found.seeds) == ("derived", 2, 2, ())
    assert found.value == pytest.approx(statistics.fmean(of_seeds))
    assert found.std == pytest.approx(statistics.stdev(of_seeds))
    report = derived.report(seeds=(0, 1, 2))
    assert {(one.state, one.num_seeds, one.num_requested) for one in report.cells} == {("not run", 2, 3)}
    found = cell(report, "ours", "derived")
    assert found.value == pytest.approx(statistics.fmean(of_seeds))


def test_a_metric_that_the_task_does_not_return_is_refused(trial: Trial) -> None:
    column = Column(key="third", header="Top-3", metric=metrics.Tested("top3"), base=K400)
    with pytest.raises(ValueError, match=r"'third': SingleLabel has no metric 'top3'; it has top1, top5$"):
        trial.of_columns(column).report()


def test_a_test_on_which_seeds_have_no_effect_has_one_result_for_all_of_them(trial: Trial) -> None:
    tested = replace(K400, optim=None, parents=(Parent(run=K400),))
    again = trial.of_columns(
        Column(key="again", header="Again", metric=TOP1, base=tested),
        Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2),
        Column(key="same", header="Same", metric=Mean("same", ("again",))),
        Column(key="gain", header="Gain", metric=Difference("gain", ("ssv2", "again"))),
    )
    again.finish("ours.again", 15.5)
    for seed, top1 in ((1, 60.0), (2, 64.0)):
        again.finish(again.run("ours.ssv2", seed), top1)
    (row,) = again.report(seeds=(1, 2)).rows
    assert [ours_text(one).split(" ±")[0] for one in row.cells] == ["15.5", "62.0", "15.5", "46.5"]
    assert [one.num_requested for one in row.cells] == [1, 2, 1, 2]


def test_derived_columns_can_combine_tested_and_computed_columns(trial: Trial) -> None:
    gain = trial.of_columns(
        *BOTH[:1],
        Column(key="gflops", header="GFLOPs", metric=Computed("gflops", lambda run: 10.0), base=K400),
        Column(key="left", header="Left", metric=Difference("left", ("k400", "gflops"))),
        Column(key="twice", header="Twice", metric=Mean("twice", ("gflops", "gflops"))),
    )
    gain.finish("ours.k400", 60.0, 64.0)
    report = gain.report(seeds=(0, 1))
    left, twice = (cell(report, "ours", key) for key in ("left", "twice"))
    assert (left.state, left.value, left.num_seeds) == ("derived", 52.0, 2)
    assert left.std == pytest.approx(8**0.5)
    assert (twice.state, twice.value, twice.num_seeds, twice.num_requested) == ("derived", 10.0, 0, 0)


def test_a_measurement_under_other_conditions_than_most_of_its_column_is_marked(trial: Trial) -> None:
    table3a = trial.of(load("motionformer/table3a"), TINY)
    for key, device in (("exact", "one GPU"), ("performer", "another GPU"), ("orthoformer", "one GPU")):
        run = table3a.table.cells(rows=[key])[0].paper_run
        assert run is not None
        trial.measure(run, "memory", peak_gib=7.0, hardware=device)
    report = table3a.report()
    marked = {row.row.key: row.cells[0].other_data for row in report.rows if row.cells[0].state == "measured"}
    assert marked == {"exact": False, "performer": True, "orthoformer": False}
    trial.measure(run, "memory", peak_gib=7.0, hardware="a third GPU")
    rows = {row.row.key: row.cells[0].other_data for row in table3a.report().rows}
    assert rows["exact"] and rows["performer"] and rows["orthoformer"]  # none is measured as most are
    assert ("‖", "measured on other data or under other conditions than the rest") in legend(report)


MEMORY = Column(key="memory", header="GiB", metric=Measured("peak_gib", "memory"), base=K400)


def test_a_measurement_without_its_metric_is_an_error(trial: Trial) -> None:
    assert trial.of_columns(MEMORY).report().cells[0].state == "not run"
    for value in ({}, {"peak_gib": None}, {"peak_gib": "much"}):
        trial.measure(K400, "memory", **value)
        with pytest.raises(StoreError, match=rf"{K400.train_id}/measured/memory.json has no 'peak_gib'"):
            trial.of_columns(MEMORY).report()


def test_a_ratio_needs_a_measurement_together_with_its_reference(trial: Trial) -> None:
    metric = SpeedOfReference("speed_of_reference", "turns-float32", reference=SSV2)
    ratios = trial.of_columns(Column(key="ratio", header="SSv2 / row", metric=metric, base=K400))
    session: dict[str, object] = {"session": "now", "rounds": 1}
    ratios.measure(K400, "turns-float32", **session, seconds_per_item={K400.train_id: [1.0]})
    assert ratios.report().rows[0].cells[0].state == "not run"
    seconds = {K400.train_id: [1.0], SSV2.train_id: [2.0]}
    ratios.measure(K400, "turns-float32", **session, seconds_per_item=seconds)
    (ratio,) = ratios.report().rows[0].cells
    assert (ratio.state, ratio.value) == ("measured", pytest.approx(30 / 2 / 3))  # 10 × 3 views and 1 × 3


def test_executed_gflops_are_stated_for_columns_of_published_gflops(trial: Trial) -> None:
    counted = Computed("twice", lambda run: 2.0, executed=lambda run: 1.5)
    for metric, values in ((counted, ["1.5"]), (Computed("twice", lambda run: 2.0), [])):
        found = trial.of_columns(Column(key="a", header="A", metric=metric, base=K400), scale=PAPER)
        assert [cost.value for cost in costs_of(found.report())] == values
        assert not costs_of(found.report(overrides=["model.depth=6"]))


def test_the_share_of_waiting_is_stated_once_for_each_training_that_knows_it(trial: Trial) -> None:
    trial.finish("joint.k400", 50.0, waiting_share=0.246)
    trial.finish("ours.k400", 50.0)
    (cost,) = [cost for cost in costs_of(trial.report()) if cost.kind.startswith("waiting")]
    assert (cost.row, cost.kind, cost.value) == ("Joint, Small", "waiting for data, % of the training", "25")
    assert "Waiting: share" in trial.page() and cost.value in trial.page()
