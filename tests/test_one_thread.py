"""One torch thread in every process of the tests, so that several of them share the cores without waiting."""

import subprocess
import sys

import torch

from runner.jobs.launch import Launcher
from runner.machine.resources import Resources
from runner.store.store import RunStore


def test_tests_run_one_torch_thread() -> None:
    assert torch.get_num_threads() == 1


def test_processes_that_tests_start_run_one_torch_thread() -> None:
    code = "import torch; print(torch.get_num_threads())"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "1\n"


def test_processes_of_runs_have_one_torch_thread_at_any_scale(store: RunStore) -> None:
    assert Launcher(store, Resources()).resources.threads == 1
