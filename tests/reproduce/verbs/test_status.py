"""`reproduce status`: state of each run, headline metric, and reason of failure."""

import json
import os
import re
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.motionformer.base import EPIC100, K400
from experiments.spec.catalog import find
from experiments.spec.names import own_data
from experiments.spec.run import RunConfig
from experiments.spec.scales import PAPER, TINY
from reproduce.verbs.status import job_state, status_json, status_text
from runner.machine.files import write_atomically
from runner.store.jobs import CellName, Job, jobs_of
from runner.store.run_directory import Failure
from runner.store.store import RunStore
from tests.conftest import Reproduce
from tests.reproduce.conftest import TerminalOf, job_of, started
from tests.runner.stored_metrics import write_result


def job(run: RunConfig = K400, *, shown: bool = True) -> Job:
    cell = CellName("p/t", "a", "top1")
    return Job(run, cell, 0, cells=[cell] if shown else [])


def state(store: RunStore, one: Job) -> dict:
    (entry,) = status_json([one], store)
    return entry  # type: ignore[return-value]


def text(store: RunStore, found: list[Job]) -> str:
    return status_text(status_json(found, store))


PROGRESS = {"stage": "train", "done": 0.5, "epoch": 18, "epochs": 35, "seconds_left": 7300.0}


@pytest.mark.parametrize("value", [None, 76.3])
def test_status_shows_each_state_of_a_run_and_its_published_value(store: RunStore, value: float | None) -> None:
    directory, note = store.run(K400.train_id), "\n\npublished, §: not run here; the value comes from reports/results"
    if value is not None:
        assert store.results is not None
        published = write_result(RunStore(store.results), K400, top1=value)
        assert Path(state(store, job())["result"]).resolve() == published
    first = state(store, job())
    assert (first["state"], first["log"]) == ("not run" if value is None else "published", None)
    assert "76.3§" not in text(store, [job()]) and text(store, [job()]).endswith(note) == (value is not None)
    write_atomically(directory.log, "log")

    def shown(*names: str, texts: tuple[str, ...] = ()) -> tuple[object, ...]:
        entry, printed = state(store, job()), text(store, [job()])
        assert (entry["value"], entry["published"]) == (value, value is not None)
        assert printed.endswith(note) == ("76.3§" in printed) == (value is not None)
        assert entry["state"] in printed and all(one in printed for one in texts)
        return tuple(entry[name] for name in ("state", *names))

    with directory.claim():
        write_atomically(directory.progress_file, json.dumps({"stage": "train", "done": 0.5}))
        assert shown("progress", texts=("45%",)) == ("running", 0.45)
        write_atomically(directory.progress_file, json.dumps({"stage": "test", "done": 0.5, "seconds_left": 40.0}))
        assert shown("stage", texts=("test, 95%, test: 40 s left",)) == ("running", "test")
        write_atomically(directory.progress_file, json.dumps(PROGRESS))
        found = shown("position", "seconds_left", "stage", texts=("epoch 18/35, 45%, train: 2.0 h left",))
        assert found == ("running", "epoch 18/35", 7300.0, "train")
    write_atomically(directory.weights, "")
    assert shown() == ("trained",)  # the test is left
    write_atomically(directory.checkpoint, "")
    assert shown("progress", "seconds_left", texts=("epoch 18/35",)) == ("interrupted", None, None)
    assert "left" not in text(store, [job()])
    write_atomically(directory.failure, "the disk is full\n")
    found = shown("reason", "log", texts=("the disk is full",))
    assert found == ("failed", "the disk is full", str(directory.log))
    write_result(store, K400, top1=79.72)
    done = [state(store, job())[name] for name in ("state", "reason", "metric", "value", "published")]
    assert done == ["done", None, "top1", 79.72, False]
    assert "\n\n2 runs: 1 done, 1 not run" in text(store, [job(), job(EPIC100)])


def test_the_headline_has_one_decimal_and_the_last_column_a_name_if_it_says_something(store: RunStore) -> None:
    assert (state(store, job(EPIC100))["metric"], state(store, job(EPIC100))["value"]) == ("action", None)
    write_result(store, EPIC100, top5=99.0, action=43.12)
    header, rule, line = text(store, [job(EPIC100)]).splitlines()[:3]
    assert header.split() == ["run", "id", "state", "value"] and len(rule.split()) == 4
    assert line.endswith("  action 43.1")
    write_atomically(store.run(K400.train_id).failure, "the disk is full")
    header, *_ = text(store, [job(), job(EPIC100)]).splitlines()
    assert header.split()[-1] == "detail"


