"""`reproduce status`: state of each run, headline metric, and reason of failure."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from experiments.motionformer.base import EPIC100, K400
from experiments.spec.catalog import find
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY
from reproduce.command import main
from reproduce.verbs.status import status_json, status_text
from runner.jobs.failures import Failure, save_failure
from runner.machine.files import write_atomically
from runner.store.jobs import CellName, Job, jobs_of
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result


def job(run: RunConfig = K400, *, shown: bool = True) -> Job:
    cell = CellName("p/t", "a", "top1")
    return Job(run, cell, 0, cells=[cell] if shown else [])


def finish(store: RunStore, run: RunConfig, metrics: Mapping[str, Any], *, released: bool = False) -> None:
    write_result(store, run, released=released, **metrics)


def state(store: RunStore, one: Job) -> dict:
    (entry,) = status_json([one], store)
    return entry  # type: ignore[return-value]


def test_status_shows_each_state_of_a_run(store: RunStore) -> None:
    directory = store.run(K400.train_id)
    assert (state(store, job())["state"], state(store, job())["log"]) == ("not run", None)
    write_atomically(directory.log, "log")
    with directory.claim():
        write_atomically(directory.progress_file, json.dumps({"stage": "train", "done": 0.5}))
        entry = state(store, job())
        assert (entry["state"], entry["progress"]) == ("running", 0.45)
        assert "running" in status_text([job()], store) and "45%" in status_text([job()], store)
    write_atomically(directory.weights, "")
    assert state(store, job())["state"] == "trained"  # the test is left
    write_atomically(directory.checkpoint, "")
    assert state(store, job())["state"] == "interrupted" and state(store, job())["progress"] is None
    write_atomically(directory.failure, "the disk is full\n")
    entry = state(store, job())
    assert (entry["state"], entry["reason"], entry["log"]) == ("failed", "the disk is full", str(directory.log))
    assert "the disk is full" in status_text([job()], store)
    finish(store, K400, {"top1": 79.72})
    entry = state(store, job())
    assert (entry["state"], entry["reason"]) == ("done", None)


def test_status_shows_epoch_and_remaining_time_of_a_running_run(store: RunStore) -> None:
    directory = store.run(K400.train_id)
    progress = {"stage": "train", "done": 0.5, "epoch": 18, "epochs": 35, "seconds_left": 7300.0}
    with directory.claim():
        write_atomically(directory.progress_file, json.dumps(progress))
        assert "epoch 18/35, 45%, train: 2.0 h left" in status_text([job()], store)
        entry = state(store, job())
        assert (entry["position"], entry["seconds_left"], entry["stage"]) == ("epoch 18/35", 7300.0, "train")
        write_atomically(directory.progress_file, json.dumps({"stage": "test", "done": 0.5, "seconds_left": 40.0}))
        assert "test, 95%, test: 40 s left" in status_text([job()], store)
    write_atomically(directory.progress_file, json.dumps(progress))
    write_atomically(directory.checkpoint, "")
    assert "epoch 18/35" in status_text([job()], store) and "left" not in status_text([job()], store)


def test_status_counts_the_runs_by_state(store: RunStore) -> None:
    finish(store, K400, {"top1": 79.72})
    assert "\n\n2 runs: 1 done, 1 not run" in status_text([job(), job(EPIC100)], store)


@pytest.mark.parametrize(("run", "metric"), [(K400, "top1"), (EPIC100, "action")])
def test_status_shows_the_value_of_the_headline_metric(run: RunConfig, metric: str, store: RunStore) -> None:
    assert (state(store, job(run))["metric"], state(store, job(run))["value"]) == (metric, None)
    finish(store, run, {metric: 43.12, "top5": 99.0})
    assert (state(store, job(run))["metric"], state(store, job(run))["value"]) == (metric, 43.12)
    assert f"{metric} 43.1" in status_text([job(run)], store)


def test_percentages_have_one_decimal_and_the_last_column_a_name_if_it_says_something(store: RunStore) -> None:
    finish(store, K400, {"top1": 72.0})
    header, rule, line = status_text([job()], store).splitlines()[:3]
    assert header.split() == ["run", "id", "state", "value"] and len(rule.split()) == 4
    assert line.endswith("  top1 72.0")
    write_atomically(store.run(EPIC100.train_id).failure, "the disk is full")
    header, *_ = status_text([job(), job(EPIC100)], store).splitlines()
    assert header.split()[-1] == "detail"


def test_published_results_have_their_own_state(store: RunStore) -> None:
    assert store.results is not None
    finish(RunStore(store.results), K400, {"top1": 79.72})
    entry = state(store, job())
    assert (entry["state"], entry["value"], entry["published"]) == ("published", 79.72, True)
    assert "published: not run here; the value comes from reports/results" in status_text([job()], store)
    assert Path(entry["result"]).resolve() == RunStore(store.results).run(K400.train_id).metrics(K400.eval_id)


def test_a_published_value_stands_beside_the_state_of_the_new_run(store: RunStore) -> None:
    assert store.results is not None
    finish(RunStore(store.results), K400, {"top1": 76.3})
    directory = store.run(K400.train_id)

    def shown() -> tuple[object, ...]:
        assert "76.3" in status_text([job()], store)
        return tuple(state(store, job())[name] for name in ("state", "value", "published"))

    with directory.claim():
        write_atomically(directory.progress_file, json.dumps({"stage": "train", "done": 0.5}))
        assert shown() == ("running", 76.3, True)
    write_atomically(directory.checkpoint, "")
    assert shown() == ("interrupted", 76.3, True)
    write_atomically(directory.failure, "the disk is full\n")
    assert shown() == ("failed", 76.3, True)


@pytest.mark.parametrize("shown", [True, False])
def test_released_weights_that_were_tested_or_replace_a_parent_have_their_own_state(
    shown: bool, store: RunStore
) -> None:
    if shown:
        finish(store, K400, {"top1": 79.7}, released=True)
    else:
        write_atomically(store.run(K400.train_id).released, "weights")
    entry = state(store, job(shown=shown))
    assert (entry["state"], entry["value"]) == ("released weights", 79.7 if shown else None)


def test_a_test_of_released_weights_finishes_a_run_without_training(store: RunStore) -> None:
    tested = replace(K400, optim=None)
    finish(store, tested, {"top1": 79.7}, released=True)
    assert state(store, job(tested))["state"] == "released weights"


def test_json_labels_local_tests_of_released_weights(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (one,) = jobs_of(find(["motionformer/table6b:mformer"]), PAPER, [], (0,))
    finish(RunStore(tmp_path), one.run, {"top1": 79.7}, released=True)
    words = ["motionformer/table6b:mformer", "--scale", "paper", "--runs", str(tmp_path), "--json"]
    assert main(["status", *words]) == 0
    (entry,) = json.loads(capsys.readouterr().out)
    assert (entry["state"], entry["metric"], entry["value"]) == ("released weights", "top1", 79.7)


def test_status_without_a_table_shows_the_runs_that_were_started_here(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, store = ["status", "--runs", str(tmp_path)], RunStore(tmp_path)
    assert main(words) == 2
    assert f"no unchanged run of seed 0 was started in {tmp_path} at --scale tiny" in capsys.readouterr().err
    (finished,) = jobs_of(find(["motionformer/table6b:mformer"]), TINY, [], (0,))
    finish(store, finished.run, {"top1": 20.0})
    assert main(words) == 0
    streams = capsys.readouterr()
    assert "a run that several tables share is named after the first of them" in streams.out
    assert "1 run: 1 done" in streams.out and streams.err.startswith("next: reproduce report ")
    parent = jobs_of(find(["cast/table5:cast-clip"]), TINY, [], (0,))[0]
    write_atomically(store.run(parent.run.train_id).checkpoint, "interrupted")
    assert main([*words, "--json"]) == 0
    states = {entry["train_id"]: entry["state"] for entry in json.loads(capsys.readouterr().out)}
    assert states == {finished.run.train_id: "done", parent.run.train_id: "interrupted"}
    assert main(words) == 0
    assert re.match(r"next: reproduce run cast/\w+:\w+ --runs", capsys.readouterr().err)


def test_status_without_a_table_shows_the_unfinished_test_of_a_run_with_a_result(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, store = ["status", "--runs", str(tmp_path)], RunStore(tmp_path)
    tests = [job for job in jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,)) if "k400" in job.cell]
    finish(store, tests[0].run, {"top1": 20.0})
    directory = tests[0].directory(store)
    with directory.claim():
        assert main(words) == 0
    assert "2 runs: " in (text := capsys.readouterr().out) and "1 done" in text and "1 running" in text
    save_failure(directory.failure, Failure("3 of 48 test videos cannot be read", 3))
    assert main(words) == 0
    streams = capsys.readouterr()
    assert "3 of 48 test videos cannot be read" in streams.out and "next: reproduce run motionformer/" in streams.err


def test_a_folder_with_a_measurement_alone_is_not_that_of_a_started_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = jobs_of(find(["motionformer/table6b:mformer"]), PAPER, [], (0,))
    directory = one.directory(RunStore(tmp_path))
    directory.save_config(one.run.description)
    write_atomically(directory.measurement("memory"), "{}")
    assert main(["status", "--runs", str(tmp_path), "--scale", "paper"]) == 2
    assert "no unchanged run of seed 0 was started" in capsys.readouterr().err


def test_changed_runs_are_counted_without_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, words = RunStore(tmp_path), ["status", "--runs", str(tmp_path)]
    write_atomically(store.run(replace(K400, seed=7).train_id).log, "")
    text = "1 run with changed fields or other seeds: name the table, with -o, --own or --seeds"
    assert main(words) == 2
    assert text in capsys.readouterr().err
    (finished,) = jobs_of(find(["motionformer/table6b:mformer"]), TINY, [], (0,))
    finish(store, finished.run, {"top1": 20.0})
    assert main(words) == 0
    assert text in capsys.readouterr().out
