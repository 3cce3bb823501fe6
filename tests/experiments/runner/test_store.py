"""Store of runs: precedence, checks and publication of results."""

import json
from pathlib import Path

import pytest

from experiments.runner.files import StoreError, write_atomically
from experiments.runner.store import RunStore
from tests.experiments.runner.stored_metrics import result, store_with_metrics


def test_the_error_for_damaged_metrics_contains_the_file(tmp_path: Path) -> None:
    store = store_with_metrics(tmp_path, top1=1.0)
    store.run("aaa").metrics("eee").write_text('{"top1": 1')
    with pytest.raises(StoreError, match=r"eee\.json"):
        store.metrics("aaa", "eee")


def test_results_made_here_precede_published_ones(tmp_path: Path) -> None:
    published = store_with_metrics(tmp_path / "results", top1=1.0)
    store = RunStore(tmp_path / "runs", results=published.root)
    assert store.metrics("aaa", "eee") == result(1.0)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(2.0)))
    assert store.metrics("aaa", "eee") == result(2.0)
    store.publish("aaa", "eee")
    assert published.metrics("aaa", "eee") == result(2.0)


def test_the_error_for_incomplete_metrics_contains_the_remedy(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").metrics("eee"), '{"top1": 2.0}')
    with pytest.raises(StoreError, match="holds no result of this test; move it away"):
        store.metrics("aaa", "eee")


@pytest.mark.parametrize("damage", [{"videos": "48"}, {"data": None}, {"versions": []}, {"train_id": "bbb"}])
def test_metrics_of_another_format_or_run_are_refused(tmp_path: Path, damage: dict[str, object]) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(2.0) | damage))
    with pytest.raises(StoreError, match=r"eee\.json holds no result of this test; move it away"):
        store.metrics("aaa", "eee")


def test_results_of_released_weights_made_here_precede_published_ones(tmp_path: Path) -> None:
    published = store_with_metrics(tmp_path / "results", top1=1.0)
    store = RunStore(tmp_path / "runs", results=published.root)
    write_atomically(store.run("aaa").metrics("eee", released=True), json.dumps(result(2.0)))
    assert store.metrics("aaa", "eee") == result(2.0)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(3.0)))
    assert store.metrics("aaa", "eee") == result(3.0)


MEMORY = {
    "peak_gib": 7.4,
    "batch_size": 8,
    "precision": "16-mixed",
    "hardware": "a GPU",
    "versions": {"torch": "2"},
    "commit": "abc",
}


@pytest.mark.parametrize("missing", ["batch_size", "precision", "hardware", "versions", "commit"])
def test_a_measurement_without_provenance_is_refused(tmp_path: Path, missing: str) -> None:
    store = RunStore(tmp_path)
    record = {name: value for name, value in MEMORY.items() if name != missing}
    write_atomically(store.run("aaa").measurement("memory"), json.dumps(record))
    with pytest.raises(StoreError, match=rf"measured/memory\.json: it lacks '{missing}'; move it away"):
        store.measurement("aaa", "memory")


def test_measurements_made_here_precede_published_ones_of_the_same_kind(tmp_path: Path) -> None:
    published = RunStore(tmp_path / "results")
    store = RunStore(tmp_path / "runs", results=published.root)
    assert store.measurement("aaa", "memory") is None
    write_atomically(published.run("aaa").measurement("memory"), json.dumps(MEMORY))
    assert store.measurement("aaa", "memory") == MEMORY
    assert store.measurement("aaa", "throughput") is None
    other = {**MEMORY, "peak_gib": 3.0}
    write_atomically(store.run("aaa").measurement("memory"), json.dumps(other))
    assert store.measurement("aaa", "memory") == other
    store.publish_measurement("aaa", "memory")
    store.publish_measurement("aaa", "throughput")  # there is none
    assert published.measurement("aaa", "memory") == other
    assert [file.name for file in published.root.rglob("*.*")] == ["memory.json"]


def test_only_finished_tests_are_published(tmp_path: Path) -> None:
    store = RunStore(tmp_path / "runs", results=tmp_path / "results")
    directory = store.run("aaa")
    write_atomically(directory.config, "{}")
    store.publish("aaa", "eee")
    assert not (tmp_path / "results").exists()
    write_atomically(directory.provenance, "{}")
    write_atomically(directory.metrics("eee", released=True), json.dumps(result(1.0)))
    store.publish("aaa", "eee")
    assert {file.name for file in (tmp_path / "results").rglob("*.json")} == {
        "config.json",
        "run.json",
        "eee.released.json",
    }
