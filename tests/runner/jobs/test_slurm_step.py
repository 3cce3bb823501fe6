"""Runs under SLURM, whose variables are set by hand: no requeue by Lightning, and one process a device of one run."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO

import pytest
import torch

from experiments.motionformer.base import K400
from experiments.spec.catalog import find
from experiments.spec.scales import TINY
from reproduce.command import main
from runner.jobs import run_process, slurm_step
from runner.jobs.launch import Launcher
from runner.jobs.slurm_step import Step
from runner.machine.request import Request
from runner.machine.resources import Resources
from runner.machine.signals import stop
from runner.store.jobs import jobs_of
from runner.store.store import RunStore
from runner.training.trainer import make_trainer
from tests.runner.points import POINTS, RunHarness

ROOT = Path(__file__).resolve().parents[3]
ROW = "motionformer/table4:joint"


def variables(tasks: int, rank: int = 0, *, step: bool = True) -> dict[str, str]:
    """Variables of a task, one a node, or of a batch script for which so many tasks were asked."""
    of_job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_JOB_NAME": "wrap", "SLURM_NTASKS": str(tasks),
              "SLURM_NTASKS_PER_NODE": "1", "SLURM_NODELIST": "localhost", "SLURM_PROCID": str(rank),
              "SLURM_NODEID": str(rank), "SLURM_LOCALID": "0"}  # fmt: skip
    of_step = {"SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": str(tasks), "SLURM_STEP_NODELIST": "localhost"}
    return of_job | of_step if step else of_job


@pytest.fixture
def batch_script(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of a batch script with one task."""
    for name, value in variables(1, step=False).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("batch_script")
def test_lightning_does_not_requeue_the_job(tmp_path: Path) -> None:
    trainer = make_trainer(K400, Resources(devices=1), folder=tmp_path)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGUSR1)}
    trainer._signal_connector.register_signal_handlers()
    assert signal.getsignal(signal.SIGUSR1) == handlers[signal.SIGUSR1]
    trainer._signal_connector.teardown()
    assert trainer.default_root_dir == str(tmp_path)


@pytest.mark.usefixtures("batch_script")
def test_a_checkpoint_that_lightning_left_for_a_requeued_job_is_not_resumed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harness: RunHarness
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, harness.store.run(POINTS.train_id).path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "hpc_ckpt_1.ckpt").write_bytes(b"of another row")
    assert harness.execute(POINTS)["videos"]["evaluated"] == 90
    assert harness.steps[0] == 0


@pytest.mark.usefixtures("batch_script")
def test_a_trainer_with_fewer_processes_than_devices_is_refused() -> None:
    with pytest.raises(ValueError, match="1 of 2 processes would train"):
        make_trainer(K400, Resources(devices=2))


