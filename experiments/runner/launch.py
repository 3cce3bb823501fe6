"""Runs jobs, each in a process of its own, several side by side, under progress bars with an ETA.

Runs that another `reproduce` works on are left to it and waited for. A failed run does not stop the others.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

import torch
from tqdm import tqdm

from experiments.runner.files import StoreError
from experiments.runner.jobs import Job
from experiments.runner.process import CLAIMED_ELSEWHERE, ERROR_PREFIX
from experiments.runner.resources import Resources
from experiments.runner.run_directory import RunDirectory
from experiments.runner.store import RunStore
from experiments.spec.scales import Scale

POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0


class Launcher:
    """Runs jobs side by side.

    Args:
        store: where runs lie.
        arguments: of every child, beside those that name its cell (scale, overrides, resources).
        parallel: processes side by side.
        threads: CPU threads of each; None shares the cores out.
        eval_only: test weights that are there and train nothing.
    """

    def __init__(
        self, store: RunStore, arguments: list[str], parallel: int, threads: int | None, *, eval_only: bool = False
    ) -> None:
        self.store = store
        self.arguments = arguments
        self.parallel = parallel
        self.eval_only = eval_only
        self.threads = threads or max(1, len(os.sched_getaffinity(0)) // parallel)
        self.show_bars = sys.stderr.isatty()

    def carry_out(self, jobs: list[Job]) -> None:
        """Bring every job to an outcome. Ctrl-C and SIGTERM let the children write their checkpoints first.

        Raises:
            KeyboardInterrupt: after the children have ended.
            StoreError: when the store cannot be written.
        """
        self.store.check_writable()
        for job in jobs:
            if job.finished(self.store, self.eval_only):
                job.outcome = "done"
        previous = signal.signal(signal.SIGTERM, _interrupt)
        whole = tqdm(
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
                    if job is not None and job.process is not None and job.process.poll() is not None:
                        self._settle(job, whole)
                        slots[slot] = job = None
                    if job is None:
                        slots[slot] = job = self.next_to_start(jobs)
                        if job is not None:
                            self._start(job)
                    self._draw(slots[slot], bars[slot])
                running = sum(self._fraction(job) for job in slots if job is not None)
                whole.n = sum(job.outcome is not None for job in jobs) + running
                whole.refresh()
                time.sleep(POLL_SECONDS)
            whole.n = len(jobs)
            whole.refresh()
        except KeyboardInterrupt:
            tqdm.write("stopping: the running rows write their checkpoints", file=sys.stderr)
            self._stop(jobs)
            raise
        finally:
            signal.signal(signal.SIGTERM, previous)
            self._stop(jobs)
            for bar in [*bars, whole]:
                if bar is not None:
                    bar.close()

    def next_to_start(self, jobs: list[Job]) -> Job | None:
        """The first job that can start now; those that cannot any more get their outcome."""
        for job in jobs:
            if job.outcome is not None or job.process is not None or time.monotonic() < job.not_before:
                continue
            reason = self._blocked_reason(job, jobs)
            if reason is not None:
                job.outcome, job.reason = "blocked", reason
            elif self._waits(job, jobs):
                continue
            elif job.directory(self.store).claimed:
                job.not_before = time.monotonic() + RETRY_SECONDS  # another process works on it; look again later
            else:
                return job
        return None

    def _blocked_reason(self, job: Job, jobs: list[Job]) -> str | None:
        """Why a job cannot run any more: its run, or a parent of it, failed before it had weights."""
        parents = {parent.run.train_id for parent in job.run.parents}
        for other in jobs:
            if other.outcome not in ("failed", "blocked") or other.directory(self.store).weights.exists():
                continue
            if other.run.train_id in parents:
                return f"{other.name}, which it starts from, failed"
            if other.run.train_id == job.run.train_id:
                return f"{other.name}, another test of the same run, failed"
        return None

    def _waits(self, job: Job, jobs: list[Job]) -> bool:
        """Whether another job works on its run, or has yet to train a parent of it."""
        if any(other.process is not None and other.run.train_id == job.run.train_id for other in jobs):
            return True
        parents = {parent.run.train_id for parent in job.run.parents}
        waiting = {run for run in parents if not self.store.run(run).weights.exists()}
        return any(other.outcome is None and other.run.train_id in waiting for other in jobs)

    def _start(self, job: Job) -> None:
        directory = job.directory(self.store)
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.threads), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "experiments.runner.train", job.table, job.cell, "--seed", str(job.seed)]
        command += ["--runs", str(self.store.root), "--threads", str(self.threads), *self.arguments]
        try:
            directory.path.mkdir(parents=True, exist_ok=True)
            directory.progress_file.unlink(missing_ok=True)
            with directory.log.open("ab") as log:
                job.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
                )
        except OSError as error:
            raise StoreError(
                f"cannot write {directory.path}: {error.strerror}; free space or name another place with --runs"
            ) from None

    def _settle(self, job: Job, whole: tqdm) -> None:
        assert job.process is not None
        code, job.process = job.process.returncode, None
        directory = job.directory(self.store)
        metrics = self.store.metrics(job.run.train_id, job.run.eval_id)
        if metrics is not None and job.finished(self.store, self.eval_only):
            job.outcome = "done"
            message = f"{job.name}: {headline_text(job, metrics)} in {metrics['seconds']:.0f} s"
        elif code == CLAIMED_ELSEWHERE:
            job.not_before = time.monotonic() + RETRY_SECONDS  # another process was faster
            return
        else:
            job.outcome, job.exit_code = "failed", code
            job.reason = reason_of(directory, code) or _exit_reason(code)
            message = f"{job.name}: failed (log: {directory.log})"
        whole.write(message, file=sys.stderr) if self.show_bars else print(message, file=sys.stderr, flush=True)

    def _fraction(self, job: Job) -> float:
        return job.directory(self.store).fraction_done() or 0.0

    def _draw(self, job: Job | None, bar: tqdm | None) -> None:
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
            notes = [
                f"{unit} {progress[unit]}/{progress[f'{unit}s']}" for unit in ("epoch", "step") if unit in progress
            ]
            notes += [f"loss {progress['train/loss']:.3f}"] if "train/loss" in progress else []
            bar.set_postfix_str(", ".join(notes), refresh=False)
        bar.refresh()

    @staticmethod
    def _stop(jobs: list[Job]) -> None:
        living = [job.process for job in jobs if job.process is not None and job.process.poll() is None]
        for process in living:
            process.send_signal(signal.SIGTERM)
        for process in living:
            try:
                process.wait()
            except KeyboardInterrupt:  # asked twice: end at once
                for other in living:
                    with contextlib.suppress(ProcessLookupError):  # it has ended
                        os.killpg(other.pid, signal.SIGKILL)
                raise


def headline_text(job: Job, metrics: dict) -> str:
    """The headline metrics of a test."""
    objective = job.run.objective
    return ", ".join(f"{name} {metrics[name]:.3g}" for name in objective.metrics[: objective.num_headlines])


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(number)


def reason_of(directory: RunDirectory, code: int) -> str | None:
    """Why a run failed, by its failure file or, on a full disk, the last error in its log."""
    with contextlib.suppress(OSError):
        if directory.failure.exists():
            return directory.failure.read_text(errors="replace").strip()
        lines = directory.log.read_text(errors="replace").splitlines() if code > 0 else []
        errors = [line.removeprefix(ERROR_PREFIX) for line in lines if line.startswith(ERROR_PREFIX)]
        return errors[-1] if errors else None
    return None


def _exit_reason(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        hint = "; the machine may be out of memory" if name == "SIGKILL" else ""
        return f"the process was ended by {name}{hint}; run the same command again to go on"
    return f"the process ended with exit code {code}"


def default_parallel(resources: Resources, scale: Scale) -> int:
    """Processes side by side: one where there are GPUs or the models are large, two for tiny models on two cores.

    Two tiny runs take 3 GB of memory together; --jobs allows more.
    """
    return min(2, len(os.sched_getaffinity(0))) if scale.small and not torch.cuda.is_available() else 1
