"""Origins of the numbers of a report: a line a run and a measurement, with the facts of its record."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import load
from experiments.spec.metrics import IN_TURNS, KINDS, TOP1, Measured, VideosPerSecondInTurns
from experiments.spec.scales import TINY
from experiments.spec.table import Column
from reports.pages.origins import origins_of
from reports.pages.report import Report
from runner.measure.memory import MEASUREMENTS
from tests.reports.conftest import Trial

LATENCY = Measured("latency", "latency", function=lambda run, batch_size: {}, conditions="Latency of")
SHA256 = "0123456789abcdef"


def facts(report: Report) -> dict[str, dict[str, str]]:
    """Facts of each origin, by its row and columns."""
    return {f"{one.row} · {', '.join(one.columns)}": one.facts for one in origins_of(report)}


def test_facts_come_from_the_results_and_not_from_this_machine(trial: Trial) -> None:
    assert not origins_of(trial.report())
    trial.finish("joint.k400", 60.0)
    trial.finish("ours.k400", 61.0, hardware="8 x GPU", versions={"python": "3.12.1"}, commit="fedc")
    first, second = origins_of(trial.report())
    assert (first.row, first.columns, first.source.commit) == ("Joint, Small", ["Top-1 / K-400"], "0123456789")
    assert (first.facts["hardware"], first.facts["versions"]) == ("2 cores of a CPU", "python 3.11.9, torch 2.14.1")
    assert (second.facts["hardware"], second.facts["versions"], second.source.commit) == (
        "8 x GPU", "python 3.12.1", "fedc"
    )  # fmt: skip


def test_code_and_hardware_of_a_training_stand_beside_those_of_its_test(trial: Trial) -> None:
    versions = {"python": "3.11.9", "torch": "2.14.1"}
    trained = {"commit": "aaaa and bbbb", "hardware": "8 x GPU", "versions": {**versions, "torch": "2.13.0"}}
    trial.finish("joint.k400", 60.0, training=[trained], parents=[{**trained, "hardware": "4 x GPU"}])
    trial.finish("ours.k400", 61.0, training=[{**trained, "hardware": "2 cores of a CPU"}])
    first, second = origins_of(trial.report())
    assert first.facts["hardware"] == "4 x GPU and 8 x GPU (trained), 2 cores of a CPU (tested)"
    assert second.facts["hardware"] == "2 cores of a CPU"
    assert first.source.commit == "aaaa and bbbb and 0123456789"
    assert first.facts["versions"] == "python 3.11.9, torch 2.13.0 and 2.14.1"


def test_one_test_behind_several_columns_is_one_line(trial: Trial) -> None:
    tiny = trial.of(load("cast/table1e"), TINY)
    tiny.finish("s-s.verb", action=20.0, verb=50.0, noun=40.0)
    (origin,) = origins_of(tiny.report())
    assert origin.columns == [f"Top-1 Acc. / {name}" for name in ("Verb", "Noun", "Act.")]


def test_released_weights_are_named_where_they_were_tested_or_started_from(trial: Trial) -> None:
    table8 = trial.of(load("motionformer/table8"), TINY)
    whole = {"part": "", "file": "k400.pyth", "sha256": SHA256}
    parts = [{**whole, "part": "motion"}, {"part": "look", "file": "in.pyth", "sha256": "fedcba9876543210"}]
    warned = {"file": "a.pyth", "sha256": SHA256, "warnings": ["values are trained", "a head is missing"]}
    table8.finish("ssv2.one-frame", 20.0, started_from=[whole])
    table8.finish("k400.one-frame", 70.0, started_from=parts)
    table8.finish("k400.eight-frames", 75.0, released_weights=warned)
    k400, released, ssv2 = (one.facts["weights"] for one in origins_of(table8.report()))
    assert ssv2 == "all started from k400.pyth, sha256 0123456789ab"
    assert k400 == (
        "motion started from k400.pyth, sha256 0123456789ab; look started from in.pyth, sha256 fedcba987654"
    )
    assert released == "released a.pyth, sha256 0123456789ab (values are trained; a head is missing)"


def test_a_precision_that_is_not_that_of_the_recipe_is_named(trial: Trial) -> None:
    both = trial.of_columns(
        Column(key="trained", header="Trained", metric=TOP1, base=K400),
        Column(key="untrained", header="Untrained", metric=TOP1, base=replace(SSV2, optim=None)),
    )
    for column in ("trained", "untrained"):
        both.finish(f"ours.{column}", 20.0, precision="32-true")
    trained, untrained = (one.facts["precision"] for one in origins_of(both.report()))
    assert (trained, untrained) == ("32-true, not 16-mixed as in the recipe", "32-true")


def test_splits_of_batches_and_replaced_items_are_those_of_trainings(trial: Trial) -> None:
    whole = {"from_step": 0, "devices": 1, "micro_batch": 32, "accumulation": 1}
    halved = {"from_step": 31, "devices": 1, "micro_batch": 16, "accumulation": 2}
    trial.finish("joint.k400", 60.0, batch_splits=[whole, halved], replaced_in_training=3)
    trial.finish("ours.k400", 60.0)  # as in older results
    trial.finish("ours.ssv2", 60.0, released_weights={"file": "a", "sha256": "0"}, replaced_in_training=0)
    kinds = ("devices × items at a time × accumulation", "replaced in training")
    found = [tuple(one.facts[kind] for kind in kinds) for one in origins_of(trial.report())]
    assert found == [("1 × 32 × 1, then 1 × 16 × 2 from step 31", "3"), ("", "0"), ("", "")]


def test_measurements_have_their_conditions(trial: Trial) -> None:
    speeds = trial.of_columns(
        Column(key="latency", header="Latency", metric=LATENCY, base=K400),
        Column(key="clips", header="Clips/s", metric=replace(LATENCY, name="rate"), base=K400),
        Column(key="videos", header="Videos/s", metric=VideosPerSecondInTurns("v", "turns-float32"), base=K400),
        Column(key="memory", header="Memory", metric=Measured("peak_gib", "memory"), base=K400),
    )
    assert not origins_of(speeds.report())
    speeds.measure(K400, "latency", latency=2.5, rate=75.0)
    seconds = {K400.train_id: [1.0, 2.0, 3.0]}
    speeds.measure(K400, "turns-float32", session="now", rounds=3, seconds_per_item=seconds)
    speeds.measure(K400, "memory", peak_gib=7.13)
    latency, turns, memory = origins_of(speeds.report())
    assert (latency.columns, latency.facts["measured"]) == (["Latency", "Clips/s"], "Latency of 6 clips")
    assert latency.facts["precision"] == "16-mixed" and latency.facts["hardware"] == "a GPU"
    assert turns.facts["measured"].endswith("in turn, on 6 clips; median of 3 rounds")
    assert turns.facts["session"] == "now"
    assert memory.facts["measured"] == f"{KINDS['memory']} 6 clips"


def test_every_kind_of_measurement_has_a_text() -> None:
    assert KINDS.keys() == MEASUREMENTS.keys() | IN_TURNS.keys()
    assert (LATENCY.sentence, Measured("peak_gib", "memory").sentence) == ("Latency of", KINDS["memory"])
    with pytest.raises(ValueError, match="'latency' is not one of the measurements memory, turns-float32"):
        Measured("latency", "latency")
