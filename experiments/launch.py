"""Carries out a plan: each distinct run in a process of its own, several side by side, with bars and an ETA above them.

Runs that another `reproduce` works on are left to it and waited for. A failed run does not stop the others.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field

import torch
from tqdm import tqdm

from experiments.resources import Resources
from experiments.run import RunConfig
from experiments.scales import Scale
from experiments.store import CLAIMED_ELSEWHERE, SAID, RunDirectory, RunStore, StoreError
from experiments.table import START, Table

POLL_SECONDS = 0.2
RETRY_SECONDS = 2.0


@dataclass
class Job:
    """One distinct run, the cells that show it, those that start from it, and how a process is told about it."""

    run: RunConfig
    table: str
    cell: str
    seed: int
    cells: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    outcome: str | None = None  # done, failed, or blocked by the run it starts from
    reason: str = ""
    exit_code: int = 0
    not_before: float = 0.0

    def directory(self, store: RunStore) -> RunDirectory:
        """Where the run lies."""
        return store.run(self.run.train_id)

    @property
    def only_starts_others(self) -> bool:
        """Whether no cell shows it: it is there for runs that start from it."""
        return not self.cells

    def finished(self, store: RunStore, eval_only: bool) -> bool:
        """Whether nothing is left to do; runs may also start from released weights that were taken in for this one."""
        directory = self.directory(store)
        started_from = self.only_starts_others and not directory.weights.exists() and directory.released.exists()
        return started_from or directory.tested(self.run.eval_id, eval_only)

    @property
    def name(self) -> str:
        """How people see it."""
        return f"{self.table}:{self.cell}" + (f" seed {self.seed}" if self.seed else "")


def jobs_of(selections: Iterable[tuple[Table, tuple[str, ...] | None]], scale: Scale, overrides: list[str],
            seeds: tuple[int, ...]) -> list[Job]:  # fmt: skip
    """The distinct runs of some tables, each before those that start from it, each once whatever shows it."""
    jobs: dict[tuple[str, str], Job] = {}

    def add(run: RunConfig, table: str, cell: str, seed: int) -> Job:
        if run.start_from is not None:
            add(run.start_from, table, f"{cell}.{START}", seed).starts.append(f"{table}:{cell}")
        return jobs.setdefault((run.train_id, run.eval_id), Job(run, table, cell, seed))

    for table, rows in selections:
        for cell in table.cells(scale, rows=rows, overrides=overrides, seeds=seeds):
            if cell.trained:
                for seed, run in zip(seeds, cell.runs, strict=True):
                    name = f"{cell.row.key}.{cell.column.key}"
                    job = add(run, table.name, name, seed)
                    if job.only_starts_others:  # a cell of its own is the better name
                        job.table, job.cell = table.name, name
                    job.cells.append(f"{table.name}:{name}")
    return list(jobs.values())


class Launcher:
    """Runs jobs side by side.

    Args:
        store: where runs lie.
        arguments: what every child is told besides its cell (scale, overrides, resources).
        parallel: processes side by side.
        threads: CPU threads each may use; None shares the cores out.
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
            reason = self._hindrance(job, jobs)
            if reason is not None:
                job.outcome, job.reason = "blocked", reason
            elif self._waits(job, jobs):
                continue
            elif job.directory(self.store).claimed:
                job.not_before = time.monotonic() + RETRY_SECONDS  # another process works on it; look again later
            else:
                return job
        return None

    def _hindrance(self, job: Job, jobs: list[Job]) -> str | None:
        """Why a job cannot run any more: its run, or the one that it starts from, failed before it had weights."""
        start = job.run.start_from.train_id if job.run.start_from is not None else None
        for other in jobs:
            if other.outcome not in ("failed", "blocked") or other.directory(self.store).weights.exists():
                continue
            if other.run.train_id == start:
                return f"{other.name}, which it starts from, failed"
            if other.run.train_id == job.run.train_id:
                return f"{other.name}, another test of the same run, failed"
        return None

    def _waits(self, job: Job, jobs: list[Job]) -> bool:
        """Whether another job has its run in hand, or has yet to train the one that it starts from."""
        if any(other.process is not None and other.run.train_id == job.run.train_id for other in jobs):
            return True
        start = job.run.start_from
        if start is None or self.store.run(start.train_id).weights.exists():
            return False
        return any(other.outcome is None and other.run.train_id == start.train_id for other in jobs)

    def _start(self, job: Job) -> None:
        directory = job.directory(self.store)
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.threads), "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "experiments.train", job.table, job.cell, "--seed", str(job.seed)]
        command += ["--runs", str(self.store.root), "--threads", str(self.threads), *self.arguments]
        try:
            directory.path.mkdir(parents=True, exist_ok=True)
            (directory.path / "progress.json").unlink(missing_ok=True)
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
        metrics = self.store.measured(job.run.train_id, job.run.eval_id)
        if metrics is not None and directory.tested(job.run.eval_id, self.eval_only):
            job.outcome = "done"
            message = f"{job.name}: {accuracy_text(metrics)} in {metrics['seconds']:.0f} s"
        elif code == CLAIMED_ELSEWHERE:
            job.not_before = time.monotonic() + RETRY_SECONDS  # another process was faster
            return
        else:
            job.outcome, job.exit_code = "failed", code
            job.reason = reason_of(directory, code) or _death(code)
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
            notes = [f"epoch {progress['epoch']}/{progress['epochs']}"] if "epoch" in progress else []
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


def accuracy_text(metrics: dict) -> str:
    """What a run has come to, in a few words."""
    if "action" in metrics:
        return ", ".join(f"{name} {metrics[name]:.1f}" for name in ("action", "verb", "noun"))
    return f"top-1 {metrics['top1']:.1f}"


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt(number)


def reason_of(directory: RunDirectory, code: int) -> str | None:
    """Why a run failed: as it wrote down or, where it could not on a full disk, last said."""
    with contextlib.suppress(OSError):
        if directory.failure.exists():
            return directory.failure.read_text(errors="replace").strip()
        lines = directory.log.read_text(errors="replace").splitlines() if code > 0 else []
        said = [line.removeprefix(SAID) for line in lines if line.startswith(SAID)]
        return said[-1] if said else None
    return None


def _death(code: int) -> str:
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
