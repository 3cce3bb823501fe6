"""Checks of the jobs of tables before the first one starts: their data and weights, which are fetched."""

from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.spec.names import FINE_TUNE
from experiments.spec.scales import find_scale
from reproduce.next_command import next_command
from reproduce.options import Jobs, Started
from reproduce.selection import note_renamed, resources_of
from runner.machine.resources import Resources
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.weights.needed_weights import find_initial_weights

if TYPE_CHECKING:
    from runner.weights.released import Release


def resources_of_runs(options: Started) -> Resources:
    """Resources for runs. Those on cores have one thread on any machine: the number changes the last bits of a sum."""
    resources = resources_of(options)
    on_one = resources.threads is None and find_scale(options.scale).on_cpu
    return replace(resources, threads=1) if on_one else resources


def check_start(options: Jobs, found: list[Job], store: RunStore) -> None:
    """Refuse --fine-tune for rows without weights to start from."""
    if FINE_TUNE not in options.overrides:
        return
    from runner.weights.weights import weights_of

    for job in found:
        if job.cells and any(weights_of(parent.run, store) is None for parent in job.run.parents):
            row, unchanged = job.row, replace(options, overrides=(), eval_only=False, nodes=1)
            if isinstance(unchanged, Started):
                unchanged = replace(unchanged, name=None)
            raise ValueError(
                f"--fine-tune: {row} has no weights to start from: import released ones (`reproduce list --weights` "
                f"names them), or train it first with `{next_command('run', unchanged, [row])}`"
            )


def checked_jobs(
    options: Started, found: list[Job], files: "list[Release]", store: RunStore, resources: Resources
) -> list[Job]:
    """Jobs that are not finished, whose released files are obtained. Those that cannot start have an outcome."""
    resources.check_names(job.run for job in found)
    store.check_writable()
    lists = resources.item_lists()
    if (options.file is not None and not options.released) or (options.replace and options.file is None):
        raise ValueError("--file goes with --released, and --replace with --file")
    if options.released:
        from reproduce.released import obtain_released  # imports the models

        untested = [job.run for job in found if not job.finished(store, options.tests_only)]
        resources.check(untested, lists, eval_only=True)  # before a file is downloaded
        obtain_released(options, found, files, store)
    pending = [job for job in found if not job.finished(store, options.tests_only)]
    if any(job.run.data.dataset.stand_in is None for job in found):
        from runner.store.data_record import check_named_data  # here: generated data are the same everywhere

        check_named_data(found, store, resources)
    if options.eval_only and not options.released:
        skip_without_weights(pending, store)
    to_do = [job for job in pending if job.outcome is None]
    tests_only = [job for job in to_do if options.tests_only or job.directory(store).weights.exists()]
    resources.check([job.run for job in tests_only], lists, eval_only=True)
    trained = [job for job in to_do if job not in tests_only]
    resources.check([job.run for job in trained], lists)
    for own in {job.run.data for job in trained if job.run.data.dataset.own_folder is not None}:
        from data.decoded_files import DecodedFiles
        from data.inspection.decoding import check_validation  # for one's own videos alone

        listed, workers = DecodedFiles(*store.decoded_files(own.dataset.name)), resources.decoding_workers
        check_validation(own, lists, listed, allow_bad=resources.allow_bad, workers=workers)
    note_renamed((job.run for job in trained), store)
    find_initial_weights(job.run.model for job in trained if not job.directory(store).checkpoint.exists())
    return pending


def skip_without_weights(pending: list[Job], store: RunStore) -> None:
    """Mark the jobs that have no weights to test, and refuse if there is no other job."""
    from runner.weights.weights import existing_weights  # with --eval-only alone

    for job in pending:
        try:
            existing_weights(job.run, store)
        except ValueError as error:
            job.outcome, job.reason = "skipped", str(error)
    if pending and all(job.outcome == "skipped" for job in pending):
        from runner.weights.released import released_remedies

        remedies = next(filter(None, (released_remedies(job.run, job.row) for job in pending)), [])
        raise ValueError(
            f"--eval-only: {pending[0].name} has no weights to test, nor has any other of these runs; "
            f"{'; or '.join([*remedies, 'train without --eval-only'])}"
        )
