"""What differs between systems: the cores of a process, /proc, and how the processes that load data start."""

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from safetensors.torch import load_file

from reproduce.command import main

ROOT = Path(__file__).resolve().parents[2]
SMALL = ["data.dataset.stand_in.num_train=32", "data.dataset.stand_in.num_val=8", "optim.batch_size=8", "model.depth=1"]
SMALL += ["evaluation.views=1", "optim.epochs=1"]
ROW = ["motionformer/table4:joint", "--column", "k400", *(word for field in SMALL for word in ("-o", field))]
AS_ON_MACOS = """
import os, sys

def refuse(path):
    if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith("/proc"):
        raise FileNotFoundError(2, "no such file", path)

def hide(event, arguments):
    if event in ("open", "os.listdir", "os.scandir"):
        refuse(arguments[0])

def stat(path, *arguments, found=os.stat, **options):
    refuse(path)
    return found(path, *arguments, **options)

sys.addaudithook(hide)
os.stat = stat
del os.sched_getaffinity
"""
COMMANDS = """
import sys
from reproduce.command import main
sys.exit(max(main([verb, *sys.argv[1:]]) for verb in ("plan", "doctor", "run")))
"""


def test_plan_doctor_and_run_need_neither_proc_nor_the_affinity_of_linux(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(AS_ON_MACOS)  # Python imports it at its start, in children as well
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    words = [*ROW, "--runs", str(tmp_path / "runs")]
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, *words],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert f"{os.cpu_count()} cores of" in done.stdout and "1 of 1 runs done" in done.stdout


@pytest.fixture
def default_start() -> Iterator[None]:
    yield
    multiprocessing.set_start_method(None, force=True)


@pytest.mark.usefixtures("jobs_in_this_process", "default_start")
def test_a_training_does_not_depend_on_how_the_processes_that_load_its_data_start(tmp_path: Path) -> None:
    weights, accuracies = [], set()
    for method in ("fork", "spawn", "forkserver"):
        multiprocessing.set_start_method(method, force=True)
        runs = tmp_path / method
        assert main(["run", *ROW, "--runs", str(runs), "--workers", "1"]) == 0
        weights.append(load_file(next(runs.glob("*/checkpoints/weights.safetensors"))))
        accuracies.add(json.loads(next(runs.glob("*/metrics/*.json")).read_text())["top1"])
    assert all(other[name].equal(tensor) for other in weights for name, tensor in weights[0].items())
    assert len(accuracies) == 1
