"""Runs in processes of their own, several at a time. Each starts when the runs that it needs are done.

A run that another `reproduce` executes is not started here; its result is awaited. A failed run does not stop the
others.
"""

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import IO

import torch
from tqdm import tqdm

from data.leases import CLAIMED_ELSEWHERE
from data.worker_processes import available_cores
from experiments.spec.scales import Scale
from runner.jobs.run_server import RunProcess, RunServer, stop
from runner.machine.files import REMEDY, free_bytes, unwritable
from runner.machine.messages import ERROR_PREFIX, NOTE_PREFIX, PROGRESS_PREFIX, one_line, position_text, time_left_text
from runner.machine.request import ProfilerName, Request
from runner.machine.resources import Resources
from runner.machine.signals import interrupted_by_signals
from runner.store.jobs import Job
from runner.store.run_directory import Failure, RunDirectory
from runner.store.starts import Start, add_start
from runner.store.store import RunStore

FULL = 100_000  # bytes: the disk of a run with fewer free ones counts as full
POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0


@dataclass
class Running:
    """Process of a job in one of several slots."""

    slot: int
    process: RunProcess
    shown: int
    """End of the part of the log whose lines were shown."""


class Launcher:
    """Executes jobs in parallel.

    Args:
        resources: resources of each run. Parallel runs with a number of devices divide the GPUs of the machine. Without
            a number of threads, they divide the cores, with at most torch's own number each (OMP_NUM_THREADS sets it).
        start: what starts the runs, but for their cells and seeds, to be recorded in their folders.
        fast_dev_run, profiler: see `Request`.
        max_seconds: time after which the jobs write their checkpoints and stop, as after Ctrl-C.
    """

    def __init__(
        self,
        store: RunStore,
        resources: Resources,
        *,
        parallel: int = 1,
        eval_only: bool = False,
        start: Start | None = None,
        fast_dev_run: bool = False,
        profiler: ProfilerName | None = None,
        max_seconds: float = math.inf,
    ) -> None:
        threads = resources.threads or max(1, min(torch.get_num_threads(), available_cores() // parallel))
        self.store, self.resources = store, replace(resources, threads=threads)
        self.parallel, self.eval_only, self.start = parallel, eval_only, start
        self.fast_dev_run = fast_dev_run
        self.profiler: ProfilerName | None = profiler
        self.deadline = time.monotonic() + max_seconds
        self.running: dict[tuple[str, str], Running] = {}
        # Processes that use GPUs or meet others cannot be forked; on other systems than Linux, forking was not tried.
        alone = sys.platform == "linux" and resources.num_devices == 1
        self.forks = alone and not torch.cuda.is_available()
        self.servers: list[RunServer] = []
        self.show_bars = sys.stderr.isatty()

    def carry_out(self, jobs: list[Job]) -> None:
        """Execute all jobs and set their outcomes. After Ctrl-C, SIGTERM or SIGUSR1 they write their checkpoints."""
        self.store.check_writable()
        for job in jobs:
            if job.finished(self.store, self.eval_only):
                job.outcome = "done"
        done = sum(job.outcome == "done" for job in jobs)
        bars = Bars(len(jobs), done, self.parallel) if self.show_bars else None
        with interrupted_by_signals():
            try:
                self._carry_out(jobs, bars)
            except KeyboardInterrupt:
                self._show("stopping: rows that train write their checkpoints")
                raise
            finally:
                stop([running.process for running in self.running.values()])
                for server in self.servers:
                    server.close()
                if bars is not None:
                    bars.close()

    def _carry_out(self, jobs: list[Job], bars: "Bars | None") -> None:
        left = [job for job in jobs if job.outcome is None]
        needed = {job.key: needed_jobs(job, left, self.store) for job in left}
        # The longest first, as far as published results say, so that parallel runs end together.
        pending = {job.key: job for job in sorted(left, key=self._published_hours, reverse=True)}
        graph = {key: [other.key for other in others] for key, others in needed.items()}
        order = TopologicalSorter(graph)
        order.prepare()
        opened: set[tuple[str, str]] = set()  # jobs that are running, or can start
        while opened := opened.union(order.get_ready()):
            for job in [job for key, job in pending.items() if key in opened]:
                self.advance(job)
                if job.outcome is not None:
                    opened.remove(job.key)
                    # Without its weights, the jobs after a failed one never start.
                    if job.outcome != "failed" or job.directory(self.store).weights.exists():
                        order.done(job.key)
            if bars is not None:
                slots = {running.slot: pending[key] for key, running in self.running.items()}
                ended = sum(job.outcome is not None for job in jobs)
                bars.update(ended, {n: (job.cell, job.directory(self.store)) for n, job in slots.items()})
            if time.monotonic() > self.deadline:
                self._show("--max-time has passed")
                raise KeyboardInterrupt
            time.sleep(POLL_SECONDS)
        for key in TopologicalSorter(graph).static_order():
            job = pending[key]
            failed = next((other for other in needed[key] if other.outcome in ("failed", "blocked")), None)
            if job.outcome is None and failed is not None:
                same = failed.run.train_id == job.run.train_id
                reason = "another test of the same run" if same else "which it starts from"
                job.outcome, job.exit_code = "blocked", failed.exit_code
                job.reason = f"{failed.name}, {reason}, failed"

    def _published_hours(self, job: Job) -> float:
        """Duration of a published training of the run; 0 without one, or where no others run beside it."""
        found = self.store.test(job.run) if self.parallel > 1 else None
        return (found.record.device_hours or 0.0) if found is not None else 0.0

    def advance(self, job: Job) -> None:
        """Start a job if it can start now, or look at its process."""
        running = self.running.get(job.key)
        if running is None:
            if len(self.running) < self.parallel and time.monotonic() >= job.not_before:
                if job.directory(self.store).claimed:
                    self._wait_for_other_process(job)
                else:
                    self.running[job.key] = self._start(job)
            return
        code = running.process.poll()
        self.show_log(job, running)
        if code is not None:
            del self.running[job.key]
            self.set_outcome(job, code)

    def _wait_for_other_process(self, job: Job) -> None:
        """Ask again later whether another process still executes the run. The first time, the user is told."""
        if not job.not_before:
            self._show(f"{job.name}: another process executes this run; waiting for its result")
        job.not_before = time.monotonic() + RETRY_SECONDS

    def _start(self, job: Job) -> Running:
        directory = self.store.make(job.run.train_id, job.full_cell)
        if self.start is not None:
            add_start(directory.starts, job.start(self.start))
        slot = min(set(range(self.parallel)) - {running.slot for running in self.running.values()})
        request = Request(
            run=job.run,
            resources=self.resources,
            runs=self.store.root,
            folder=directory.path.name,
            eval_only=self.eval_only,
            fast_dev_run=self.fast_dev_run,
            profiler=self.profiler,
        )
        file = directory.request(job.run.eval_id)
        request.save(file)
        try:
            directory.progress_file.unlink(missing_ok=True)
            with directory.log.open("ab") as log:
                process = start_process(file, log, self._environment(slot), self._server())
                return Running(slot, process, log.tell())
        except OSError as error:
            raise unwritable(directory.path, error) from None

    def _server(self) -> RunServer | None:
        """Process that forks the next run, if runs are forked."""
        if self.forks and (not self.servers or self.servers[-1].is_outdated):
            self.servers.append(RunServer())
        return self.servers[-1] if self.forks else None

    def _environment(self, slot: int) -> dict[str, str]:
        """Variables of the process of a run: without SLURM's, by which Lightning would count devices."""
        of_command = {name: value for name, value in os.environ.items() if not name.startswith("SLURM_")}
        own = {"OMP_NUM_THREADS": str(self.resources.threads), "PYTHONUNBUFFERED": "1"}
        return of_command | own | self._gpus(slot)

    def _gpus(self, slot: int) -> dict[str, str]:
        """Variable with the GPUs of one of several runs at a time; they share GPUs if there are too few."""
        count, devices = torch.cuda.device_count(), self.resources.devices
        if self.parallel == 1 or devices is None or not 0 < devices < count:
            return {}
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        names = visible.split(",")[:count]
        chosen = [names[(slot * devices + number) % count] for number in range(devices)]
        return {"CUDA_VISIBLE_DEVICES": ",".join(chosen)}

    def set_outcome(self, job: Job, code: int) -> None:
        """Set the outcome of a job whose process has ended, unless another process executes the run."""
        directory, found, objective = job.directory(self.store), self.store.test(job.run), job.run.objective
        if self.fast_dev_run and code == 0:
            job.outcome = "done"
            self._show(f"{job.name}: a batch of each loop passed")
        elif found is not None and job.finished(self.store, self.eval_only):
            job.outcome = "done"
            headlines = [(name, found.record.metrics[name]) for name in objective.metrics[: objective.num_headlines]]
            text = ", ".join(f"{name} {value:.1f}" for name, value in headlines)
            self._show(f"{job.name}: {text} in {found.record.seconds:.0f} s")
        elif code == CLAIMED_ELSEWHERE:
            self._wait_for_other_process(job)
        else:
            job.outcome, (job.reason, job.exit_code) = "failed", failure_of(directory, code)
            self._show(f"{job.name}: failed (log: {directory.log})")

    def show_log(self, job: Job, running: Running) -> None:
        """Show the new notes in the log of a job and, without bars, its new lines of progress."""
        with contextlib.suppress(OSError), job.directory(self.store).log.open("rb") as file:
            file.seek(running.shown)
            whole, newline, _ = file.read().rpartition(b"\n")
            running.shown += len(whole + newline)
            for line in whole.decode(errors="replace").splitlines():
                for prefix in (NOTE_PREFIX,) if self.show_bars else (NOTE_PREFIX, PROGRESS_PREFIX):
                    if line.startswith(prefix):
                        self._show(f"{job.name}: {one_line(line.removeprefix(prefix))}")

    def _show(self, line: str) -> None:
        tqdm.write(line, file=sys.stderr) if self.show_bars else print(line, file=sys.stderr, flush=True)


def needed_jobs(job: Job, jobs: list[Job], store: RunStore) -> list[Job]:
    """Jobs that end before a job starts: the trainings of its parents, and the test of its run before it."""
    parents = {parent.run.train_id for parent in job.run.parents if not store.run(parent.run.train_id).weights.exists()}
    first = {other.run.train_id: other for other in reversed(jobs)}
    earlier = [other for other in jobs[: jobs.index(job)] if other.run.train_id == job.run.train_id]
    trained = [first[parent] for parent in parents if parent in first]
    return [*trained, *earlier[-1:]]


def failure_of(directory: RunDirectory, code: int) -> Failure:
    """Failure of a run whose process has ended: from its file, the last error in its log, or the exit code.

    The file names the process that failed first, also where it has ended this one. On a full disk, it cannot be
    written. A killed process (negative code) prints no error.
    """
    with contextlib.suppress(OSError):
        if (failure := directory.read_failure()) is not None:
            return failure
        lines = directory.log.read_text(errors="replace").splitlines() if code > 0 else []
        errors = [line.removeprefix(ERROR_PREFIX) for line in lines if line.startswith(ERROR_PREFIX)]
        if errors:
            return Failure(one_line(errors[-1]), code)
    if free_bytes(directory.path) < FULL:
        return Failure(f"the disk of {directory.path} is full; free space there or {REMEDY}", code)
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may be out of memory" if name == "SIGKILL" else ""
        return Failure(f"the process was ended by {name}{hint}; run the same command again to go on", code)
    return Failure(f"the process ended with exit code {code}", code)


class Bars:
    """Progress bars of all jobs, and of the run in each slot."""

    def __init__(self, num_jobs: int, num_done: int, slots: int) -> None:
        of_all = "{desc} {bar} {n:.1f}/{total} [{elapsed} passed, {remaining} left]"
        of_one = "  {desc} {bar} {percentage:3.0f} %{postfix}"
        self.total = tqdm(total=num_jobs, initial=num_done, desc="runs", unit="run", bar_format=of_all)
        self.slots = [tqdm(total=1.0, position=slot + 1, leave=False, bar_format=of_one) for slot in range(slots)]

    def update(self, num_ended: int, running: dict[int, tuple[str, RunDirectory]]) -> None:
        """Show the progress of the runs, given by their slots with their names."""
        self.total.n = num_ended + sum(directory.fraction_done() or 0.0 for _, directory in running.values())
        self.total.refresh()
        for slot, bar in enumerate(self.slots):
            name, directory = running.get(slot, ("", None))
            progress = directory.progress() if directory is not None else {}
            loss = f"loss {progress['train/loss']:.3f}" if "train/loss" in progress else ""
            texts = (position_text(progress), loss, time_left_text(progress))
            bar.n = float(progress.get("done", 0.0))
            stage = progress.get("stage", "start")
            bar.set_description_str(f"{name:<24.24} {stage:<5}" if name else "waiting", refresh=False)
            bar.set_postfix_str(", ".join(filter(None, texts)), refresh=False)
            bar.refresh()

    def close(self) -> None:
        for bar in (*self.slots, self.total):
            bar.close()


def start_process(request: Path, log: IO[bytes], environment: dict[str, str], server: RunServer | None) -> RunProcess:
    """Start the process of a run, which writes to a log, and which Ctrl-C in the terminal does not reach."""
    if server is not None:
        return server.start(request, log, environment)
    command = [sys.executable, "-m", "runner.jobs.run_process", str(request)]
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
    )


def default_parallel(scale: Scale) -> int:
    """Default number of parallel processes: one with GPUs or large models, else two if there are two cores.

    Two tiny runs need 3 GB of memory together. --jobs overrides this number.
    """
    return min(2, available_cores()) if scale.on_cpu and not torch.cuda.is_available() else 1
