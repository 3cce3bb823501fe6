"""Execution of jobs in separate processes: no run is trained twice, and stops lose no step."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from experiments.motionformer.base import K400, SSV2
from experiments.spec.catalog import find
from experiments.spec.run import Parent, RunConfig
from experiments.spec.scales import PAPER, TINY
from lightning_modules.module import TaskModule
from reproduce.command import main
from runner.jobs.launch import Launcher, Running, default_parallel, failure_of
from runner.machine.files import write_atomically
from runner.machine.request import Request
from runner.machine.resources import Resources
from runner.store.jobs import CellName, Job, jobs_of
from runner.store.run_directory import Failure
from runner.store.store import RunStore
from tests.runner.stored_metrics import write_result

ROOT = Path(__file__).resolve().parents[3]
ROW = "motionformer/table4:joint"
SMALL = [
    "data.dataset.stand_in.num_train=32",
    "data.dataset.stand_in.num_val=8",
    "optim.batch_size=8",
    "model.depth=1",
    "evaluation.views=1",
]


def small(epochs: int) -> list[str]:
    return [word for override in [*SMALL, f"optim.epochs={epochs}"] for word in ("-o", override)]


def start(runs: Path, epochs: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "reproduce", "run", ROW, "--runs", str(runs), *small(epochs)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=allow_ctrl_c,
    )  # fmt: skip


def allow_ctrl_c() -> None:
    """Give a child process the default handler of SIGINT, which background jobs of a shell ignore and pass on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def trainings(runs: Path) -> list[int]:
    """Number of trainings of each run. Lightning opens one event file per training."""
    return [len(list(run.glob("tb/events*"))) for run in sorted(runs.glob("*")) if (run / "config.json").exists()]


def test_two_parallel_commands_divide_the_runs_and_a_third_trains_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [start(tmp_path, 2), start(tmp_path, 2)]
    for process in both:
        out, err = process.communicate(timeout=240)
        assert process.returncode == 0, err
        assert "2 of 2 runs done" in out
    counts = trainings(tmp_path)
    stamps = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/metrics/*.json")}
    assert len(stamps) == 2
    assert main(["run", ROW, "--runs", str(tmp_path), *small(2)]) == 0
    assert "2 of 2 runs done, 2 of them before this call" in capsys.readouterr().out
    assert trainings(tmp_path) == counts
    assert {file: file.stat().st_mtime_ns for file in tmp_path.glob("*/metrics/*.json")} == stamps
    for file in stamps:
        metrics = json.loads(file.read_text())
        assert metrics["videos"] == {"evaluated": 8, "failed": 0, "missing": 0}


def test_ctrl_c_saves_checkpoints_and_ends_all_processes(tmp_path: Path) -> None:
    process = start(tmp_path, 500)
    deadline = time.monotonic() + 240
    while not list(tmp_path.glob("*/checkpoints/last.ckpt")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    of_threads = Path("/proc").glob(f"{process.pid}/task/*/children")
    children = [pid for file in of_threads for pid in file.read_text().split()]
    os.kill(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=240)
    assert process.returncode == 130
    assert "write their checkpoints" in err and "Traceback" not in err
    assert list(tmp_path.glob("*/checkpoints/last.ckpt"))
    assert not list(tmp_path.glob("*/metrics/*.json"))
    for pid in children:
        assert not Path(f"/proc/{pid}").exists()
    states = [job.directory(RunStore(tmp_path)).state(job.run) for job in jobs(500)]
    assert "interrupted" in states


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_row_that_fails_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken = jobs(1)[0].directory(RunStore(tmp_path))
    write_atomically(broken.config, '{"seed": 99}')
    assert main(["run", ROW, "--runs", str(tmp_path), *small(1)]) == 1
    out, err = capsys.readouterr()
    assert "1 of 2 runs done" in out
    assert "is the config of another run: it differs at data; restore it, or move" in err
    assert "Traceback" not in err
    (result,) = tmp_path.glob("*/metrics/*.json")
    assert result.parents[1].name.startswith("motionformer.table4.joint.")
    assert broken.failure.read_text().splitlines()[1:] == ["exit code 3"]


