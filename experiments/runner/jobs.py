"""Jobs: the distinct tests of some tables, with the runs that they start from."""

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field

from experiments.runner.run_directory import RunDirectory
from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Table


@dataclass
class Job:
    """One test of a run, the cells that show it, the cells that start from it, and the process that carries it out.

    `outcome`: done, failed, or blocked by another job.
    """

    run: RunConfig
    table: str
    cell: str
    seed: int
    cells: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    outcome: str | None = None
    reason: str = ""
    exit_code: int = 0
    not_before: float = 0.0

    def directory(self, store: RunStore) -> RunDirectory:
        """The directory of the run."""
        return store.run(self.run.train_id)

    @property
    def is_prerequisite(self) -> bool:
        """Whether no cell shows it: it is there for runs that start from it."""
        return not self.cells

    def finished(self, store: RunStore, eval_only: bool) -> bool:
        """Whether nothing is left to do; imported released weights are enough to start from."""
        directory = self.directory(store)
        can_start_others = self.is_prerequisite and not directory.weights.exists() and directory.released.exists()
        return can_start_others or directory.tested(self.run.eval_id, eval_only or self.run.optim is None)

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{self.table}:{self.cell}" + (f" seed {self.seed}" if self.seed else "")


def jobs_of(selections: Iterable[tuple[Table, tuple[str, ...] | None]], scale: Scale, overrides: list[str],
            seeds: tuple[int, ...]) -> list[Job]:  # fmt: skip
    """The distinct tests of some tables, parents before the runs that start from them.

    Of several tests of one run, those with more views come first: fewer views are then scored from their saved scores.
    """
    jobs: dict[tuple[str, str], Job] = {}

    def add(run: RunConfig, table: str, cell: str, seed: int) -> Job:
        for parent in run.parents:
            add(parent.run, table, f"{cell}.{parent.name}", seed).starts.append(f"{table}:{cell}")
        return jobs.setdefault((run.train_id, run.eval_id), Job(run, table, cell, seed))

    for table, rows in selections:
        for cell in table.cells(scale, rows=rows, overrides=overrides, seeds=seeds):
            if cell.tested:
                for seed, run in zip(seeds, cell.runs, strict=True):
                    name = f"{cell.row.key}.{cell.column.key}"
                    job = add(run, table.name, name, seed)
                    if job.is_prerequisite:  # a cell of its own is the better name
                        job.table, job.cell = table.name, name
                    job.cells.append(f"{table.name}:{name}")
    return _most_views_first(list(jobs.values()))


def _most_views_first(jobs: list[Job]) -> list[Job]:
    """The jobs with the tests of each run in another order: each takes the place of a test of the same run."""
    by_run: dict[str, list[Job]] = {}
    for job in jobs:
        by_run.setdefault(job.run.train_id, []).append(job)
    ordered = {run: iter(sorted(some, key=lambda job: -job.run.evaluation.views)) for run, some in by_run.items()}
    return [next(ordered[job.run.train_id]) for job in jobs]


def jobs_under(jobs: list[Job], columns: Iterable[str]) -> list[Job]:
    """The jobs whose cells lie under some columns, and their parents; their other cells are dropped.

    A user with one data set can so run its columns of a table without the others.

    Raises:
        ValueError: for a column under which none of the jobs lies.
    """
    columns = tuple(columns)
    there = list(dict.fromkeys(column_of(cell) for job in jobs for cell in job.cells))
    for column in columns:
        if column not in there:
            raise ValueError(f"--column '{column}': nothing is run under it; there are {', '.join(there) or 'none'}")
    needed: set[tuple[str, str]] = set()
    for job in jobs:
        job.cells = [cell for cell in job.cells if column_of(cell) in columns]
        job.starts = [cell for cell in job.starts if column_of(cell) in columns]
        if job.cells:
            job.table, _, job.cell = job.cells[0].partition(":")
            needed |= {(run.train_id, run.eval_id) for run in lineage(job.run)}
    return [job for job in jobs if (job.run.train_id, job.run.eval_id) in needed]


def column_of(cell: str) -> str:
    """The column of `table:row.column`, or of a parent of such a cell, `table:row.column.start`."""
    return cell.partition(":")[2].split(".")[1]


def lineage(run: RunConfig) -> list[RunConfig]:
    """A run, its parents, their parents, and so on."""
    return [run, *(ancestor for parent in run.parents for ancestor in lineage(parent.run))]
