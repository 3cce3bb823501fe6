"""What differs between systems: the cores of a process, /proc, and how the processes that load data start."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments.spec.run import RunConfig
from runner.machine.resources import BatchSplit, Resources
from runner.training.train import data_module

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


@pytest.mark.usefixtures("default_start")
def test_batches_do_not_depend_on_how_the_processes_that_load_them_start(small_run: RunConfig) -> None:
    resources = Resources(devices=1, workers=1)
    root, split = resources.root(small_run.data), BatchSplit(micro_batch=5, accumulation=1)
    batches = []
    for method in ("fork", "spawn", "forkserver"):
        multiprocessing.set_start_method(method, force=True)
        loaders = data_module(small_run, resources, root=root, split=split)
        found = [*loaders.train_dataloader(), *(loaders.test_dataloader() if method != "forkserver" else ())]
        loaders.teardown("")
        batches.append([part for batch in found for part in (*batch.inputs, batch.targets, batch.items)])
    first, *others = batches
    assert len(first) > len(others[1]) > 0
    for other in others:
        assert all(ours.equal(theirs) for ours, theirs in zip(first, other, strict=False))