def test_notes_are_shown_at_once_and_progress_without_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = RunStore(tmp_path)
    one, _ = jobs(1)
    launcher, running = Launcher(store, Resources()), cast(Running, SimpleNamespace(shown=0))
    log = one.directory(store).log
    log.parent.mkdir(parents=True)
    log.write_text("a warning\nnote: resumes from last.ckpt\nprogress: epoch 1/4: loss 2\nprogress: epo")
    launcher.show_log(one, running)
    launcher.show_log(one, running)
    assert capsys.readouterr().err.splitlines() == [
        f"{one.name}: resumes from last.ckpt", f"{one.name}: epoch 1/4: loss 2",
    ]  # fmt: skip
    with log.open("a") as file:
        file.write("ch 2/4\nnote: bad files\n")
    launcher.show_bars = True
    launcher.show_log(one, running)
    assert "epoch 2/4" not in (shown := capsys.readouterr().err) and f"{one.name}: bad files" in shown


class Scripted:
    """Launcher whose processes end at once: with weights and a result, or with one of these or none.

    Args:
        weights, results: names of jobs whose processes write weights, and a result; by default all.
    """

    def __init__(
        self,
        store: RunStore,
        monkeypatch: pytest.MonkeyPatch,
        *,
        weights: str | None = None,
        results: str | None = None,
    ) -> None:
        self.store, self.weights, self.results = store, weights, results
        self.started: list[str] = []
        monkeypatch.setattr("runner.jobs.launch.POLL_SECONDS", 0.0)
        monkeypatch.setattr("runner.jobs.launch.start_process", self.start)

    def start(self, request: Path, *_: object) -> SimpleNamespace:
        run = Request.read(request).run
        name = next(job.name for job in self.jobs if job.key == (run.train_id, run.eval_id))
        self.started.append(name)
        if self.weights is None or name in self.weights:
            write_atomically(self.store.run(run.train_id).weights, "trained")
        is_done = self.results is None or name in self.results
        if is_done:
            write_result(self.store, run)
        return SimpleNamespace(poll=lambda: 0 if is_done else 3)

    def carry_out(self, jobs: list[Job], parallel: int = 1) -> list[str | None]:
        """Outcomes of the jobs."""
        self.jobs = jobs
        Launcher(self.store, Resources(threads=1), parallel=parallel).carry_out(jobs)
        return [job.outcome for job in jobs]


def job(run: RunConfig, name: str) -> Job:
    cell = CellName("p/t", name, "top1")
    return Job(run, cell, 0, cells=[cell])


OTHER = replace(K400, seed=1)
CHILD = replace(SSV2, parents=(Parent(run=K400, part="spatial"), Parent(run=OTHER, part="temporal")))


def family() -> list[Job]:
    """A run that starts from two others, before them, and one that starts from it."""
    grandchild = replace(SSV2, parents=(Parent(run=CHILD),))
    return [job(grandchild, "d"), job(CHILD, "c"), job(K400, "a"), job(OTHER, "b")]


