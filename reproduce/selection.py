"""Runs that options select, the store and the resources that they name, and weights to start from or to use."""

import sys
from collections.abc import Iterable
from dataclasses import fields
from typing import TYPE_CHECKING

from experiments.spec.catalog import find
from experiments.spec.names import FINE_TUNE
from experiments.spec.run import RunConfig
from experiments.spec.scales import Scale, find_scale
from reproduce.next_command import next_command
from reproduce.options import RESULTS, DataRoots, Jobs, OfTables, RunOfRow, Stored
from runner.store.store import RunStore

if TYPE_CHECKING:
    from runner.machine.resources import Resources
    from runner.store.jobs import Job
    from runner.weights.fetch import Release

NOTHING_TO_RUN = "Nothing to run: every column is computed without a test, or quoted."
READERS = ("list", "status", "report", "claims", "tensorboard", "attention", "evaluate")  # verbs that start no run


def store_of(options: Stored, *, compare_scores: bool = False) -> RunStore:
    """Run store that falls back on the published results.

    Args:
        compare_scores: whether results are compared with their saved scores, which takes a second for a large test.
    """
    if options.verb in READERS and options.runs != Stored.runs and not options.runs.exists():
        print(f"note: --runs {options.runs} does not exist, so there are no runs in it", file=sys.stderr)
    return RunStore(options.runs, results=RESULTS, compare_scores=compare_scores)


def published_store() -> RunStore:
    """Store of the published results alone."""
    return RunStore(RESULTS)


def resources_of(options: DataRoots) -> "Resources":
    """Resources that the options name, and the defaults of those that the verb does not use."""
    from runner.machine.resources import Resources  # here: it imports what reads data

    names = {one.name for one in fields(Resources)}
    return Resources(**{name: value for name, value in vars(options).items() if name in names})


def jobs(options: OfTables, *, eval_only: bool = False) -> "list[Job]":
    """Jobs of the selected tables and columns.

    Args:
        eval_only: whether parents are left out.
    """
    from runner.store.jobs import jobs_of  # here, as below: reports select no jobs

    scale, columns = find_scale(options.scale), options.columns or None
    found = jobs_of(find(options.tables), scale, options.overrides, options.all_seeds, columns)
    return [job for job in found if not eval_only or job.cells]


def jobs_and_files(options: Jobs, store: RunStore) -> "tuple[list[Job], list[Release]]":
    """Jobs of the selected tables and columns and, with --released, the released files whose weights they test."""
    found = jobs(options, eval_only=options.tests_only)
    if not options.released:
        return found, []
    from reproduce.released import with_released  # imports the models

    return with_released(options, found, store)


def check_start(options: Jobs, found: "list[Job]", store: RunStore) -> None:
    """Refuse --fine-tune for rows without weights to start from.

    Raises:
        ValueError: with the row and the remedy.
    """
    if FINE_TUNE not in options.overrides:
        return
    from runner.weights.weights import weights_of

    for job in found:
        if job.cells and any(weights_of(parent.run, store) is None for parent in job.run.parents):
            row = job.row
            raise ValueError(
                f"--fine-tune: {row} has no weights to start from: import released ones (`reproduce list --weights` "
                f"names them), or train it first with `reproduce run {row} --scale {options.scale}`"
            )


def one_run(options: RunOfRow, column: str | None, scale: Scale | None = None) -> tuple[str, RunConfig]:
    """Column key and run of the row in the options, at their scale or another one; as `run_of_row`."""
    from runner.store.jobs import run_of_row

    return run_of_row(options.table, column, scale or find_scale(options.scale), options.overrides, options.seed)


def check_weights(
    options: RunOfRow, column: str, run: RunConfig, store: RunStore, alternatives: Iterable[str] = ()
) -> None:
    """Refuse a row without weights.

    Args:
        alternatives: what else can be done, for the message. They are read only if there are no weights.

    Raises:
        ValueError: with the command that trains the row.
    """
    from runner.weights.fetch import released_remedies
    from runner.weights.weights import existing_weights, weights_of

    if weights_of(run, store) is not None:
        return
    if store.run(run.train_id).training.exists():
        existing_weights(run, store)  # says that they are lost
    train = next_command("run", options, [options.table], ["--column", column])
    remedies = [f"train it with `{train}`", *released_remedies(run, options.table), *alternatives]
    raise ValueError(
        f"{options.table} has no weights at --scale {options.scale} (run {run.train_id} in {store.root.resolve()}): "
        f"{'; or '.join(remedies)}"
    )
