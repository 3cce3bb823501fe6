"""Provenance of trainings that other processes resume or test, with other code and on other machines."""

import json
from collections.abc import Callable

import pytest

from experiments.runner import train
from experiments.runner.acceptance import problem_of_test
from experiments.runner.callbacks import TrainingProvenance
from experiments.runner.device_time import Trained, measured_speed
from experiments.runner.provenance import joined_provenance, sessions
from experiments.runner.store import RunStore
from experiments.spec.edits import apply, evaluation
from tests.experiments.runner.points import POINTS, RunHarness

GPUS = {"commit": "aaaaaaaaaa", "versions": {"torch": "2.14.1", "av": "18.1.0"}, "hardware": "8 x A100"}
LAPTOP = {"commit": "bbbbbbbbbb", "versions": {"torch": "2.14.1", "av": "18.1.0"}, "hardware": "2 cores of a CPU"}
UseProvenance = Callable[[dict], None]


@pytest.fixture
def use_provenance(monkeypatch: pytest.MonkeyPatch) -> UseProvenance:
    """Let the processes that follow have a provenance."""

    def use(provenance: dict) -> None:
        monkeypatch.setattr(train, "provenance", lambda: provenance)

    return use


def test_a_result_names_code_and_machine_of_the_training_if_the_test_has_others(
    harness: RunHarness, use_provenance: UseProvenance
) -> None:
    use_provenance(GPUS)
    assert "training" not in harness.execute(POINTS)
    use_provenance(LAPTOP)
    retested = apply(POINTS, evaluation(views=2))
    metrics = harness.execute(retested)
    assert metrics["training"] == GPUS and {name: metrics[name] for name in LAPTOP} == LAPTOP
    assert problem_of_test(metrics, retested, released=False) is None
    assert sessions(metrics) == [GPUS, metrics]


def test_a_resumed_training_names_the_code_and_machines_of_all_its_processes(
    harness: RunHarness, use_provenance: UseProvenance
) -> None:
    use_provenance(GPUS)
    harness.execute_and_kill(POINTS, "step", 12)
    use_provenance(LAPTOP)
    metrics = harness.execute(POINTS)
    assert metrics["training"] == {
        "commit": "aaaaaaaaaa and bbbbbbbbbb",
        "versions": LAPTOP["versions"],
        "hardware": "8 x A100 and 2 cores of a CPU",
    }
    assert metrics["commit"] == "bbbbbbbbbb"
    record = json.loads(harness.store.run(POINTS.train_id).training.read_text())
    assert {name: record[name] for name in GPUS} == metrics["training"]


def test_processes_of_one_provenance_are_named_once() -> None:
    found = TrainingProvenance(GPUS)
    found.load_state_dict({"sessions": [GPUS, LAPTOP]})
    assert found.state_dict() == {"sessions": [LAPTOP, GPUS]}
    found.load_state_dict({"sessions": [GPUS]})
    assert found.joined() == GPUS


def test_versions_that_one_record_lacks_are_named() -> None:
    other = {**LAPTOP, "versions": {"torch": "2.15.0"}}
    assert joined_provenance([GPUS, other])["versions"] == {"torch": "2.14.1 and 2.15.0", "av": "18.1.0 and none"}


def test_the_speed_of_a_training_is_that_of_its_own_machine(
    harness: RunHarness, store: RunStore, use_provenance: UseProvenance
) -> None:
    use_provenance(GPUS)
    harness.execute(POINTS)
    use_provenance(LAPTOP)
    retested = apply(POINTS, evaluation(views=2))
    harness.execute(retested)
    speed = measured_speed([Trained(retested, 100)], store)
    assert speed is not None and speed.source == "measured: the speed of 1 training on A100"
