"""Processes: lines of our modules that they have loaded at their end, the papers' own folders aside, and threads.

All processes of the tests have one torch thread, so that several of them share the cores without waiting.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from runner.jobs.launch import Launcher
from runner.machine.resources import Resources
from runner.store.store import RunStore
from tests.test_architecture import PACKAGES, PAPERS, ROOT

# Imported by every Python process whose path it is on.
SITE = """
import atexit, os, sys

def write():
    with open(os.path.join(os.environ["LOADED_MODULES"], str(os.getpid())), "w") as file:
        file.write("\\n".join(str(getattr(module, "__file__", None)) for module in list(sys.modules.values())))

atexit.register(write)
"""
SMALL = {
    "data.dataset.stand_in.num_train": 8,
    "data.dataset.stand_in.num_val": 4,
    "model.width": 32,
    "optim.epochs": 1,
    "optim.batch_size": 8,
}
RUN = ["run", "motionformer/table4:trajectory", "--column", "k400"]
RUN += [word for field, value in SMALL.items() for word in ("-o", f"{field}={value}")]


def loaded_lines(words: list[str], folder: Path) -> dict[str, int]:
    """Lines of each module that a command, or one of the processes that it starts, has loaded: of the one with most."""
    (folder / "sitecustomize.py").write_text(SITE)
    (folder / "modules").mkdir()
    environment = {
        "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT)]),
        "LOADED_MODULES": str(folder / "modules"),
        "STAND_IN_CACHE": str(folder / "stand-ins"),
    }
    command = [sys.executable, "-m", "reproduce", *words, "--runs", str(folder / "runs")]
    done = subprocess.run(command, env={**os.environ, **environment}, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    processes = [ours(file.read_text().splitlines()) for file in (folder / "modules").iterdir()]
    return max(processes, key=lambda lines: sum(lines.values()))


def ours(files: list[str]) -> dict[str, int]:
    """Lines of the files of this repository that belong to no paper."""
    lines = {}
    for file in map(Path, files):
        if file.is_relative_to(ROOT) and file.name != "__init__.py":
            package, *folders = file.relative_to(ROOT).parts[:-1] or ("",)
            if package in PACKAGES and not {*folders} & {*PAPERS}:
                lines[str(file.relative_to(ROOT))] = len(file.read_text().splitlines())
    return lines


@pytest.mark.parametrize(
    ("words", "most"),
    [(RUN, 13_500), (["report", "motionformer/table4"], 12_500), (["status", "motionformer/table4"], 11_000)],
    ids=["run", "report", "status"],
)
def test_a_process_loads_few_lines(words: list[str], most: int, tmp_path: Path) -> None:
    lines = loaded_lines(words, tmp_path)
    packages = {name.partition("/")[0] for name in lines}
    by_package = {
        package: sum(count for name, count in lines.items() if name.startswith(f"{package}/")) for package in packages
    }
    assert sum(lines.values()) <= most, json.dumps([by_package, lines], indent=1)


def test_tests_run_one_torch_thread() -> None:
    assert torch.get_num_threads() == 1


def test_processes_that_tests_start_run_one_torch_thread() -> None:
    code = "import torch; print(torch.get_num_threads())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


def test_processes_of_runs_have_one_torch_thread_at_any_scale(store: RunStore) -> None:
    assert Launcher(store, Resources()).resources.threads == 1
