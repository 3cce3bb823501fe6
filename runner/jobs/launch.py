"""Parallel execution of jobs in separate processes, with progress bars.

A run claimed by another `reproduce` is not started here; its result is awaited. A failed run does not stop the others.
"""

import contextlib
import os
import subprocess
import sys
import time
from typing import IO

import torch
from torch.distributed import DistNetworkError  # pyright: ignore[reportPrivateImportUsage]
from tqdm import tqdm

from data.worker_processes import available_cores
from experiments.spec.scales import Scale
from runner.jobs.failure_file import Failure
from runner.jobs.job_logs import exit_reason, failure_of, headline_text, new_lines
from runner.jobs.slurm_step import Step, child_environment
from runner.machine.files import unwritable
from runner.machine.messages import CLAIMED_ELSEWHERE, NOTE_PREFIX, PROGRESS_PREFIX, one_line
from runner.machine.resources import Resources
from runner.machine.signals import interrupted_by_signals, stop
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.training.progress_text import position_text, time_left_text

POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0


class Launcher:
    """Executes jobs in parallel.

    Args:
        arguments: arguments of every child process for scale, overrides and resources.
        parallel: maximum number of processes at a time.
        threads: CPU threads per process; None to divide the cores equally, with at most torch's own number for each
            process (which OMP_NUM_THREADS sets).
        eval_only: test existing weights without training.
        devices: devices of a run; None for all. Parallel runs divide the GPUs of the machine.
        step: tasks of SLURM that carry out each run together with this one; None if it is alone.
    """

    def __init__(
        self,
        store: RunStore,
        arguments: list[str],
        parallel: int,
        threads: int | None,
        *,
        eval_only: bool = False,
        devices: int | None = None,
        step: Step | None = None,
    ) -> None:
        self.store = store
        self.arguments = arguments
        self.parallel = parallel
        self.eval_only = eval_only
        self.devices = devices
        self.step = step
        self.threads = threads or max(1, min(torch.get_num_threads(), available_cores() // parallel))
        self.show_bars = sys.stderr.isatty()

    def carry_out(self, jobs: list[Job]) -> None:
        """Execute all jobs and set their outcomes. On Ctrl-C, SIGTERM or SIGUSR1, the children write their checkpoints.

        Raises:
            KeyboardInterrupt: on these signals, after the children have ended.
            StoreError: if the store cannot be written.
        """
        with interrupted_by_signals():
            self._carry_out(jobs)

    def _carry_out(self, jobs: list[Job]) -> None:
        self.store.check_writable()
        for job in jobs:
            if job.finished(self.store, self.eval_only):
                job.outcome = "done"
        total_bar = tqdm(
            total=len(jobs),
            initial=sum(job.outcome == "done" for job in jobs),
            desc="runs",
            unit="run",
            disable=not self.show_bars,
            bar_format="{desc} {bar} {n:.1f}/{total} [{elapsed} passed, {remaining} left]",
        )
        bars = [
            tqdm(total=1.0, position=slot + 1, leave=False, bar_format="  {desc} {bar} {percentage:3.0f} %{postfix}")
            if self.show_bars
            else None
            for slot in range(self.parallel)
        ]
        slots: list[Job | None] = [None] * self.parallel
        try:
            while any(job.outcome is None for job in jobs):
                for slot, job in enumerate(slots):
                    if job is not None and job.process is not None:
                        ended = job.process.poll() is not None
                        if self.step is not None:
                            self.step.watch(job.process)
                        self._show_log(job)
                        if ended:
                            self._set_outcome(job)
                            slots[slot] = job = None
                    if job is None:
                        slots[slot] = job = self.next_to_start(jobs)
                        if job is not None:
                            self._start(job, slot)
                    self._update_bar(slots[slot], bars[slot])
                running = sum(self._fraction(job) for job in slots if job is not None)
                total_bar.n = sum(job.outcome is not None for job in jobs) + running
                total_bar.refresh()
                time.sleep(POLL_SECONDS)
            total_bar.n = len(jobs)
            total_bar.refresh()
        except KeyboardInterrupt:
            tqdm.write("stopping: the running rows write their checkpoints", file=sys.stderr)
            raise
        finally:
            stop([job.process for job in jobs if job.process is not None])
            for bar in [*bars, total_bar]:
                if bar is not None:
                    bar.close()

    def follow(self, jobs: list[Job]) -> None:
        """Start a process of each run that task 0 of the step starts, until its end.

        Raises:
            KeyboardInterrupt: on the signals that stop a run, after the process has ended.
        """
        assert self.step is not None
        named = {" ".join(job.key): job for job in jobs}
        process = None
        # Without its store, task 0 was killed: nothing is left to do.
        with contextlib.suppress(DistNetworkError), interrupted_by_signals():
            try:
                while (run := self.step.next_run()) is not None:
                    process = self._process(named[run[0]], sys.stderr.buffer, run[1])
                    while process.poll() is None:
                        self.step.watch(process)
                        time.sleep(POLL_SECONDS)
                    self.step.watch(process)
            finally:
                stop([process] if process is not None else [])

    def next_to_start(self, jobs: list[Job]) -> Job | None:
        """First job that can start now. Jobs that can no longer start are marked as blocked."""
        for job in jobs:
            if job.outcome is not None or job.process is not None or time.monotonic() < job.not_before:
                continue
            blocking, reason = self._blocking(job, jobs) or (None, "")
            if blocking is not None:
                job.outcome, job.reason, job.exit_code = "blocked", reason, blocking.exit_code
            elif self._must_wait(job, jobs):
                continue
            elif job.directory(self.store).claimed:
                self._wait_for_other_process(job)
            else:
                return job
        return None

    def _blocking(self, job: Job, jobs: list[Job]) -> tuple[Job, str] | None:
        """Failed job without which a job cannot run, of its run or a parent, and the reason. None if it can run."""
        parents = {parent.run.train_id for parent in job.run.parents}
        for other in jobs:
            if other.outcome not in ("failed", "blocked") or other.directory(self.store).weights.exists():
                continue
            if other.run.train_id in parents:
                return other, f"{other.name}, which it starts from, failed"
            if other.run.train_id == job.run.train_id:
                return other, f"{other.name}, another test of the same run, failed"
        return None

    def _must_wait(self, job: Job, jobs: list[Job]) -> bool:
        """Whether another job executes the same run, or has not yet trained a parent."""
        if any(other.process is not None and other.run.train_id == job.run.train_id for other in jobs):
            return True
        parents = {parent.run.train_id for parent in job.run.parents}
        untrained = {run for run in parents if not self.store.run(run).weights.exists()}
        return any(other.outcome is None and other.run.train_id in untrained for other in jobs)

    def _wait_for_other_process(self, job: Job) -> None:
        """Ask again later whether another process still executes the run. The first time, the user is told."""
        if not job.not_before:
            self._show(f"{job.name}: another process executes this run; waiting for its result")
        job.not_before = time.monotonic() + RETRY_SECONDS

    def _start(self, job: Job, slot: int) -> None:
        directory = job.directory(self.store)
        try:
            directory.path.mkdir(parents=True, exist_ok=True)
            directory.progress_file.unlink(missing_ok=True)
            job.memory_failures = directory.memory_failures
            variables = self._gpus(slot) if self.step is None else self.step.share(" ".join(job.key))
            with directory.log.open("ab") as log:
                job.log_position = log.tell()
                job.process = self._process(job, log, variables)
        except OSError as error:
            raise unwritable(directory.path, error) from None

    def _process(self, job: Job, log: IO[bytes], variables: dict[str, str]) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "runner.jobs.run_process", job.table, job.cell, "--seed", str(job.seed)]
        command += ["--runs", str(self.store.root), "--threads", str(self.threads), *self.arguments]
        own = {"OMP_NUM_THREADS": str(self.threads), "PYTHONUNBUFFERED": "1", **variables}
        return start_process(command, log, child_environment() | own)

    def _gpus(self, slot: int) -> dict[str, str]:
        """Variable with the GPUs of one of several runs at a time; they share GPUs if there are too few."""
        count = torch.cuda.device_count()
        if self.parallel == 1 or self.devices is None or not 0 < self.devices < count:
            return {}
        visible = os.environ.get("CUDA_VISIBLE_DEVICES") or ",".join(map(str, range(count)))
        names = visible.split(",")[:count]
        chosen = [names[(slot * self.devices + number) % count] for number in range(self.devices)]
        return {"CUDA_VISIBLE_DEVICES": ",".join(chosen)}

    def _set_outcome(self, job: Job) -> None:
        assert job.process is not None
        code, job.process = job.process.returncode, None
        directory = job.directory(self.store)
        metrics = self.store.metrics(job.run)
        if metrics is not None and job.finished(self.store, self.eval_only):
            job.outcome = "done"
            message = f"{job.name}: {headline_text(job.run, metrics)} in {metrics['seconds']:.0f} s"
        elif code == CLAIMED_ELSEWHERE:
            return self._wait_for_other_process(job)
        elif code != 0 and directory.memory_failures > job.memory_failures:
            return  # to be started again: a process on one of several devices has noted a smaller batch
        else:
            failure = failure_of(directory, code) or Failure(exit_reason(code, self.store.root), code)
            job.outcome, job.reason, job.exit_code = "failed", failure.reason, failure.exit_code
            message = f"{job.name}: failed (log: {directory.log})"
        self._show(message)

    def _show_log(self, job: Job) -> None:
        """Show the new notes in the log of a job and, without bars, its new lines of progress."""
        lines, job.log_position = new_lines(job.directory(self.store).log, job.log_position)
        for line in lines:
            if line.startswith(NOTE_PREFIX):
                self._show(f"{job.name}: {one_line(line.removeprefix(NOTE_PREFIX))}")
            elif line.startswith(PROGRESS_PREFIX) and not self.show_bars:
                self._show(f"{job.name}: {one_line(line.removeprefix(PROGRESS_PREFIX))}")

    def _show(self, line: str) -> None:
        tqdm.write(line, file=sys.stderr) if self.show_bars else print(line, file=sys.stderr, flush=True)

    def _fraction(self, job: Job) -> float:
        return job.directory(self.store).fraction_done() or 0.0

    def _update_bar(self, job: Job | None, bar: tqdm | None) -> None:
        if bar is None:
            return
        if job is None:
            bar.n = 0
            bar.set_description_str("waiting", refresh=False)
            bar.set_postfix_str("", refresh=False)
        else:
            progress = job.directory(self.store).progress()
            bar.n = float(progress.get("done", 0.0))
            bar.set_description_str(f"{job.cell:<24.24} {progress.get('stage', 'start'):<5}", refresh=False)
            loss = f"loss {progress['train/loss']:.3f}" if "train/loss" in progress else ""
            texts = (position_text(progress), loss, time_left_text(progress))
            bar.set_postfix_str(", ".join(filter(None, texts)), refresh=False)
        bar.refresh()


def start_process(command: list[str], log: IO[bytes], environment: dict[str, str]) -> "subprocess.Popen[bytes]":
    """Start a process that writes to a log, and that Ctrl-C in the terminal does not reach."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
    )


def default_parallel(resources: Resources, scale: Scale) -> int:
    """Default number of parallel processes: one with GPUs or large models, else two if there are two cores.

    Two tiny runs need 3 GB of memory together. --jobs overrides this number.
    """
    return min(2, available_cores()) if scale.small and not torch.cuda.is_available() else 1
