"""`reproduce run`: trains and tests all runs without a result, and saves the attention maps and masks of figures."""

import math
import shlex
import shutil
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from experiments.spec.catalog import find
from experiments.spec.figure_runs import selected_runs
from experiments.spec.names import OWN_DATA
from experiments.spec.scales import find_scale
from reproduce.jobs_to_start import check_start, checked_jobs, jobs_and_files, resources_of_runs
from reproduce.next_command import say_next
from reproduce.option_types import all_override_words
from reproduce.options import DONE, FAILED, INTERRUPTED, UNUSABLE, Run, Started
from reproduce.selection import NOTHING_TO_RUN, store_of
from runner.jobs.launch import Launcher, default_parallel
from runner.machine.resources import num_tasks
from runner.store.starts import Start, add_start, name_of, name_overrides, named_overrides
from runner.store.store import RunStore


def execute(options: Run) -> int:
    if not options.fast_dev_run:
        return carry_out(options, store_of(options, compare_scores=True))
    options.runs.mkdir(parents=True, exist_ok=True)
    store = RunStore(Path(tempfile.mkdtemp(prefix=".fast-dev-run-", dir=options.runs)))
    code = INTERRUPTED
    try:
        code = carry_out(options, store)
    finally:
        if code in (DONE, INTERRUPTED) and options.profiler is None:
            shutil.rmtree(store.root)
        else:
            print(f"logs and profiles: {store.root}", file=sys.stderr)
    return code


def carry_out(options: Run, store: RunStore) -> int:
    scale, resources = find_scale(options.scale), resources_of_runs(options)
    found, files = jobs_and_files(options, store)
    if num_tasks() > 1 or resources.nodes > 1:
        raise ValueError(
            "run starts the runs of a table on this machine alone, in one task; on several nodes, `reproduce submit` "
            "starts a job for each, and srun or torchrun the processes of a single one (docs/cluster.md)"
        )
    if not options.fast_dev_run:  # which trains what the others start from
        check_start(options, found, store)
    pending = checked_jobs(options, found, files, store, resources)
    for data in {job.run.data for job in pending if job.outcome is None}:
        resources.root(data)  # a missing stand-in is generated before the processes that read it start
    shown = {job.run.train_id for job in found if job.cells}
    parallel, start = options.jobs or default_parallel(scale), call_of(options, store)
    parallel = min(parallel, max(1, sum(job.outcome is None for job in pending)))
    for job in found if start.name or any(one.startswith(OWN_DATA) for one in start.overrides) else ():
        if (directory := job.directory(store)).started:
            add_start(directory.starts, job.start(start))
    if options.name:
        name_overrides(store.root, start.overrides, options.name)
    launcher = Launcher(
        store,
        resources,
        parallel=parallel,
        eval_only=options.tests_only,
        start=start,
        fast_dev_run=options.fast_dev_run,
        profiler=options.profiler,
        max_seconds=math.inf if options.max_time is None else options.max_time,
    )
    try:
        launcher.carry_out(found)
    except KeyboardInterrupt:
        print(f"stopped: {sum(job.outcome == 'done' for job in found)} of {len(found)} runs done.", file=sys.stderr)
        say_next("run", options)
        raise
    failed = [job for job in found if job.outcome != "done"]
    done, before = len(found) - len(failed), len(found) - len(pending)
    print(f"{done} of {len(found)} runs done, {before} of them before this call." if found else NOTHING_TO_RUN)
    for job in failed:
        print(f"reproduce: {job.name} {job.outcome}: {job.reason}", file=sys.stderr)
    errors, of_figures = [], selected_runs(find(options.tables), scale, options.overrides, options.all_seeds)
    of_figures = [one for one in of_figures if one.run.train_id in shown]
    if of_figures and not options.fast_dev_run:
        from runner.inference.pictures import keep_all  # imports the models

        errors = keep_all(of_figures, store, resources)
    codes = {*(job.exit_code for job in failed), *(FAILED if type(e) is ValueError else UNUSABLE for e in errors)}
    if not codes:
        say_next("run" if options.fast_dev_run else "report", replace(options, fast_dev_run=False, profiler=None))
    return UNUSABLE if len(failed) == len(pending) and codes == {UNUSABLE} else FAILED if codes else DONE


def call_of(options: Started, store: RunStore) -> Start:
    """What starts the runs of this call, but for their cells and seeds. Overrides that have a name keep it."""
    named, overrides = named_overrides(store.root), options.overrides
    earlier = name_of(overrides, named)
    name = options.name or earlier
    if earlier not in ("", name):
        print(f"note: the name of these overrides was {earlier}", file=sys.stderr)
    if {*(before := named.get(name, overrides))} != {*overrides}:
        words = shlex.join(all_override_words(before)) or "no overrides"
        raise ValueError(f"--name {name}: it is the name of the runs with {words}; choose another one")
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return Start(scale=options.scale, overrides=overrides, name=name, date=date)
