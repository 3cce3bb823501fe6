"""Runs on disk."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from experiments.store import RunStore, StoreError, replacing, write_atomically


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
        "import os, sys, pathlib; from experiments.store import RunStore\n"
        "with RunStore(pathlib.Path(sys.argv[1])).run('aaa').claim() as mine: os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2])
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
        store.measured("aaa", "eee")


def test_results_made_here_win_over_published_ones(tmp_path: Path) -> None:
    published = store_with_metrics(tmp_path / "results", top1=1.0)
    store = RunStore(tmp_path / "runs", results=published.root)
    assert store.measured("aaa", "eee") == result(1.0)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(2.0)))
    assert store.measured("aaa", "eee") == result(2.0)
    store.publish("aaa", "eee")
    assert published.measured("aaa", "eee") == result(2.0)


def test_a_result_that_is_no_result_is_named(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").metrics("eee"), '{"top1": 2.0}')
    with pytest.raises(StoreError, match="holds no result of this test; move it away"):
        store.measured("aaa", "eee")


@pytest.mark.parametrize("damage", [{"videos": "48"}, {"data": None}, {"versions": []}, {"train_id": "bbb"}])
def test_a_result_of_another_shape_or_run_is_named(tmp_path: Path, damage: dict[str, object]) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(2.0) | damage))
    with pytest.raises(StoreError, match=r"eee\.json holds no result of this test; move it away"):
        store.measured("aaa", "eee")


def test_released_weights_that_were_tested_here_win_over_what_was_published(tmp_path: Path) -> None:
    published = store_with_metrics(tmp_path / "results", top1=1.0)
    store = RunStore(tmp_path / "runs", results=published.root)
    write_atomically(store.run("aaa").metrics("eee", released=True), json.dumps(result(2.0)))
    assert store.measured("aaa", "eee") == result(2.0)
    write_atomically(store.run("aaa").metrics("eee"), json.dumps(result(3.0)))
    assert store.measured("aaa", "eee") == result(3.0)


def test_a_damaged_result_is_no_finished_test(tmp_path: Path) -> None:
    store = store_with_metrics(tmp_path, top1=1.0)
    assert store.run("aaa").tested("eee", eval_only=False)
    store.run("aaa").metrics("eee").write_text("{")
    with pytest.raises(StoreError, match=r"eee\.json"):
        store.run("aaa").tested("eee", eval_only=False)


def test_a_record_that_lacks_what_is_read_of_it_is_named(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    write_atomically(store.run("aaa").memory, '{"peak_gib": 7.0}')
    with pytest.raises(StoreError, match=r"memory\.json: it lacks 'batch_size'; move it away"):
        store.memory("aaa")
