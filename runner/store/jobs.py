"""Jobs: the distinct tests of the cells of tables, and the runs whose weights they need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from experiments.spec.catalog import find
from experiments.spec.metrics import DEVICE_HOURS
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Table
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore


@dataclass
class Job:
    """One test of a run, preceded by its training if necessary.

    Args:
        table, cell, seed: names of the run on the command line.
        cells: cells that show the test, as `table:row.column`.
        starts: cells of runs that are initialised with the weights of this run.
        printed_hours: printed device-hours of the training, if the paper prints them.
        outcome: "done", "failed", "blocked" by the failure of another job, or "skipped" for want of weights to test;
            None before.
        reason: the reason of any other outcome than "done".
        exit_code: exit code of a failed process, also of the one by whose failure the job is blocked.
        not_before: earliest time of the next start, in seconds of `time.monotonic`.
    """

    run: RunConfig
    table: str
    cell: str
    seed: int
    cells: list[str] = field(default_factory=list)
    starts: list[str] = field(default_factory=list)
    printed_hours: float | None = None
    outcome: str | None = None
    reason: str = ""
    exit_code: int = 0
    not_before: float = 0.0

    def directory(self, store: RunStore) -> RunDirectory:
        return store.run(self.run.train_id)

    @property
    def is_prerequisite(self) -> bool:
        """Whether no cell shows the test: the job trains a parent of other runs."""
        return not self.cells

    @property
    def key(self) -> tuple[str, str]:
        return self.run.train_id, self.run.eval_id

    def finished(self, store: RunStore, eval_only: bool) -> bool:
        """Whether the job is done.

        A prerequisite is also done if it needs no training, or has imported released weights and none of its own.
        """
        directory = self.directory(store)
        released_suffices = not directory.weights.exists() and directory.released.exists()
        if self.is_prerequisite and (self.run.optim is None or released_suffices):
            return True
        return directory.tested(self.run, eval_only or self.run.optim is None)

    @property
    def name(self) -> str:
        return f"{self.table}:{self.cell}" + (f" seed {self.seed}" if self.seed else "")


def jobs_of(selections: Iterable[tuple[Table, tuple[str, ...] | None]], scale: Scale, overrides: Sequence[str],
            seeds: tuple[int, ...]) -> list[Job]:  # fmt: skip
    """Distinct tests of tables. Parents precede the runs that they initialise.

    Tests of the same run are in descending order of views, because a test with fewer views can use the saved scores.

    Args:
        selections: tables, each with the keys of its rows, or None for all rows.
    """
    jobs: dict[tuple[str, str], Job] = {}

    def add(run: RunConfig, table: str, cell: str, seed: int) -> Job:
        for parent in run.parents:
            needed = add(parent.run, table, f"{cell}.{parent.name}", seed)
            needed.starts.append(f"{table}:{cell}")
        return jobs.setdefault((run.train_id, run.eval_id), Job(run, table, cell, seed))

    for table, rows in selections:
        for cell in table.cells(scale, rows=rows, overrides=overrides, seeds=seeds):
            if cell.tested:
                for seed, run in zip(seeds, cell.runs, strict=True):
                    name = f"{cell.row.key}.{cell.column.key}"
                    job = add(run, table.name, name, seed)
                    if job.is_prerequisite:  # prefer the name of its own cell
                        job.table, job.cell = table.name, name
                    job.cells.append(f"{table.name}:{name}")
                    if cell.metric == DEVICE_HOURS and isinstance(cell.printed, int | float) and not scale.small:
                        job.printed_hours = float(cell.printed)
    return _most_views_first(list(jobs.values()))


def run_of_row(
    name: str, column: str | None, scale: Scale, overrides: Iterable[str] = (), seed: int = 0
) -> tuple[str, RunConfig]:
    """Column key and run of a single row, for a column or, by default, for the first tested column."""
    runs = runs_of_row(name, scale, overrides, seed)
    column = column or next(iter(runs), None)
    if column is None or column not in runs:
        under = f"no run under column '{column}'; it has {', '.join(runs)}" if runs else "no run: no column is tested"
        raise ValueError(f"'{name}' has {under}")
    return column, runs[column]


def runs_of_row(name: str, scale: Scale, overrides: Iterable[str] = (), seed: int = 0) -> dict[str, RunConfig]:
    selections = find([name])
    table, rows = selections[0]
    if len(selections) != 1 or rows is None or len(rows) != 1:
        raise ValueError(f"'{name}' is not one row; name it as paper/table:row")
    if table.find_row(rows[0]).quoted:
        raise ValueError(f"'{name}' is quoted from another paper: it has no run")
    cells = table.cells(scale, rows=rows, overrides=list(overrides), seeds=(seed,))
    return {cell.column.key: cell.runs[0] for cell in cells if cell.tested}


def _most_views_first(jobs: list[Job]) -> list[Job]:
    """Jobs with the tests of each run in descending order of views. Every run keeps its positions in the list."""
    by_run: dict[str, list[Job]] = {}
    for job in jobs:
        by_run.setdefault(job.run.train_id, []).append(job)
    ordered = {run: iter(sorted(tests, key=lambda job: -job.run.evaluation.views)) for run, tests in by_run.items()}
    return [next(ordered[job.run.train_id]) for job in jobs]


def jobs_under(jobs: list[Job], columns: Iterable[str]) -> list[Job]:
    """Jobs with cells in some columns, and their parents. Cells of other columns are removed from the jobs.

    A user with one data set can thus run only its columns.
    """
    columns = tuple(columns)
    available = list(dict.fromkeys(column_of(cell) for job in jobs for cell in job.cells))
    for column in columns:
        if column not in available:
            raise ValueError(
                f"--column '{column}': it has no runs; columns with runs: {', '.join(available) or 'none'}"
            )
    needed: set[tuple[str, str]] = set()
    for job in jobs:
        job.cells = [cell for cell in job.cells if column_of(cell) in columns]
        job.starts = [cell for cell in job.starts if column_of(cell) in columns]
        if job.cells:
            job.table, _, job.cell = job.cells[0].partition(":")
            needed |= {(run.train_id, run.eval_id) for run in with_ancestors(job.run)}
    return [job for job in jobs if job.key in needed]


def column_of(cell: str) -> str:
    """Column of a cell `table:row.column`, or of its parent `table:row.column.start`."""
    return cell.partition(":")[2].split(".")[1]


def with_ancestors(run: RunConfig) -> list[RunConfig]:
    """A run and all its ancestors, as they are run, depth first. An ancestor of several parents is repeated."""
    return [run, *(ancestor for parent in run.parents for ancestor in with_ancestors(parent.run))]