def test_released_weights_that_were_tested_or_replace_a_parent_have_their_own_state(store: RunStore) -> None:
    write_atomically(store.run(K400.train_id).released, "weights")
    entry = state(store, job(shown=False))
    assert (entry["state"], entry["value"]) == ("released weights", None)
    assert state(store, job())["state"] == "released weights, not tested"
    for run in (K400, replace(K400, optim=None)):
        write_result(store, run, 79.7, released=True)
        entry = state(store, job(run))
        assert (entry["state"], entry["metric"], entry["value"]) == ("released weights", "top1", 79.7)
    assert job_state(job(), store) == "released weights, not trained"
    assert job_state(job(), store, eval_only=True) == "released weights"


@pytest.mark.parametrize(
    ("queued", "state_of_run", "detail"),
    [
        ("7|PENDING|Dependency||0", "queued", "job 7: Dependency"),
        ("7|PENDING|BeginTime||1", "requeued", "job 7: BeginTime"),
        ("7|RUNNING|None|node3|1", "running", "epoch 18/35, 45%, train: 2.0 h left, job 7 on node3"),
        ("7|SUSPENDED|None|node3|0", "running", "epoch 18/35, 45%, train: 2.0 h left, job 7 on node3, suspended"),
    ],
)
def test_a_run_with_a_job_in_the_queue_of_slurm_has_the_state_of_the_job(
    store: RunStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queued: str, state_of_run: str, detail: str
) -> None:
    directory = store.run(K400.train_id)
    write_atomically(directory.script, f"run_process {directory.request(K400.eval_id)}")
    write_atomically(directory.checkpoint, "")
    squeue = tmp_path / "squeue"
    squeue.write_text(f"#!/bin/sh\necho '8|PENDING|Resources||0|{tmp_path}/log.txt|\n{queued}|{directory.log}|'")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    if state_of_run == "running":
        write_atomically(directory.progress_file, json.dumps(PROGRESS))
    assert (state(store, job())["state"], detail in text(store, [job()])) == (state_of_run, True)
    other = job(replace(K400, evaluation=replace(K400.evaluation, views=1)))  # a test that is no part of the job
    assert state(store, other)["state"] == "interrupted"
    squeue.write_text("#!/bin/sh\necho 'slurm_load_jobs error' >&2; exit 1")
    assert state(store, job())["state"] == "interrupted"


@pytest.fixture
def status(reproduce: Reproduce, store: RunStore) -> Reproduce:
    return lambda *words: reproduce("status", "--runs", store.root, *words)


MFORMER = "motionformer/table6b:mformer"


def test_status_without_a_table_shows_the_runs_that_were_started_here(status: Reproduce, store: RunStore) -> None:
    store.root.mkdir()
    none = status()
    assert none.code == 2 and f"no run was started in {store.root} at --scale tiny" in none.err
    (finished,) = jobs_of(find([MFORMER]), TINY, [], (0,))
    write_result(store, finished.run)
    one = status()
    assert "a run that several tables share is named after the first of them" in one.out
    assert "1 run: 1 done" in one.out and one.err.startswith("next: reproduce report ")
    parent = jobs_of(find(["cast/table5:cast-clip"]), TINY, [], (0,))[0]
    write_atomically(store.run(parent.run.train_id).checkpoint, "interrupted")
    states = {entry["train_id"]: entry["state"] for entry in json.loads(status("--json").out)}
    assert states == {finished.run.train_id: "done", parent.run.train_id: "interrupted"}
    assert re.match(r"next: reproduce run cast/\w+:\w+ --runs", status().err)


def test_status_without_a_table_shows_the_unfinished_test_of_a_run_with_a_result(
    status: Reproduce, store: RunStore
) -> None:
    tests = [job for job in jobs_of(find(["motionformer/figure3:joint"]), TINY, [], (0,)) if "k400" in job.cell]
    write_result(store, tests[0].run)
    directory = tests[0].directory(store)
    with directory.claim():
        assert "2 runs: 1 done, 1 running" in status().out
    directory.save_failure(Failure("3 of 48 test videos cannot be read", 3))
    failed = status()
    assert "3 of 48 test videos cannot be read" in failed.out and "next: reproduce run motionformer/" in failed.err


def test_a_folder_with_a_measurement_alone_is_not_that_of_a_started_run(status: Reproduce, store: RunStore) -> None:
    (one,) = jobs_of(find([MFORMER]), PAPER, [], (0,))
    directory = one.directory(store)
    directory.save_config(one.run.description)
    write_atomically(directory.measurement("memory"), "{}")
    assert "no run was started" in status("--scale", "paper").err


