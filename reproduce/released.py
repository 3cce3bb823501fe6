"""Rows that are tested with released weights: which of them have a file, and where it comes from."""

import sys

from experiments.spec.scales import PAPER, find_scale
from reproduce.options import UNUSABLE, Jobs, Started
from runner.machine.messages import one_line
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.weights.released import Release, import_release, needed_releases, releases_of
from runner.weights.weights import weights_of


def with_released(options: Jobs, found: list[Job], store: RunStore) -> tuple[list[Job], list[Release]]:
    """Jobs of runs with released files, or that need no weights, and the files of those that are not tested yet.

    A file that --file names is also that of a tested one. Jobs without a file are named on stderr.
    """
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


def obtain_released(options: Started, found: list[Job], files: list[Release], store: RunStore) -> None:
    """Import released files, which are downloaded unless they are here. Jobs that lack one are marked as failed."""
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