@pytest.mark.parametrize("rank", [0, 1])
def test_several_tasks_are_refused_with_one_line_unless_there_is_one_a_device(
    rank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in variables(2, rank).items():
        monkeypatch.setenv(name, value)
    assert main(["run", ROW, "--runs", str(tmp_path / "runs")]) == 2
    file, resources = tmp_path / "requests" / "request.json", Resources(devices=4)
    Request(run=K400, resources=resources, runs=tmp_path / "runs").save(file)
    assert run_process.main([str(file)]) == 1
    first, second = capsys.readouterr().err.splitlines()
    assert "this command runs in 2 tasks of SLURM, and --nodes times --devices is 1: start one task a device" in first
    assert "--nodes times --devices is 4" in second
    assert not (tmp_path / "runs").exists()


@pytest.mark.usefixtures("batch_script")
def test_several_nodes_are_refused_where_only_one_task_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", ROW, "--nodes", "2", "--devices", "1", "--runs", str(tmp_path)]) == 2
    assert "this command runs in 1 task of SLURM, and --nodes times --devices is 2" in capsys.readouterr().err


class Recorded:
    """Process that has ended; its variables are kept."""

    environments: list[dict[str, str]]
    returncode = 1

    def __init__(self, request: Path, log: IO[bytes], environment: dict[str, str], server: object) -> None:
        self.environments.append(environment)

    def poll(self) -> int:
        return self.returncode


def environments(launcher: Launcher, monkeypatch: pytest.MonkeyPatch, slots: int) -> list[dict[str, str]]:
    """Variables of the processes that a launcher starts in its slots."""
    monkeypatch.setattr(Recorded, "environments", [], raising=False)
    monkeypatch.setattr("runner.jobs.launch.start_process", Recorded)
    for seed in range(slots):
        launcher.advance(jobs_of(find([ROW]), TINY, [], (seed,))[0])
    return Recorded.environments


@pytest.mark.usefixtures("batch_script")
def test_the_processes_of_runs_have_no_variables_of_slurm(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = environments(Launcher(store, Resources(threads=1)), monkeypatch, 1)
    assert found["PATH"] and not [name for name in found if name.startswith("SLURM_")]
    assert "CUDA_VISIBLE_DEVICES" not in found


@pytest.mark.parametrize(
    ("visible", "devices", "slots"),
    [
        (None, 1, ["0", "1", "2", "3", "0"]),
        ("4,5,6,7", 2, ["4,5", "6,7", "4,5"]),
        (None, None, [None, None]),  # each run uses all
        (None, 4, [None, None]),
    ],
)
def test_parallel_runs_divide_the_gpus(
    visible: str | None, devices: int | None, slots: list[str | None], store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 4)
    launcher = Launcher(store, Resources(threads=1, devices=devices), parallel=len(slots))
    found = environments(launcher, monkeypatch, len(slots))
    assert [environment.get("CUDA_VISIBLE_DEVICES") for environment in found] == slots


def steps(monkeypatch: pytest.MonkeyPatch) -> list[Step]:
    """Both tasks of a step, in this process."""
    found = []
    monkeypatch.setattr("atexit.register", lambda function: function)
    for rank in range(2):
        for name, value in variables(2, rank).items():
            monkeypatch.setenv(name, value)
        found.append(Step())
    return found


def test_a_task_follows_task_0_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = steps(monkeypatch)
    own = first.share("run test")
    name, others = second.next_run() or ("", {})
    assert name == "run test" and others["MASTER_PORT"] == own["MASTER_PORT"]
    end = threading.Thread(target=first.end)
    end.start()
    assert second.next_run() is None
    end.join(timeout=5)
    assert not end.is_alive()


def test_the_other_processes_of_a_failed_run_are_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm_step, "SECONDS_TO_END", 0.0)
    first, second = steps(monkeypatch)
    first.share("run test")
    second.next_run()
    sleeping = subprocess.Popen(["sleep", "60"])
    first.watch(sleeping)
    second.watch(Recorded.__new__(Recorded))  # type: ignore[arg-type]
    deadline = time.monotonic() + 5
    while sleeping.poll() is None and time.monotonic() < deadline:  # the store answers the other task a little later
        first.watch(sleeping)
    assert sleeping.wait(timeout=5) == -signal.SIGKILL
    first.share("run test")  # started again
    assert first.failed_at is None


def test_a_launcher_waits_for_checkpoints_after_a_second_signal(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: None); print(flush=True); time.sleep(1.5)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert child.stdout is not None and child.stdout.readline()
    main_thread = threading.main_thread().ident
    assert main_thread is not None
    second = threading.Timer(0.5, signal.pthread_kill, (main_thread, signal.SIGINT))
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    second.start()
    stop([child])
    second.join()
    signal.signal(signal.SIGINT, before)
    assert child.returncode == 0


@pytest.mark.slow
def test_two_tasks_carry_out_one_run_at_a_time_together(tmp_path: Path) -> None:
    overrides = ["data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=8", "optim.batch_size=8",
                 "optim.epochs=1", "model.depth=1", "evaluation.views=1"]  # fmt: skip
    options = [word for text in overrides for word in ("-o", text)]
    command = [sys.executable, "-m", "reproduce", "run", ROW, "--nodes", "2", "--devices", "1", "--runs", str(tmp_path)]
    tasks = [
        subprocess.Popen([*command, *options], cwd=ROOT, env={**os.environ, **variables(2, rank)}, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for rank in range(2)
    ]  # fmt: skip
    (out, err), (none, _) = [task.communicate(timeout=240) for task in tasks]
    assert [task.returncode for task in tasks] == [0, 0], err
    assert "2 of 2 runs done" in out and none == ""
    metrics = [json.loads(file.read_text()) for file in tmp_path.glob("*/metrics/*.json")]
    assert [(of_run["devices"], of_run["videos"]["evaluated"]) for of_run in metrics] == [(2, 8), (2, 8)]
