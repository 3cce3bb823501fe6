"""The jobs under some columns of their tables: a user with one data set needs no other to run a table of two."""

from collections.abc import Iterable

from experiments.launch import Job
from experiments.run import RunConfig


def jobs_under(jobs: list[Job], columns: Iterable[str]) -> list[Job]:
    """The jobs whose cells lie under these columns, and those that they start from; their other cells are dropped.

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
    """The column of `table:row.column`, or of what such a cell starts from, `table:row.column.start`."""
    return cell.partition(":")[2].split(".")[1]


def lineage(run: RunConfig) -> list[RunConfig]:
    """A run, the one that it starts from, and so on."""
    return [run] if run.start_from is None else [run, *lineage(run.start_from)]
