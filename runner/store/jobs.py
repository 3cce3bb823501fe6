"""Jobs: the distinct tests of the cells of tables, and the runs whose weights they need."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from experiments.spec.catalog import find
from experiments.spec.edits import lacks_part
from experiments.spec.metrics import DEVICE_HOURS
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale
from experiments.spec.table import Table
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore

if TYPE_CHECKING:
    from runner.store.starts import Start  # most commands start no run


class CellName(NamedTuple):
    table: str
    row: str
    column: str

    def __str__(self) -> str:
        return f"{self.table}:{self.row}.{self.column}"


@dataclass
class Job:
    """One test of a run, preceded by its training if necessary."""

    run: RunConfig
    place: CellName
    """Cell after which the job is named."""
    seed: int
    overrides: tuple[str, ...] = ()
    """Those of the call, unless they change nothing; of a parent, those that change it."""
    path: tuple[str, ...] = ()
    """Names of the parents that lead from the run of that cell to this one."""
    cells: list[CellName] = field(default_factory=list)
    """Cells that show the test. None shows the test of a prerequisite, which trains a parent of other runs."""
    needed_by: "list[Job]" = field(default_factory=list)
    """Jobs whose runs are initialised with the weights of this run."""
    printed_hours: float | None = None
    outcome: str | None = None
    """Done, failed, blocked by the failure of another job, or skipped for want of weights to test."""
    reason: str = ""
    """Of any other outcome than "done"."""
    exit_code: int = 0
    """Of a failed process, also of the one by whose failure the job is blocked."""
    not_before: float = 0.0
    """Earliest time of the next start, in seconds of `time.monotonic`."""

    def directory(self, store: RunStore) -> RunDirectory:
        return store.run(self.run.train_id)

    @property
    def key(self) -> tuple[str, str]:
        return self.run.train_id, self.run.eval_id

    @property
    def cell(self) -> str:
        """Name of the run within its table."""
        return ".".join((self.place.row, self.place.column, *self.path))

    @property
    def row(self) -> str:
        return f"{self.place.table}:{self.place.row}"

    @property
    def full_cell(self) -> str:
        return f"{self.place.table}:{self.cell}"

    @property
    def name(self) -> str:
        return self.full_cell + (f" seed {self.seed}" if self.seed else "")

    def start(self, call: "Start") -> "Start":
        """What starts the job, given what starts all jobs of a call. The name is that of all overrides of the call."""
        return structs.replace(
            call,
            cell=self.full_cell,
            seed=self.run.seed,
            overrides=self.overrides,
            name=call.name if {*self.overrides} == {*call.overrides} else "",
            metric=self.run.objective.metrics[0],
        )

    def finished(self, store: RunStore, eval_only: bool) -> bool:
        """Whether the job is done.

        A prerequisite is also done if it needs no training, has imported released weights and none of its own, or if
        all that need it are done.
        """
        directory, is_trained = self.directory(store), self.run.optim is not None
        is_tested = directory.tested(self.run, eval_only or not is_trained)
        if self.cells or is_tested:
            return is_tested
        released_suffices = not directory.weights.exists() and directory.released.exists()
        if released_suffices or not is_trained:
            return True
        return bool(self.needed_by) and all(job.finished(store, eval_only) for job in self.needed_by)


def jobs_of(
    selections: Iterable[tuple[Table, tuple[str, ...] | None]],
    scale: Scale,
    overrides: Sequence[str],
    seeds: tuple[int, ...],
    columns: Iterable[str] | None = None,
) -> list[Job]:
    """Distinct tests of tables. Parents precede the runs that they initialise.

    Tests of the same run are in descending order of views, because a test with fewer views can use the saved scores.

    Args:
        selections: tables, each with the keys of its rows, or None for all rows.
        columns: keys of the columns whose cells are tested, so that a user with one data set can run only these; None
            for all.
    """
    jobs: dict[tuple[str, str], Job] = {}

    def add(job: Job) -> Job:
        for parent in job.run.parents:
            run, texts = parent.run, job.overrides if job.run.is_ensemble else ()  # others change no parents
            made_by = tuple(text for text in texts if not lacks_part(text, run))
            needed = add(Job(run, job.place, job.seed, made_by, (*job.path, parent.name)))
            needed.needed_by.append(jobs.get(job.key, job))
        return jobs.setdefault(job.key, job)

    cells = [
        (CellName(table.name, cell.row.key, cell.column.key), cell)
        for table, rows in selections
        for cell in table.cells(scale, rows=rows, overrides=overrides, seeds=seeds)
        if cell.tested
    ]
    chosen = dict.fromkeys(name.column for name, _ in cells) if columns is None else tuple(columns)
    for column in chosen:
        if all(column != name.column for name, _ in cells):
            available = ", ".join(dict.fromkeys(name.column for name, _ in cells))
            raise ValueError(f"--column '{column}': it has no runs; columns with runs: {available or 'none'}")
    for name, cell in cells:
        for run in cell.runs if name.column in chosen else ():
            job = add(Job(run, name, run.seed, tuple(overrides) if cell.modified else ()))
            if not job.cells:  # prefer the name of its own cell
                job.place, job.path = name, ()
            job.cells.append(name)
            if cell.metric == DEVICE_HOURS and isinstance(cell.printed, int | float) and scale.comparable:
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
    """Runs of one row by column."""
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
