"""Runs on several nodes, with the variables of SLURM set by hand: no requeue by Lightning, and one process a device."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch

from experiments.motionformer.base import K400
from experiments.spec.catalog import find, load
from experiments.spec.scales import TINY
from reproduce.command import main
from runner.jobs import run_process
from runner.jobs.launch import Launcher
from runner.jobs.run_server import stop
from runner.machine.request import Request
from runner.machine.resources import Resources
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


@pytest.mark.parametrize("of_task", [variables(2, 0), variables(2, 1), variables(1, step=False)])
def test_a_table_is_run_neither_by_several_tasks_nor_on_several_nodes_by_one(
    of_task: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in of_task.items():
        monkeypatch.setenv(name, value)
    assert main(["run", ROW, "--nodes", "2", "--devices", "1", "--runs", str(tmp_path / "runs")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "on several nodes, `reproduce submit`" in line and not (tmp_path / "runs").exists()


@pytest.mark.parametrize(("tasks", "resources"), [(2, Resources(devices=4)), (1, Resources(nodes=2, devices=1))])
def test_a_run_is_refused_unless_it_has_a_task_for_each_device(
    tasks: int,
    resources: Resources,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables(tasks).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "requests" / "request.json"
    Request(run=K400, resources=resources, runs=tmp_path / "runs").save(file)
    assert run_process.main([str(file)]) == 1
    assert f"and the run asks for {resources.num_devices}, one a device: use srun" in capsys.readouterr().err


def environments(launcher: Launcher, monkeypatch: pytest.MonkeyPatch, slots: int) -> list[dict[str, str]]:
    """Variables of the processes that a launcher starts in its slots."""
    found: list[dict[str, str]] = []
    monkeypatch.setattr("runner.jobs.launch.start_process", lambda request, log, own, server: found.append(own))
    for seed in range(slots):
        launcher.advance(jobs_of(find([ROW]), TINY, [], (seed,))[0])
    return found


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
@pytest.mark.parametrize(("started_by", "nodes"), [("lightning", 1), ("srun", 2), ("torchrun", 2)])
def test_two_processes_carry_out_a_run_of_an_odd_number_of_videos_together(
    started_by: str, nodes: int, tmp_path: Path
) -> None:
    overrides = ["data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=65", "optim.batch_size=8",
                 "optim.epochs=1", "model.depth=1", "evaluation.views=1"]  # fmt: skip
    run, file = load("motionformer/table4").run_of("joint.k400", TINY, overrides, 0), tmp_path / "request.json"
    Request(run=run, resources=Resources(nodes=nodes, devices=2 // nodes, threads=1), runs=tmp_path).save(file)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    process, environment = ["-m", "runner.jobs.run_process", str(file)], {**os.environ, "MASTER_PORT": port}

    def command(rank: int) -> list[str]:
        node = ["--nnodes=2", f"--node-rank={rank}", "--master-addr=127.0.0.1", f"--master-port={port}"]
        return [sys.executable, *(["-m", "torch.distributed.run", *node] if started_by == "torchrun" else []), *process]

    tasks = [
        subprocess.Popen(command(rank), cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                         env=environment | (variables(2, rank) if started_by == "srun" else {}))
        for rank in range(nodes)
    ]  # fmt: skip
    errors = [task.communicate(timeout=240)[1] for task in tasks]
    assert [task.returncode for task in tasks] == [0] * nodes, errors[0]
    (metrics,) = [json.loads(path.read_text()) for path in tmp_path.glob("*/metrics/*.json")]
    assert (metrics["devices"], metrics["videos"]) == (2, {"evaluated": 65, "failed": 0, "missing": 0})
    assert sum(videos for _, videos in metrics["classes"].values()) == 65  # of both processes
    assert metrics["device_hours"] > 0 and metrics["replaced_in_training"] == 0
