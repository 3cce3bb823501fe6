"""Origins of the numbers of a report: a line a run and a measurement, with the facts of its record."""

from dataclasses import replace

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import load
from experiments.spec.metrics import IN_TURNS, KINDS, TOP1, Measured, VideosPerSecondInTurns
from experiments.spec.scales import TINY
from experiments.spec.table import Column
from reports.pages.origins import origins_of
from runner.measure.memory import MEASUREMENTS
from tests.reports.conftest import Trial

LATENCY = Measured("latency", "latency", function=lambda run, batch_size: {}, conditions="Latency of")
SHA256 = "0123456789abcdef"
WHOLE = {"part": "", "file": "k400.pyth", "sha256": SHA256}
LOOK = {"part": "look", "file": "in.pyth", "sha256": "fedcba9876543210"}
WARNED = {"file": "a.pyth", "sha256": SHA256, "warnings": ["values are trained", "a head is missing"]}
TRAINED = {"commit": "aaaa and bbbb", "hardware": "8 x GPU", "versions": {"python": "3.11.9", "torch": "2.13.0"}}
SPLITS = "devices × items at a time × accumulation"
WHOLE_BATCH = {"from_step": 0, "devices": 1, "micro_batch": 32, "accumulation": 1}
HALVED = {"from_step": 31, "devices": 1, "micro_batch": 16, "accumulation": 2}


@pytest.mark.parametrize(
    ("given", "facts"),
    [
        ({}, {"commit": "0123456789", "hardware": "2 cores of a CPU", "versions": "python 3.11.9, torch 2.14.1"}),
        ({}, {"precision": "16-mixed", SPLITS: "", "replaced in training": "0"}),  # as in older results
        ({"commit": "fedc", "hardware": "8 x GPU"}, {"commit": "fedc", "hardware": "8 x GPU"}),
        ({"versions": {"python": "3.12.1"}}, {"versions": "python 3.12.1"}),
        (
            {"training": [TRAINED], "parents": [{**TRAINED, "hardware": "4 x GPU"}]},
            {
                "commit": "aaaa and bbbb and 0123456789",
                "hardware": "4 x GPU and 8 x GPU (trained), 2 cores of a CPU (tested)",
                "versions": "python 3.11.9, torch 2.13.0 and 2.14.1",
            },
        ),
        ({"training": [{**TRAINED, "hardware": "2 cores of a CPU"}]}, {"hardware": "2 cores of a CPU"}),
        ({"started_from": [WHOLE]}, {"weights": "all started from k400.pyth, sha256 0123456789ab"}),
        (
            {"started_from": [{**WHOLE, "part": "motion"}, LOOK]},
            {"weights": "motion started from k400.pyth, sha256 0123456789ab; look started from in.pyth, sha256 "
                        "fedcba987654"},
        ),
        (
            {"released_weights": WARNED},
            {"weights": "released a.pyth, sha256 0123456789ab (values are trained; a head is missing)",
             "replaced in training": ""},
        ),
        ({"precision": "32-true"}, {"precision": "32-true, not 16-mixed as in the recipe"}),
        ({"batch_splits": [WHOLE_BATCH, HALVED]}, {SPLITS: "1 × 32 × 1, then 1 × 16 × 2 from step 31"}),
        ({"replaced_in_training": 3}, {"replaced in training": "3"}),
    ],
)  # fmt: skip
def test_facts_come_from_the_result_and_not_from_this_machine(given: dict, facts: dict, trial: Trial) -> None:
    assert not origins_of(trial.report())
    trial.finish("joint.k400", 60.0, **given)
    (one,) = origins_of(trial.report())
    assert (one.row, one.columns) == ("Joint, Small", ["Top-1 / K-400"])
    found = {**one.facts, "commit": one.source.commit}
    assert {kind: found[kind] for kind in facts} == facts


def test_one_test_behind_several_columns_is_one_line(trial: Trial) -> None:
    tiny = trial.of(load("cast/table1e"), TINY)
    tiny.finish("s-s.verb", action=20.0, verb=50.0, noun=40.0)
    (origin,) = origins_of(tiny.report())
    assert origin.columns == [f"Top-1 Acc. / {name}" for name in ("Verb", "Noun", "Act.")]


def test_the_precision_of_a_run_without_training_has_no_recipe(trial: Trial) -> None:
    column = Column(key="untrained", header="Untrained", metric=TOP1, base=replace(SSV2, optim=None))
    untrained = trial.of_columns(column)
    untrained.finish("ours.untrained", 20.0, precision="32-true")
    (one,) = origins_of(untrained.report())
    assert one.facts["precision"] == "32-true"


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
