"""Provenance of trainings that other processes resume or test, with other code and on other machines."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from msgspec import to_builtins

from experiments.spec.edits import apply, evaluation
from experiments.spec.run import Parent, RunConfig
from runner.measure.device_time import measured_speed
from runner.store.records import UNKNOWN, record_of_test
from runner.training import train
from tests.runner.points import POINTS, RunHarness

GPUS = {"commit": "aaaaaaaaaa", "versions": {"torch": "2.14.1", "av": "18.1.0"}, "hardware": "8 x A100"}
LAPTOP = {"commit": "bbbbbbbbbb", "versions": {"torch": "2.14.1", "av": "18.1.0"}, "hardware": "2 cores of a CPU"}
UseProvenance = Callable[[dict], None]


@pytest.fixture
def use_provenance(monkeypatch: pytest.MonkeyPatch) -> UseProvenance:
    """Let the processes that follow have a provenance."""

    def use(provenance: dict) -> None:
        monkeypatch.setattr(train, "provenance", lambda: provenance)

    return use


def named(metrics: dict) -> list[dict]:
    """Provenance of all processes of a result."""
    return [to_builtins(session) for session in record_of_test(metrics).sessions]


def speed_of(run: RunConfig, harness: RunHarness) -> str | None:
    """Source of the speed of a training; None without a speed."""
    speed = measured_speed([(run, 100)], harness.store)
    return None if speed is None else speed.source


def test_a_result_names_code_and_machine_of_the_training_if_the_test_has_others(
    harness: RunHarness, use_provenance: UseProvenance, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_provenance(GPUS)
    assert "training" not in harness.execute(POINTS)
    use_provenance(LAPTOP)
    retested = apply(POINTS, evaluation(views=1))
    metrics = harness.execute(retested)
    assert metrics["training"] == [GPUS] and {name: metrics[name] for name in LAPTOP} == LAPTOP
    assert named(metrics) == [GPUS, LAPTOP]
    assert speed_of(retested, harness) == "a guess: the speed of 1 training on A100"
    monkeypatch.setattr(type(POINTS.model), "macs", lambda *_: 0)
    assert speed_of(retested, harness) is None  # of a training without operations


def test_a_resumed_training_names_the_code_and_machines_of_all_its_processes(
    harness: RunHarness, use_provenance: UseProvenance
) -> None:
    use_provenance(GPUS)
    harness.execute_and_kill(POINTS, "step", 12)
    use_provenance(LAPTOP)
    metrics = harness.execute(POINTS)
    assert metrics["training"] == [GPUS, LAPTOP] and metrics["commit"] == "bbbbbbbbbb"
    record = json.loads(harness.store.run(POINTS.train_id).training.read_text())
    assert record["sessions"] == metrics["training"]
    assert speed_of(POINTS, harness) is None  # on machines of two kinds


def test_processes_before_a_checkpoint_of_an_earlier_version_are_unknown(
    harness: RunHarness, use_provenance: UseProvenance
) -> None:
    use_provenance(GPUS)
    harness.execute_and_kill(POINTS, "step", 12)
    checkpoint = harness.store.run(POINTS.train_id).checkpoint
    content = torch.load(checkpoint, weights_only=True)
    del content["callbacks"]["TrainingProvenance"]
    torch.save(content, checkpoint)
    assert harness.execute(POINTS)["training"] == [UNKNOWN, GPUS]


def test_a_training_record_of_an_earlier_version_names_one_process(
    harness: RunHarness, use_provenance: UseProvenance
) -> None:
    use_provenance(LAPTOP)
    harness.execute(POINTS)
    file = harness.store.run(POINTS.train_id).training
    record = json.loads(file.read_text())
    del record["sessions"]
    for earlier, expected in ((GPUS, [GPUS]), ({}, [UNKNOWN])):
        file.write_text(json.dumps({**record, **earlier}))
        metrics = harness.execute(apply(POINTS, evaluation(views=1 + len(earlier))))
        assert metrics["training"] == expected
        harness.store.run(POINTS.train_id).metrics(metrics["eval_id"]).unlink()


def test_a_result_names_code_and_machines_of_the_parents(harness: RunHarness, use_provenance: UseProvenance) -> None:
    child = replace(POINTS, seed=1, parents=(Parent(run=POINTS),))
    grandchild = replace(POINTS, optim=None, parents=(Parent(run=child),))
    for run, provenance in ((POINTS, GPUS), (child, LAPTOP)):
        use_provenance(provenance)
        metrics = harness.execute(run)
    assert metrics["parents"] == [GPUS] and "training" not in metrics
    metrics = harness.execute(grandchild)
    assert metrics["parents"] == [GPUS, LAPTOP] and named(metrics) == [GPUS, LAPTOP, LAPTOP]
    use_provenance(GPUS)
    assert "parents" not in harness.execute(replace(child, seed=2))


def test_a_training_on_machines_of_one_kind_has_their_speed(harness: RunHarness, use_provenance: UseProvenance) -> None:
    use_provenance({**GPUS, "hardware": "4 x A100"})
    harness.execute_and_kill(POINTS, "step", 12)
    use_provenance(GPUS)
    harness.execute(POINTS)
    assert speed_of(POINTS, harness) == "a guess: the speed of 1 training on A100"
