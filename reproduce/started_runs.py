"""Runs that were started here, unchanged or with overrides, by the names of their rows."""

from collections.abc import Sequence
from dataclasses import replace

from data.errors import DataError, number_of
from experiments.spec.catalog import find, read_index
from experiments.spec.names import OWN_DATA
from experiments.spec.scales import find_scale
from reproduce.known_runs import known_runs
from reproduce.next_command import next_command, say_next
from reproduce.options import Status
from reproduce.selection import jobs
from runner.store.folders import run_folders
from runner.store.jobs import Job, jobs_of
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, read_starts
from runner.store.store import RunStore


def started_jobs(options: Status, store: RunStore) -> tuple[list[Job], str]:
    """Jobs of all runs that were started here, and a sentence on those that no row gives as it is, empty without any.

    Runs without overrides of seed 0 come first, then those whose folders say what started them, by
    row and overrides.
    """
    if options.overrides or options.seeds:
        raise ValueError("status of some changed runs, or of other seeds, needs the name of their table")
    folders, known, others = run_folders(options.runs), known_runs(), list[str]()
    shown = {(table, scale) for train_id in folders for table, scale in known.get(train_id, {}).items()}
    tables = tuple(table for table in read_index()["tables"] if (table, options.scale) in shown)
    found, changed = jobs(replace(options, tables=tables)) if tables else [], list[Job]()
    for train_id, folder in zip(folders, map(RunDirectory, folders.values()), strict=True):
        starts, of_folder, text = read_starts(folder.starts), list[Job](), folder.path.name
        for start in starts:
            if start.scale == options.scale and (start.overrides or train_id not in known):
                try:
                    of_folder += [job for job in jobs_from(start) if job.run.train_id == train_id]
                except DataError as error:
                    text = f"{folder.path.name}, as {error} (`{of_moved_videos(start, options)}`)"
                except ValueError:  # the code here has no such row or field
                    continue
        changed += of_folder
        if not (of_folder or train_id in known) and folder.log.exists():
            others += [text] if all(start.scale == options.scale for start in starts) else []
    found += sorted(changed, key=lambda job: (job.full_cell, job.overrides, job.seed))
    of_no_row = f"{number_of(len(others), 'runs')} that no row gives as it is (`reproduce runs list`)"
    unknown = f"{of_no_row}: {'; '.join(others)}" if others else ""
    distinct = {job.key: job for job in reversed(found) if job.directory(store).started}
    if not distinct:
        raise ValueError(
            unknown
            or f"no run was started in {options.runs.resolve()} at --scale {options.scale}; `reproduce list` names the "
            "tables, and --runs another directory"
        )
    return [*reversed(distinct.values())], unknown


def jobs_from(start: Start) -> list[Job]:
    """Jobs of the row that started a run, by the code here.

    Raises:
        ValueError: if it has no such row or field.
        DataError: if a folder of the user's own videos was moved.
    """
    return jobs_of(find([start.row]), find_scale(start.scale), start.overrides, (start.seed,))


def of_moved_videos(start: Start, options: Status) -> str:
    """Command for a run of one's own videos, with their new place."""
    others = tuple(one for one in start.overrides if not one.startswith(OWN_DATA))
    of_start = replace(options, overrides=others, seeds=(start.seed,) if start.seed else ())
    return next_command("status", of_start, [start.row], ["--own", "FOLDER"])


def say_next_of_started(options: Status, found: Sequence[Job], left: Sequence[Job], store: RunStore) -> None:
    """Print the next command: it goes on with jobs that are left, of the overrides and the seed of the first one.

    It starts no other column.
    """
    first = (left or found)[0]
    same = [job for job in left or found if (job.overrides, job.seed) == (first.overrides, first.seed)]
    of_first = replace(options, overrides=first.overrides, seeds=(first.seed,) if first.seed else ())
    if not left:
        say_next("report", of_first, dict.fromkeys(j.place.table for j in same))
        return
    rows, columns = dict.fromkeys(j.row for j in same), dict.fromkeys(j.place.column for j in same)
    of_rows, started = jobs(replace(of_first, tables=tuple(rows))), {j.run.train_id for j in found}
    is_known = all(j.directory(store).starts.exists() for j in same)  # not of runs of earlier versions
    if is_known and any(j.place.column not in columns and j.run.train_id not in started for j in of_rows):
        of_first = replace(of_first, columns=tuple(columns))
    say_next("run", of_first, rows)
