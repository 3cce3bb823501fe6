"""Runs on disk."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.runner.store import RunStore, StoreError, replacing, write_atomically
from experiments.spec.run import Parent


def result(top1: float) -> dict[str, object]:
    videos = {"evaluated": 1, "failed": 0, "missing": 0}
    return {"top1": top1, "videos": videos, "data": {"name": "ssv2"}, "versions": {}, "seconds": 1.0}


def store_with_metrics(root: Path, top1: float) -> RunStore:
    store = RunStore(root)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(top1)))
    return store


def test_a_run_that_was_never_started_is_not_run(tmp_path: Path) -> None:
    assert RunStore(tmp_path).run("aaa").state("eee") == "not run"


def test_a_run_is_done_only_when_the_metrics_of_that_protocol_exist(tmp_path: Path) -> None:
    directory = store_with_metrics(tmp_path, top1=1.0).run("aaa")
    assert directory.state("eee") == "done"
    assert directory.state("other") == "not run"


def test_a_claim_is_exclusive_and_visible(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    with directory.claim() as mine:
        assert mine
        assert directory.state("eee") == "running"
        with directory.claim() as second:
            assert not second
    assert directory.state("eee") == "not run"


def test_a_killed_process_leaves_no_claim(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; from experiments.runner.store import RunStore\n"
        "with RunStore(pathlib.Path(sys.argv[1])).run('aaa').claim() as mine: os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3])
    assert killed.returncode == -9
    directory = RunStore(tmp_path).run("aaa")
    assert directory.state("eee") == "not run"
    with directory.claim() as mine:
        assert mine


def test_a_directory_that_holds_another_run_is_refused(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    directory.hold_config({"seed": 0})
    directory.hold_config({"seed": 0})
    with pytest.raises(StoreError, match="another run"):
        directory.hold_config({"seed": 1})


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "metrics.json"
    write_atomically(file, "old")

    def full_disk(self: Path, text: str) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(StoreError, match=r"No space left on device; free space there or name another place"):
        write_atomically(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]


def test_two_processes_write_the_same_file_without_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "maps.npz"
    with replacing(file) as first:
        first.write_text("whole")
        monkeypatch.setattr(os, "getpid", lambda: 0)
        with replacing(file) as second:
            second.write_text("who")
    assert file.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [file]


def test_damaged_metrics_are_named_and_never_reported(tmp_path: Path) -> None:
    store = store_with_metrics(tmp_path, top1=1.0)
    store.run("aaa").metrics("eee").write_text('{"top1": 1')
    with pytest.raises(StoreError, match=r"eee\.json"):
        store.metrics("aaa", "eee")


def test_results_made_here_win_over_published_ones(tmp_path: Path) -> None:
    published = store_with_metrics(tmp_path / "results", top1=1.0)
    store = RunStore(tmp_path / "runs", results=published.root)
    assert store.metrics("aaa", "eee") == result(1.0)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(2.0)))
    assert store.metrics("aaa", "eee") == result(2.0)
    store.publish("aaa", "eee")
    assert published.metrics("aaa", "eee") == result(2.0)


def test_a_result_that_is_no_result_is_named(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").metrics("eee"), '{"top1": 2.0}')
    with pytest.raises(StoreError, match="holds no result of this test; move it away"):
        store.metrics("aaa", "eee")


@pytest.mark.parametrize("damage", [{"videos": "48"}, {"data": None}, {"versions": []}, {"train_id": "bbb"}])
def test_a_result_of_another_shape_or_run_is_named(tmp_path: Path, damage: dict[str, object]) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(2.0) | damage))
    with pytest.raises(StoreError, match=r"eee\.json holds no result of this test; move it away"):
        store.metrics("aaa", "eee")


def test_released_weights_that_were_tested_here_win_over_what_was_published(tmp_path: Path) -> None:
    published = store_with_metrics(tmp_path / "results", top1=1.0)
    store = RunStore(tmp_path / "runs", results=published.root)
    write_atomically(store.run("aaa").metrics("eee", released=True), json.dumps(result(2.0)))
    assert store.metrics("aaa", "eee") == result(2.0)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(3.0)))
    assert store.metrics("aaa", "eee") == result(3.0)


def test_a_damaged_result_is_no_finished_test(tmp_path: Path) -> None:
    store = store_with_metrics(tmp_path, top1=1.0)
    assert store.run("aaa").tested("eee", eval_only=False)
    store.run("aaa").metrics("eee").write_text("{")
    with pytest.raises(StoreError, match=r"eee\.json"):
        store.run("aaa").tested("eee", eval_only=False)


MEMORY = {
    "peak_gib": 7.4,
    "batch_size": 8,
    "precision": "16-mixed",
    "hardware": "a GPU",
    "versions": {"torch": "2"},
    "commit": "abc",
}


@pytest.mark.parametrize("lost", ["batch_size", "precision", "hardware", "versions", "commit"])
def test_a_measurement_that_does_not_say_how_it_came_about_is_named(tmp_path: Path, lost: str) -> None:
    store = RunStore(tmp_path)
    record = {name: value for name, value in MEMORY.items() if name != lost}
    write_atomically(store.run("aaa").measurement("memory"), json.dumps(record))
    with pytest.raises(StoreError, match=rf"measured/memory\.json: it lacks '{lost}'; move it away"):
        store.measurement("aaa", "memory")


def test_measurements_made_here_win_over_published_ones_of_the_same_kind(tmp_path: Path) -> None:
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


def test_a_run_directory_holds_a_run_with_several_parents(tmp_path: Path) -> None:
    parents = (Parent(run=K400, part="spatial"), Parent(run=SSV2, part="temporal"))
    run, other = (replace(SSV2, parents=order) for order in (parents, parents[::-1]))
    directory = RunStore(tmp_path).run(run.train_id)
    directory.hold_config(run.description)
    directory.hold_config(run.description)
    with pytest.raises(StoreError, match="another run"):
        directory.hold_config(other.description)


@pytest.mark.parametrize(
    ("progress", "done"),
    [
        ({}, None),
        ({"stage": "train", "done": 0.5}, 0.45),
        ({"stage": "train", "done": 1.0}, 0.9),
        ({"stage": "test", "done": 0.5}, 0.95),
    ],
)
def test_training_takes_nine_tenths_of_a_run(tmp_path: Path, progress: dict[str, object], done: float | None) -> None:
    directory = RunStore(tmp_path).run("aaa")
    assert directory.fraction_done() is None
    write_atomically(directory.progress_file, json.dumps(progress))
    assert directory.fraction_done() == (None if done is None else pytest.approx(done))
    directory.progress_file.write_text("{half")
    assert directory.fraction_done() is None


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "file.npz"
    path.write_text("old")
    with pytest.raises(StoreError, match="No space left on device; free space there"), replacing(path) as partial:
        partial.write_text("half")
        raise OSError(28, "No space left on device")
    assert [file.name for file in tmp_path.iterdir()] == ["file.npz"]
    assert path.read_text() == "old"