def logged(store: RunStore, overrides: tuple[str, ...] = (), seed: int = 0, name: str = "") -> Job:
    """A run that was started, with its log."""
    one = job_of(MFORMER, overrides, seed)
    write_atomically(started(store, one, name).log, "")
    return one


def test_changed_runs_are_listed_without_a_table_with_overrides_and_names(status: Reproduce, store: RunStore) -> None:
    short = logged(store, ("optim.epochs=3",), 7, "short")
    write_atomically(short.directory(store).checkpoint, "")
    alone = status()
    assert f"{MFORMER}.top1 seed 7" in alone.out and "1 run: 1 interrupted; overrides: optim.epochs=3\n" in alone.out
    assert alone.err == (f"next: reproduce run {MFORMER} --seeds 7 -o optim.epochs=3 --runs {store.root}\n")
    unchanged = logged(store)
    write_result(store, unchanged.run)
    both = status()
    assert "1 done, 1 interrupted" in both.out and "optim.epochs=3" in both.out
    assert both.out.splitlines()[0].split() == ["run", "id", "state", "value", "name", "overrides"]
    entries = {entry["train_id"]: entry for entry in json.loads(status("--json").out)}
    of_short, of_unchanged = (entries[job.run.train_id] for job in (short, unchanged))
    assert (of_short["name"], of_short["overrides"], of_unchanged["name"]) == ("short", ["optim.epochs=3"], None)


def test_variants_are_in_the_order_of_their_overrides_and_seeds(status: Reproduce, store: RunStore) -> None:
    variants = [((f"optim.epochs={number}",), seed) for number in (3, 4, 5) for seed in (0, 1, 10)]
    ids = [logged(store, *one).run.train_id for one in variants]
    assert [line["train_id"] for line in json.loads(status("--json").out)] == ids != sorted(ids)


@pytest.mark.parametrize("verb", [("status",), ("runs", "list")], ids=" ".join)
def test_each_block_of_columns_tells_variants_apart(
    verb: tuple[str, ...], reproduce: Reproduce, store: RunStore, terminal: TerminalOf
) -> None:
    ids = [logged(store, (f"optim.epochs={number}",)).run.train_id for number in (3, 4)]
    terminal(60)
    blocks = reproduce(*verb, "--runs", store.root).out.split("\n\n")[:-1]
    assert len(blocks) > 1 and all(id_ in block for block in blocks for id_ in ids)


def test_the_next_run_of_started_ones_starts_no_other_column(status: Reproduce, store: RunStore) -> None:
    joint, overrides = "motionformer/table4:joint", ("optim.epochs=3",)
    k400, ssv2 = jobs_of(find([joint]), TINY, overrides, (0,))
    assert (k400.cell, ssv2.cell) == ("joint.k400", "joint.ssv2")
    columns = " --column k400"
    for one in (k400, ssv2):
        write_atomically(started(store, one).checkpoint, "")
        assert status().err == f"next: reproduce run {joint}{columns} -o optim.epochs=3 --runs {store.root}\n"
        columns = ""


def test_a_changed_test_of_an_unchanged_training_is_listed_beside_it(status: Reproduce, store: RunStore) -> None:
    views = ("evaluation.crops=1",)
    logged(store)
    changed = logged(store, views)
    write_result(store, changed.run)
    assert "1 run: 1 done" in status().out and "evaluation.crops=1" in json.loads(status("--json").out)[0]["overrides"]


def test_a_run_of_own_videos_that_were_moved_is_named_with_their_old_place(
    status: Reproduce, store: RunStore, pets: Path, tmp_path: Path
) -> None:
    one = logged(store, ("optim.epochs=3", own_data(pets)), 7)
    write_result(store, one.run)
    assert "1 run: 1 done" in status().out
    pets.rename(tmp_path / "animals")
    lost = status()
    assert lost.code == 2 and f"{one.directory(store).path.name}, as {pets} does not exist" in lost.err
    command = f"status {MFORMER} --seeds 7 -o optim.epochs=3 --runs {store.root} --own FOLDER"
    assert lost.err.endswith(f" (`reproduce {command}`)\n")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "animals").rename(tmp_path / "elsewhere/pets")
    assert "1 run: 1 done" in status(*command.replace("FOLDER", "elsewhere/pets").split()[1:]).out


def test_runs_that_do_not_say_what_started_them_are_named(status: Reproduce, store: RunStore) -> None:
    folder = store.run(replace(K400, seed=7).train_id)
    write_atomically(folder.log, "")
    text = f"1 run that no row gives as it is (`reproduce runs list`): {folder.path.name}"
    assert text in status().err
    (finished,) = jobs_of(find([MFORMER]), TINY, [], (0,))
    write_result(store, finished.run)
    assert text in status().out
