"""Processes of runs that are forked: their logs, exit codes and signals, and the end of the process that forks them."""

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from experiments.spec.edits import apply, optim
from runner.jobs.run_server import ForkedProcess, RunServer
from runner.machine.request import Request
from runner.store.store import RunStore
from tests.runner.in_process import ONE_THREAD
from tests.runner.points import POINTS

ENDLESS = apply(POINTS, optim(epochs=1_000_000))


@pytest.fixture(scope="module")
def server() -> Iterator[RunServer]:
    server = RunServer()
    yield server
    server.close()


def started(server: RunServer, folder: Path) -> ForkedProcess:
    """Process of an endless run in a folder, after its first checkpoint."""
    Request(run=ENDLESS, resources=replace(ONE_THREAD, data=(("points", folder),)), runs=folder).save(
        folder / "request"
    )
    with (folder / "log").open("ab") as log:
        process = server.start(folder / "request", log, dict(os.environ))
    while not RunStore(folder).run(ENDLESS.train_id).checkpoint.exists():
        assert process.poll() is None, (folder / "log").read_text()
        time.sleep(0.02)
    return process


def test_a_process_has_a_session_a_log_and_an_exit_code_of_its_own(server: RunServer, tmp_path: Path) -> None:
    process = started(server, tmp_path)
    assert os.getsid(process.pid) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert "stopped; the same command goes on" in (tmp_path / "log").read_text()
    (tmp_path / "request").unlink()
    with (tmp_path / "log").open("ab") as log:
        assert server.start(tmp_path / "request", log, dict(os.environ)).wait() == 1
    process.send_signal(signal.SIGKILL)  # it has ended


def test_processes_save_their_checkpoints_and_end_if_the_one_that_forked_them_is_killed(
    server: RunServer, tmp_path: Path
) -> None:
    process = started(server, tmp_path)
    assert server.process is not None
    server.process.kill()
    assert process.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while "stopped; the same command goes on" not in (tmp_path / "log").read_text():
        assert time.monotonic() < deadline, (tmp_path / "log").read_text()
        time.sleep(0.02)
    again = started(server, tmp_path)  # by another one
    again.send_signal(signal.SIGKILL)
    assert again.wait() == -signal.SIGKILL
