"""Jobs of tables before the first one starts: those selected, and checks of their data and weights, which are fetched.

With --released, rows are tested with released weights: which of them have a file, and where it comes from.
"""

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from experiments.spec.names import FINE_TUNE
from experiments.spec.scales import PAPER, find_scale
from reproduce.next_command import next_command
from reproduce.options import UNUSABLE, Jobs, Started
from reproduce.selection import jobs, note_renamed, resources_of
from runner.machine.messages import one_line
from runner.machine.resources import Resources
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.weights.needed_weights import find_initial_weights
from runner.weights.weights import existing_weights, weights_of

if TYPE_CHECKING:
    from runner.weights.released import Release


def jobs_and_files(options: Jobs, store: RunStore) -> "tuple[list[Job], list[Release]]":
    """Jobs of the selected tables and columns and, with --released, the released files whose weights they test."""
    found = jobs(options, eval_only=options.tests_only)
    return with_released(options, found, store) if options.released else (found, [])


def resources_of_runs(options: Started) -> Resources:
    """Resources for runs. Those on cores have one thread on any machine: the number changes the last bits of a sum."""
    resources = resources_of(options)
    on_one = resources.threads is None and find_scale(options.scale).on_cpu
    return replace(resources, threads=1) if on_one else resources


def check_start(options: Jobs, found: list[Job], store: RunStore) -> None:
    """Refuse --fine-tune for rows without weights to start from."""
    if FINE_TUNE not in options.overrides:
        return
    for job in found:
        lacks = job.cells and any(weights_of(parent.run, store) is None for parent in job.run.parents)
        if lacks and not job.finished(store, eval_only=False):
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
    for job in pending:
        try:
            existing_weights(job.run, store)
        except ValueError as error:
            job.outcome, job.reason = "skipped", str(error)
    if pending and all(job.outcome == "skipped" for job in pending):
        from runner.weights.released import released_remedies  # here, as below: most runs are trained

        remedies = next(filter(None, (released_remedies(job.run, job.row) for job in pending)), [])
        raise ValueError(
            f"--eval-only: {pending[0].name} has no weights to test, nor has any other of these runs; "
            f"{'; or '.join([*remedies, 'train without --eval-only'])}"
        )


def with_released(options: Jobs, found: list[Job], store: RunStore) -> "tuple[list[Job], list[Release]]":
    """Jobs of runs with released files, or that need no weights, and the files of those that are not tested yet.

    A file that --file names is also that of a tested one. Jobs without a file are named on stderr.
    """
    from runner.weights.released import needed_releases, releases_of

    scale, (seed, *others) = find_scale(options.scale), options.all_seeds
    if scale is not PAPER:
        raise ValueError(f"--released: released weights are of the paper's size; add --scale {PAPER.name}")
    if others or seed:
        raise ValueError("--released: a file was trained with one seed; name none")
    releases = releases_of(found, options.overrides)
    needed = {job.key: needed_releases(job.run, releases) for job in found}
    kept = [job for job in found if needed[job.key] or weights_of(job.run, store) is not None]
    left_out = dict.fromkeys(job.row for job in found if job not in kept)
    trained = [job.row for job in kept if needed[job.key] and job.directory(store).weights.exists()]
    for row in dict.fromkeys(trained):
        print(f"{row}: trained here, so that its own weights are tested; another --runs has none", file=sys.stderr)
    if not kept:
        raise ValueError(
            f"--released: no file is known for {', '.join(left_out) or 'these rows'}; `reproduce list --weights` names "
            f"those that there are"
        )
    if left_out:
        print(f"left out, without a released file: {', '.join(left_out)}", file=sys.stderr)
    is_named = isinstance(options, Started) and options.file is not None
    left = [job for job in kept if is_named or not job.finished(store, options.tests_only)]
    return kept, list(dict.fromkeys(release for job in left for release in needed[job.key]))


def obtain_released(options: Started, found: list[Job], files: "list[Release]", store: RunStore) -> None:
    """Import released files, which are downloaded unless they are here. Jobs that lack one are marked as failed."""
    from runner.weights.released import import_release

    missing = [one for one in files if store.run(one.run.train_id).released_weights() is None]
    if options.file is not None and len(missing or files) != 1:
        names = ", ".join(f"{one.file_name} ({one.entry.row})" for one in missing or files)
        raise ValueError(f"--file: name the one row that it belongs to; these rows need {names}")
    reasons = []
    for release in files:
        file = options.file if release in (missing or files) else None
        try:
            record = import_release(release, store, file, replace=options.replace)
            print(f"{release.entry.row}: released weights {record.file} (sha256 {record.sha256[:12]})")
        except (ValueError, OSError) as error:
            if file is not None:
                raise
            reasons.append(one_line(error))
    for job in found:
        if weights_of(job.run, store) is None and not job.finished(store, options.tests_only):
            job.outcome, job.exit_code, job.reason = "failed", UNUSABLE, "; ".join(reasons)
