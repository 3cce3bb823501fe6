"""Runs that were started here, unchanged or with overrides, by the names of their rows."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace

from data.errors import DataError, number_of
from experiments.spec.catalog import find, read_index
from experiments.spec.names import OWN_DATA
from experiments.spec.scales import find_scale
from reproduce.known_runs import known_ids, trainings
from reproduce.next_command import next_command, say_next
from reproduce.options import SCALES, Status
from reproduce.selection import jobs
from runner.store.folders import run_folders
from runner.store.jobs import Job, jobs_of
from runner.store.run_directory import RunDirectory
from runner.store.starts import Start, read_starts
from runner.store.store import RunStore


def jobs_of_started(options: Status, store: RunStore) -> list[Job]:
    """Jobs of all runs that were started here.

    Runs without overrides of seed 0 come first, then those whose folders say what started them.
    """
    if options.overrides or options.seeds:
        raise ValueError("status of some changed runs, or of other seeds, needs the name of their table")
    folders, known = run_folders(options.runs), known_ids()
    entries = read_index()["tables"].items() if options.scale in SCALES else ()
    tables = tuple(name for name, entry in entries if not folders.keys().isdisjoint(trainings(entry, options.scale)))
    found = jobs(replace(options, tables=tables)) if tables else []
    for train_id, folder in folders.items():
        for start in read_starts(RunDirectory(folder).starts):
            if start.scale == options.scale and (start.overrides or train_id not in known):
                with suppress(ValueError):  # `others_text` counts what the code here does not give
                    found += [job for job in jobs_from(start) if job.run.train_id == train_id]
    distinct = {job.key: job for job in reversed(found) if job.directory(store).started}
    if not distinct:
        raise ValueError(
            others_text(options, [])
            or f"no run was started in {options.runs.resolve()} at --scale {options.scale}; `reproduce list` names the "
            "tables, and --runs another directory"
        )
    return [*reversed(distinct.values())]


def jobs_from(start: Start) -> list[Job]:
    """Jobs of the row that started a run, by the code here.

    Raises:
        ValueError: if it has no such row or field.
        DataError: if a folder of the user's own videos was moved.
    """
    return jobs_of(find([start.row]), find_scale(start.scale), start.overrides, (start.seed,))


def say_more(options: Status, found: Sequence[Job], left: Sequence[Job], store: RunStore, *, running: bool) -> None:
    """Print what the list of started runs does not show, and the next command unless some are running.

    It goes on with those that are left, of the overrides and the seed of the first one, and starts no other column.
    """
    if not options.json:
        if any(len({cell.table for cell in job.cells}) > 1 for job in found):
            print("a run that several tables share is named after the first of them")
        if others := others_text(options, found):
            print(others)
    if not running:
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


def others_text(options: Status, found: Iterable[Job]) -> str:
    """Sentence on started runs that are not among those found, nor unchanged at another scale; empty without any."""
    known = known_ids() | {job.run.train_id for job in found}
    folders = [RunDirectory(path) for train_id, path in run_folders(options.runs).items() if train_id not in known]
    others = [folder for folder in folders if folder.log.exists()]
    others = [folder for folder in others if all(start.scale == options.scale for start in read_starts(folder.starts))]
    if not others:
        return ""
    texts = "; ".join(_other_text(folder, options) for folder in others)
    return f"{number_of(len(others), 'runs')} that no row gives as it is (`reproduce runs list`): {texts}"


def _other_text(folder: RunDirectory, options: Status) -> str:
    """Folder of a run that no row gives and, of own videos that were moved, where they were, and the remedy."""
    for start in read_starts(folder.starts):
        try:
            jobs_from(start)
        except DataError as error:
            others = tuple(one for one in start.overrides if not one.startswith(OWN_DATA))
            of_start = replace(options, overrides=others, seeds=(start.seed,) if start.seed else ())
            command = next_command("status", of_start, [start.row], ["--own", "FOLDER"])
            return f"{folder.path.name}, as {error} (`{command}`)"
        except ValueError:  # the code here has no such row or field
            break
    return folder.path.name
