"""Runs that options select, the store and the resources that they name, and weights to start from or to use."""

import sys
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from experiments.spec.catalog import find
from experiments.spec.scales import find_scale
from reproduce.options import RESULTS, DataRoots, OfTables, Stored
from runner.store.store import RunStore

if TYPE_CHECKING:
    from experiments.spec.run import RunConfig
    from reports.pages.report import Report
    from runner.machine.resources import Resources
    from runner.store.jobs import Job

NOTHING_TO_RUN = (
    "Nothing to run: all columns are computed, quoted or, as `reproduce show` says, left out at this scale."
)
READERS = ("list", "status", "report", "claims", "tensorboard", "attention", "evaluate")  # verbs that start no run


def store_of(options: Stored, *, compare_scores: bool = False) -> RunStore:
    """Run store that falls back on the published results. Comparing scores takes a second for a large test."""
    if options.verb in READERS and options.runs != Stored.runs and not options.runs.exists():
        print(f"note: --runs {options.runs} does not exist, so there are no runs in it", file=sys.stderr)
    return RunStore(options.runs, results=RESULTS, compare_scores=compare_scores)


def published_store() -> RunStore:
    return RunStore(RESULTS)


def note_renamed(runs: "Iterable[RunConfig]", store: RunStore) -> None:
    """Note that the own videos of runs without a folder were those of earlier runs, under another name."""
    for data in {run.data for run in runs if run.data.dataset.own_folder and not store.run(run.train_id).path.exists()}:
        from runner.store.data_record import renamed_text  # here: it imports what reads data

        if text := renamed_text(data, store):
            print(f"note: {text}", file=sys.stderr)


def resources_of(options: DataRoots) -> "Resources":
    """Resources that the options name, and the defaults of those that the verb does not use."""
    from runner.machine.resources import Resources  # here: it imports what reads data

    names = {one.name for one in fields(Resources)}
    return Resources(**{name: value for name, value in vars(options).items() if name in names})


def reports_of(options: OfTables, store: RunStore, overrides: tuple[str, ...]) -> "list[Report]":
    """Reports of the selected tables, rows and columns under some overrides."""
    from reports.collect import collect  # here: other verbs report nothing

    scale, how = find_scale(options.scale), {"seeds": options.all_seeds, "columns": options.columns}
    return [collect(table, scale, store, overrides=overrides, rows=rows, **how) for table, rows in find(options.tables)]


def jobs(options: OfTables, *, eval_only: bool = False) -> "list[Job]":
    """Jobs of the selected tables and columns; for tests alone without parents."""
    from runner.store.jobs import jobs_of  # here, as below: reports select no jobs

    scale, columns = find_scale(options.scale), options.columns or None
    found = jobs_of(find(options.tables), scale, options.overrides, options.all_seeds, columns)
    return [job for job in found if not eval_only or job.cells]
