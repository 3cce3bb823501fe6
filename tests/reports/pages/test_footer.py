"""Footer of a report: facts from configs and results."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from data.datasets.kinetics import Kinetics
from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import load
from experiments.spec.edits import Edit
from experiments.spec.metrics import IN_TURNS, KINDS, TOP1, Computed, Measured, VideosPerSecondInTurns
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY, Scale
from experiments.spec.table import Column, Table
from reports.collect import collect
from reports.pages.render import markdown
from runner.measure.memory import MEASUREMENTS
from runner.store.store import RunStore

RunOf = Callable[..., RunConfig]
Finish = Callable[..., None]
TableOf = Callable[..., Table]
KeepMeasurement = Callable[..., Path]
LATENCY = Measured("latency", "latency", function=lambda run, batch_size: {}, conditions="Latency of")


@dataclass(frozen=True, kw_only=True)
class Sounds(Kinetics.Config):
    """Data set with another name and unit."""

    name: str = "sounds"
    unit = "sounds"


def paper_run(table: Table, row: str) -> RunConfig:
    """Run of the first cell of a row at the paper's size."""
    run = table.cells(rows=[row])[0].paper_run
    assert run is not None
    return run


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


def test_code_and_hardware_of_a_training_stand_beside_those_of_its_test(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    versions = {"python": "3.11.9", "torch": "2.14.1"}
    trained = {"commit": "aaaa and bbbb", "hardware": "8 x GPU", "versions": {**versions, "torch": "2.13.0"}}
    finish(run_of(small, "joint.k400"), 60.0, training=[trained], parents=[{**trained, "hardware": "4 x GPU"}])
    finish(run_of(small, "ours.k400"), 61.0, training=[{**trained, "hardware": "2 cores of a CPU"}])
    facts = collect(table, small, store).facts
    assert facts.hardware == ("2 cores of a CPU", "4 x GPU and 8 x GPU (trained), 2 cores of a CPU (tested)")
    assert facts.commits == ("0123456789", "aaaa", "bbbb")
    assert facts.versions == (("python", "3.11.9"), ("torch", "2.13.0 or 2.14.1"))


def test_the_unit_of_items_is_that_of_their_data_set(
    table_of: TableOf, small: Scale, store: RunStore, finish: Finish
) -> None:
    videos = table_of(Column(key="k400", header="K-400", metric=TOP1, base=K400))
    assert collect(videos, small, store).facts.unit == "videos"
    assert "- Videos evaluated / failed / missing: none" in markdown(collect(videos, small, store))
    sounds = replace(K400, data=replace(K400.data, dataset=Sounds(num_classes=5)))
    both = table_of(*videos.columns, Column(key="sounds", header="Sounds", metric=TOP1, base=sounds))
    finish(sounds, 60.0)
    report = collect(both, PAPER, store)
    assert report.facts.unit == "items"
    assert "- Items evaluated / failed / missing: sounds 48 / 0 / 0" in markdown(report)
    assert collect(table_of(both.columns[1]), PAPER, store).facts.unit == "sounds"


def test_the_unit_of_items_is_set_without_tested_columns(table: Table, table_of: TableOf, store: RunStore) -> None:
    assert collect(table, TINY, store, rows=["other"]).facts.unit == "videos"  # a quoted row
    assert collect(table_of(table.columns[0]), TINY, store).facts.unit == "videos"  # GFLOPs alone
    row_of_its_own = table_of(replace(table.columns[0], base=None), base=K400)
    assert collect(row_of_its_own, TINY, store).facts.unit == "videos"


def test_deviations_name_released_initial_weights_and_the_parts_that_they_fill(store: RunStore, finish: Finish) -> None:
    table8 = load("motionformer/table8")
    whole = {"part": "", "file": "k400.pyth", "sha256": "0123456789abcdef"}
    parts = [
        {"part": "motion", "file": "k400.pyth", "sha256": "0123456789abcdef"},
        {"part": "look", "file": "in.pyth", "sha256": "fedcba9876543210"},
    ]
    finish(table8.run_of("ssv2.eight-frames", TINY, (), 0), 80.0, started_from=[whole])
    finish(table8.run_of("ssv2.one-frame", TINY, (), 0), 20.0, started_from=[whole])
    finish(table8.run_of("k400.one-frame", TINY, (), 0), 70.0, started_from=parts)
    finish(table8.run_of("k400.eight-frames", TINY, (), 0), 75.0, started_from=[])
    notes = [note for note in collect(table8, TINY, store).facts.deviations if note.startswith("Started")]
    k400, ssv2 = (f"{name} · Top-1 accuracy" for name in ("Kinetics-400", "Something–Something V2"))
    assert sorted(notes) == [
        f"Started from released weights k400.pyth (sha256 0123456789ab): {ssv2} (1 frame); {ssv2} (8 frames).",
        f"Started its part 'look' from released weights in.pyth (sha256 fedcba987654): {k400} (1 frame).",
        f"Started its part 'motion' from released weights k400.pyth (sha256 0123456789ab): {k400} (1 frame).",
    ]


def test_deviations_name_released_weights_and_their_warnings(store: RunStore, finish: Finish) -> None:
    table8 = load("motionformer/table8")
    released: dict[str, object] = {"file": "a.pyth", "sha256": "0123456789abcdef"}
    warned = {**released, "warnings": ["values are trained", "a head is missing"]}
    finish(table8.run_of("k400.one-frame", TINY, (), 0), 70.0, released_weights=warned, precision="32-true")
    finish(table8.run_of("k400.eight-frames", TINY, (), 0), 70.0, released_weights=released, precision="16-mixed")
    notes = collect(table8, TINY, store).facts.deviations
    name = "Released weights a.pyth, sha256 0123456789ab"
    assert f"{name} (values are trained; a head is missing): Kinetics-400 · Top-1 accuracy (1 frame)." in notes
    assert f"{name}: Kinetics-400 · Top-1 accuracy (8 frames)." in notes
    assert "Tested in 32-true precision instead of 16-mixed." in notes


def test_conditions_of_memory_measurements_name_their_rows_if_they_differ(
    store: RunStore, keep_measurement: KeepMeasurement
) -> None:
    table3a = load("motionformer/table3a")
    keep_measurement(paper_run(table3a, "exact"), "memory", peak_gib=7.13)
    keep_measurement(paper_run(table3a, "orthoformer"), "memory", peak_gib=7.24)
    conditions = "Peak CUDA memory of a training step of {} clips in 16-mixed on a GPU, torch 2.14.1, commit abc"
    facts = collect(table3a, TINY, store).facts
    assert facts.conditions == (conditions.format(6),)
    assert any(cost.startswith("Saved for backward, GB for one clip in float32") for cost in facts.costs)
    assert not any("(Mem.)" in cost for cost in facts.costs)
    keep_measurement(paper_run(table3a, "orthoformer"), "memory", peak_gib=9.0, batch_size=8)
    assert collect(table3a, TINY, store).facts.conditions == (
        f"{conditions.format(6)}: Trajectory (E), N/A",
        f"{conditions.format(8)}: Trajectory (A), Orthoformer",
    )


def test_the_footer_shows_how_training_batches_were_split(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    whole = {"from_step": 0, "devices": 1, "micro_batch": 32, "accumulation": 1}
    halved = {"from_step": 31, "devices": 1, "micro_batch": 16, "accumulation": 2}
    finish(run_of(small, "joint.k400"), 60.0, batch_splits=[whole])
    finish(run_of(small, "ours.ssv2"), 60.0)  # as in older results
    text = "- Training batches (devices × items at a time × accumulation): "
    assert f"{text}kinetics400 1 × 32 × 1\n" in markdown(collect(table, small, store))
    finish(run_of(small, "ours.k400"), 60.0, batch_splits=[whole, halved])
    report = collect(table, small, store)
    ((_, first, cells), (_, second, others)) = report.facts.batches
    assert (first, second) == ("1 × 32 × 1", "1 × 32 × 1, then 1 × 16 × 2 from step 31")
    assert f"{text}kinetics400 {first} ({cells[0]}), kinetics400 {second} ({others[0]})\n" in markdown(report)


def test_the_footer_counts_items_replaced_in_training(
    table: Table, small: Scale, store: RunStore, finish: Finish, run_of: RunOf
) -> None:
    assert collect(table, small, store).facts.replaced == ()
    finish(run_of(small, "joint.k400"), 60.0, replaced_in_training=0)
    finish(run_of(small, "ours.k400"), 60.0, replaced_in_training=0)
    finish(run_of(small, "ours.ssv2"), 60.0, replaced_in_training=0, released_weights={"file": "a", "sha256": "0"})
    report = collect(table, small, store)
    assert report.facts.replaced == (("kinetics400", "0", ()),)
    line = "- Videos that could not be read and were replaced in training: "
    assert f"{line}kinetics400 0\n" in markdown(report).partition("Data, hardware")[2]
    finish(run_of(small, "ours.k400"), 60.0, replaced_in_training=3)
    cells = "kinetics400 0 (Joint, Small · Top-1 / K-400), kinetics400 3 (Ours, Small (Att_T) · Top-1 / K-400)"
    assert line + cells in markdown(collect(table, small, store)).partition("<details>")[0]


def test_a_measurement_that_a_paper_defines_has_its_own_conditions(
    table_of: TableOf, small: Scale, store: RunStore, keep_measurement: KeepMeasurement
) -> None:
    latency, rate = (replace(LATENCY, name=name) for name in ("latency", "rate"))
    speeds = table_of(
        Column(key="latency", header="Latency", metric=latency, base=K400),
        Column(key="clips", header="Clips/s", metric=rate, base=K400),
    )
    assert collect(speeds, small, store).facts.conditions == ()
    keep_measurement(K400, "latency", latency=2.5, rate=75.0)
    facts = collect(speeds, small, store).facts
    assert facts.conditions == ("Latency of 6 clips in 16-mixed on a GPU, torch 2.14.1, commit abc",)
    assert set(facts.measurements) == {(K400.train_id, "latency")}


def test_measurements_in_turns_name_their_rounds(
    table_of: TableOf, store: RunStore, keep_measurement: KeepMeasurement
) -> None:
    metric = VideosPerSecondInTurns("videos_per_second", "turns-float32")
    speeds = table_of(Column(key="videos", header="Videos/s", metric=metric, base=K400))
    seconds = {K400.train_id: [1.0, 2.0, 3.0]}
    keep_measurement(K400, "turns-float32", session="now", rounds=3, seconds_per_item=seconds)
    assert collect(speeds, PAPER, store).facts.conditions == (
        "Throughput of inference, one batch of each row in turn, on 6 clips in 16-mixed on a GPU, torch 2.14.1, commit "
        "abc; median of 3 rounds",
    )


def test_every_kind_of_measurement_has_a_text() -> None:
    assert KINDS.keys() == MEASUREMENTS.keys() | IN_TURNS.keys()
    assert (LATENCY.sentence, Measured("peak_gib", "memory").sentence) == ("Latency of", KINDS["memory"])
    with pytest.raises(ValueError, match="'latency' is not one of the measurements memory, turns-float32"):
        Measured("latency", "latency")


@pytest.mark.parametrize("fact", ["batch_size", "precision"])
def test_a_measurement_without_its_conditions_is_not_shown(
    table_of: TableOf, store: RunStore, keep_measurement: KeepMeasurement, fact: str
) -> None:
    memory = table_of(Column(key="memory", header="Memory", metric=Measured("peak_gib", "memory"), base=K400))
    path = keep_measurement(K400, "memory", peak_gib=7.1)
    path.write_text(json.dumps({name: value for name, value in json.loads(path.read_text()).items() if name != fact}))
    report = collect(memory, PAPER, store)
    assert report.rows[0].cells[0].state == "not run" and report.facts.measurements == ()


def test_executed_gflops_are_stated_for_columns_of_published_gflops(table_of: TableOf, store: RunStore) -> None:
    counted = Computed("twice", lambda run: 2.0, executed=lambda run: 1.5)
    alone = Computed("twice", lambda run: 2.0)
    for metric, costs in ((counted, ("Ours, Small (Att_T): 1.5",)), (alone, ())):
        found = collect(table_of(Column(key="a", header="A", metric=metric, base=K400)), PAPER, store).facts.costs
        assert tuple(cost.partition("same result: ")[2] for cost in found) == costs


def test_a_removed_parent_is_a_change_and_a_scaled_parent_is_none(
    table_of: TableOf, toy: Scale, store: RunStore
) -> None:
    ssv2 = table_of(Column(key="ssv2", header="SSv2", metric=TOP1, base=SSV2))
    assert dict(collect(ssv2, toy, store).facts.changes) == {"optim.batch_size": "128 → 8"}
    alone = replace(ssv2, tiny=(Edit("parents", ()),))
    assert dict(collect(alone, toy, store).facts.changes)["parents"] == "(start) → ()"


def test_a_run_without_training_has_no_note_on_precision(
    table_of: TableOf, small: Scale, store: RunStore, finish: Finish
) -> None:
    untrained = replace(SSV2, optim=None)
    both = table_of(
        Column(key="trained", header="Trained", metric=TOP1, base=K400),
        Column(key="untrained", header="Untrained", metric=TOP1, base=untrained),
    )
    finish(both.run_of("ours.untrained", small, (), 0), 20.0, precision="32-true")
    facts = collect(both, small, store).facts
    assert facts.deviations == ("A note.",)
    assert facts.changes == (("optim.batch_size", "128 → 8"),)
    finish(both.run_of("ours.trained", small, (), 0), 60.0, precision="32-true")
    note = "Trained and tested in 32-true precision instead of 16-mixed."
    assert collect(both, small, store).facts.deviations == (note, "A note.")


def test_saved_bytes_of_two_columns_name_them_where_their_runs_differ(store: RunStore) -> None:
    costs = collect(load("motionformer/table5"), TINY, store).facts.costs
    (saved,) = (cost for cost in costs if cost.startswith("Saved for backward, GB for one sequence"))
    assert "Exact [83] (Mem. (MB)): 0.22; Exact [83] (Mem. of ours (MB)): 0.018; Performer-256 [16]: 0.055" in saved
