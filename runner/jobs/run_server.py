"""Processes of runs that one process forks, which has imported what they need: imports take longer than a tiny epoch.

`RunServer` and `stop` are the launcher's side. `python -m runner.jobs.run_server LAUNCHER`, the other one, starts no
threads, and ends with the launcher. A question and its answer are a line of JSON each.
"""

import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from data.worker_processes import STOP_SIGNALS, signals_later
from runner.machine.signals import SECONDS_OF_ONE_STOP

POLL_SECONDS = 0.05
ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("data", "experiments", "interface", "lightning_modules", "models", "runner")


class RunServer:
    """Process that forks the processes of runs. It starts with the first of them, and with its variables."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[str] | None = None
        self.changed_at = last_change()

    @property
    def is_outdated(self) -> bool:
        """Whether the code has changed since: a process would mix what is imported with what it imports later."""
        return self.changed_at != last_change()

    def start(self, request: Path, log: IO[bytes], environment: dict[str, str]) -> "ForkedProcess":
        """Start the process of a run, which writes to a log."""
        if self.process is None or self.process.poll() is not None:
            command = [sys.executable, "-m", "runner.jobs.run_server", str(os.getpid())]
            self.process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, env=environment, text=True,
                start_new_session=True,
            )  # fmt: skip
            assert self.process.stdout is not None
            self.process.stdout.readline()  # after the imports
        return ForkedProcess(self, self.ask(str(request), log.name) or 0)

    def ask(self, *question: str | int) -> int | None:
        """Answer to a question; the exit code of the server if it has ended. The processes of the runs then stop."""
        assert self.process is not None and self.process.stdin is not None and self.process.stdout is not None
        try:
            with signals_later(*STOP_SIGNALS):  # the next answer read is that to the next question
                print(json.dumps(question), file=self.process.stdin, flush=True)
                return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            return self.process.wait()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.communicate()


def last_change() -> int:
    return max(file.stat().st_mtime_ns for name in PACKAGES for file in (ROOT / name).rglob("*.py"))


class ForkedProcess:
    """Process of a run that a server has forked, with the methods of `Popen` that a launcher calls."""

    def __init__(self, server: RunServer, pid: int) -> None:
        self.server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self.server.ask(self.pid)
        return self.returncode

    def wait(self) -> int:
        while self.poll() is None:
            time.sleep(POLL_SECONDS)
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


RunProcess = subprocess.Popen[bytes] | ForkedProcess


def stop(processes: Sequence[RunProcess]) -> None:
    """Stop processes of runs, which write their checkpoints. A later signal to this process kills them."""
    alive, began = [process for process in processes if process.poll() is None], time.monotonic()
    signalled = 0
    while True:
        try:
            for process in alive[signalled:]:
                process.send_signal(signal.SIGTERM)
                signalled += 1
            for process in alive:
                process.wait()
            return
        except KeyboardInterrupt:
            if time.monotonic() - began > SECONDS_OF_ONE_STOP:
                for process in alive:
                    with contextlib.suppress(ProcessLookupError):  # it has already ended
                        os.killpg(process.pid, signal.SIGKILL)
                raise


def serve(launcher: int) -> None:
    """Fork a process for each pair of a request and a log; tell the exit codes of the processes."""
    gc.disable()  # imports leave no garbage, and the search for it takes a tenth of their time
    # Here: the launcher does not need them.
    from data.video.decoded_videos import SharedVideos, Sharing
    from runner.jobs import run_process

    gc.freeze()  # nor is any looked for among modules in the processes that are forked
    gc.enable()
    Sharing.videos = SharedVideos()
    for number in STOP_SIGNALS:  # of a cluster: each process of a run gets its own
        signal.signal(number, signal.SIG_IGN)
    print(flush=True)
    while os.getppid() == launcher and (line := sys.stdin.readline()):
        match json.loads(line):
            case [request, log]:
                with signals_later(*STOP_SIGNALS):
                    answer = os.fork()
                    if answer == 0:
                        become_independent(Path(log))
                if answer == 0:
                    run_process.end(run_process.main([request]))
            case [pid]:
                ended, status = os.waitpid(pid, os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if ended else None
            case question:
                raise ValueError(question)
        print(json.dumps(answer), flush=True)


def become_independent(log: Path) -> None:
    """Give this process a session, a log and signals of its own."""
    os.setsid()
    with open(os.devnull, "rb") as nothing, log.open("ab") as file:
        for descriptor, of in enumerate((nothing, file, file)):
            os.dup2(of.fileno(), descriptor)
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
