"""Processes of runs that are forked: their logs, exit codes and signals, and the end of the process that forks them."""

import os
import signal
import time
from dataclasses import replace
from pathlib import Path

from experiments.spec.edits import apply, optim
from runner.jobs.run_server import ForkedProcess, RunServer
from runner.store.store import RunStore
from tests.runner.in_process import ONE_THREAD, forked, until
from tests.runner.points import POINTS

ENDLESS = apply(POINTS, optim(epochs=1_000_000))


def started(server: RunServer, folder: Path) -> ForkedProcess:
    """Process of an endless run in a folder, after its first checkpoint."""
    process = forked(server, ENDLESS, folder, replace(ONE_THREAD, data=(("points", folder),)))
    until(RunStore(folder).run(ENDLESS.train_id).checkpoint.exists, process, folder)
    return process


def test_a_process_has_a_session_a_log_and_an_exit_code_of_its_own(server: RunServer, tmp_path: Path) -> None:
    process = started(server, tmp_path)
    assert os.getsid(process.pid) == process.pid
    process.send_signal(signal.SIGTERM)
    assert process.wait() == 128 + signal.SIGTERM
    assert "stopped; the same command goes on" in (tmp_path / "log.txt").read_text()
    (tmp_path / "request.json").unlink()
    with (tmp_path / "log.txt").open("ab") as log:
        assert server.start(tmp_path / "request.json", log, dict(os.environ)).wait() == 1
    process.send_signal(signal.SIGKILL)  # it has ended


def test_processes_save_their_checkpoints_and_end_if_the_one_that_forked_them_is_killed(
    server: RunServer, tmp_path: Path
) -> None:
    process = started(server, tmp_path)
    assert server.process is not None
    server.process.kill()
    assert process.wait() == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while "stopped; the same command goes on" not in (tmp_path / "log.txt").read_text():
        assert time.monotonic() < deadline, (tmp_path / "log.txt").read_text()
        time.sleep(0.02)
    again = started(server, tmp_path)  # by another one
    again.send_signal(signal.SIGKILL)
    assert again.wait() == -signal.SIGKILL