def test_a_run_starts_after_all_its_parents(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = Scripted(store, monkeypatch)
    assert launcher.carry_out(family()) == ["done"] * 4
    assert launcher.started == ["p/t:a.top1", "p/t:b.top1", "p/t:c.top1", "p/t:d.top1"]


def test_the_longest_of_parallel_runs_starts_first_as_published_results_say(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = RunStore(store.root.parent / "published")
    long = replace(K400, seed=2)
    for run, hours in ((K400, 2.0), (long, 3.0)):
        write_result(published, run, device_hours=hours)
    found = [job(OTHER, "new"), job(K400, "short"), job(long, "long")]
    orders = []
    for parallel in (1, 2):
        place = RunStore(store.root.parent / f"runs{parallel}", results=published.root)
        launcher = Scripted(place, monkeypatch)
        assert launcher.carry_out([replace(one) for one in found], parallel) == ["done"] * 3
        orders.append([name.removeprefix("p/t:") for name in launcher.started])
    assert orders == [["new.top1", "short.top1", "long.top1"], ["long.top1", "short.top1", "new.top1"]]


def test_a_run_needs_only_the_weights_of_its_parents(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher = Scripted(store, monkeypatch, results="p/t:b.top1 p/t:c.top1 p/t:d.top1")
    assert launcher.carry_out(family()) == ["done", "done", "failed", "done"]


def test_a_failed_run_blocks_its_descendants_alone(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    found = family()
    launcher = Scripted(store, monkeypatch, weights="p/t:a.top1", results="p/t:a.top1")
    assert launcher.carry_out(found) == ["blocked", "blocked", "done", "failed"]
    grandchild, child, _, parent = found
    assert child.reason == "p/t:b.top1, which it starts from, failed"
    assert grandchild.reason == "p/t:c.top1, which it starts from, failed"
    assert {parent.exit_code, child.exit_code, grandchild.exit_code} == {3}


@pytest.mark.parametrize(("weights", "others"), [("", "blocked"), (None, "failed")])
def test_a_failed_run_without_weights_blocks_its_other_tests(
    weights: str | None, others: str, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [job(replace(K400, evaluation=replace(K400.evaluation, views=views)), f"v{views}") for views in (4, 2, 1)]
    assert Scripted(store, monkeypatch, weights=weights, results="").carry_out(found) == ["failed", others, others]
    assert weights is None or found[1].reason == "p/t:v4.top1, another test of the same run, failed"


def test_runs_after_a_change_of_the_code_are_forked_by_another_process(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes, servers = iter([1, 1, 2, 2]), []
    monkeypatch.setattr("runner.jobs.run_server.last_change", lambda: next(changes))
    launcher = Scripted(store, monkeypatch)
    start = launcher.start
    monkeypatch.setattr(
        "runner.jobs.launch.start_process",
        lambda request, log, environment, server: servers.append(server) or start(request),
    )
    assert launcher.carry_out([job(replace(K400, seed=seed), f"s{seed}") for seed in range(3)]) == ["done"] * 3
    assert servers[0] is servers[1] is not servers[2]


def test_a_claimed_run_is_awaited(
    store: RunStore, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = found = [job(K400, "a"), job(OTHER, "b")]
    monkeypatch.setattr("runner.jobs.launch.RETRY_SECONDS", 0.05)
    launcher, claim = Scripted(store, monkeypatch), first.directory(store).claim()
    assert claim.__enter__()
    start = launcher.start

    def started(*words: object) -> SimpleNamespace:
        claim.__exit__(None, None, None)
        return start(*words)  # type: ignore[arg-type]

    monkeypatch.setattr("runner.jobs.launch.start_process", started)
    assert launcher.carry_out(found) == ["done", "done"]
    assert launcher.started == [second.name, first.name]
    waiting = f"{first.name}: another process executes this run; waiting for its result"
    assert capsys.readouterr().err.splitlines().count(waiting) == 1


def test_only_small_runs_without_gpus_run_in_parallel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.jobs.launch.available_cores", lambda: 8)
    for on_gpu, parallel in ((False, 2), (True, 1)):
        monkeypatch.setattr("torch.cuda.is_available", lambda on_gpu=on_gpu: on_gpu)
        assert (default_parallel(TINY), default_parallel(PAPER)) == (parallel, 1)


def jobs(epochs: int) -> list[Job]:
    return jobs_of(find([ROW]), TINY, [*SMALL, f"optim.epochs={epochs}"], (0,))


@pytest.mark.parametrize(("parallel", "of_torch", "threads"), [(1, 8, 8), (2, 8, 6), (4, 8, 3), (20, 8, 1), (2, 1, 1)])
def test_processes_divide_the_cores_and_have_at_most_the_threads_of_torch(
    parallel: int, of_torch: int, threads: int, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.jobs.launch.available_cores", lambda: 12)
    monkeypatch.setattr("torch.get_num_threads", lambda: of_torch)
    assert Launcher(store, Resources(), parallel=parallel).resources.threads == threads
    assert Launcher(store, Resources(threads=5), parallel=parallel).resources.threads == 5


def test_the_failure_reason_comes_from_the_log_without_a_failure_file(tmp_path: Path) -> None:
    directory = RunStore(tmp_path).run("aaa")
    directory.path.mkdir()
    directory.log.write_text("error: an older one\nEpoch 0\nerror: cannot write x: No space left on device\n")
    assert failure_of(directory, 3) == Failure("cannot write x: No space left on device", 3)
    assert "ended by SIGKILL" in failure_of(directory, -9).reason  # a killed process prints no reason
    directory.failure.write_text("the disk is full\n")  # of an earlier version
    assert failure_of(directory, 3) == Failure("the disk is full", 1)
    directory.save_failure(Failure("a video is unreadable", 3))
    assert failure_of(directory, -9) == failure_of(directory, 3) == Failure("a video is unreadable", 3)


@pytest.mark.parametrize(
    ("code", "free", "text"),
    [
        (-9, 1e9, "the process was ended by SIGKILL; the machine may be out of memory; {again}"),
        (-15, 1e9, "the process was ended by SIGTERM; {again}"),
        (5, 1e9, "the process ended with exit code 5"),
        (5, 4096, "the disk of {folder} is full; free space there or name another place with --runs"),
    ],
)
def test_the_reason_of_a_silent_failure_is_the_exit_code_or_a_full_disk(
    code: int, free: float, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runner.jobs.launch.free_bytes", lambda _: free)
    reason = text.format(again="run the same command again to go on", folder=tmp_path / "aaa")
    assert failure_of(RunStore(tmp_path).run("aaa"), code) == Failure(reason, code)


@pytest.mark.usefixtures("jobs_in_this_process")
def test_a_fast_dev_run_takes_a_batch_of_each_loop_and_keeps_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps, train = [], TaskModule.training_step
    monkeypatch.setattr(TaskModule, "training_step", lambda *of_step: steps.append(1) or train(*of_step))
    assert main(["run", ROW, "--runs", str(tmp_path), *small(3), "--column", "k400", "--fast-dev-run"]) == 0
    out, err = capsys.readouterr()
    assert "1 of 1 runs done" in out and "a batch of each loop passed" in err
    assert err.splitlines()[-1].startswith("next: reproduce run ") and "--fast-dev-run" not in err
    assert len(steps) == 1 and list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("jobs_in_this_process")
def test_the_profile_of_a_fast_dev_run_is_kept(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--fast-dev-run", "--profiler", "simple", "--column", "k400"]
    assert main(["run", ROW, "--runs", str(tmp_path), *small(1), *words]) == 0
    (folder,) = tmp_path.iterdir()
    assert f"logs and profiles: {folder}" in capsys.readouterr().err
    texts = {file.name: file.read_text() for file in folder.glob("*/profile/*.txt")}
    assert {name.partition("-")[0] for name in texts} >= {"fit", "test"}
    assert all("run_training_batch" in text for name, text in texts.items() if name.startswith("fit"))


class Endless:
    """Process that ends only when it is told to."""

    pid = 0

    def __init__(self) -> None:
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return 128 + self.signals[0] if self.signals else None

    wait = poll

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)


def test_runs_are_stopped_when_their_time_has_passed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process = Endless()
    monkeypatch.setattr("runner.jobs.launch.start_process", lambda *_: process)
    assert main(["run", ROW, "--runs", str(tmp_path), *small(1), "--column", "k400", "--max-time", "1s"]) == 130
    _, err = capsys.readouterr()
    assert process.signals == [signal.SIGTERM]
    assert "--max-time has passed" in err and "next: reproduce run" in err and "--max-time 0:00:01" in err
