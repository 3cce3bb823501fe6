"""`reproduce status`: state of each run."""

import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import to_builtins

from data.errors import number_of
from reproduce.next_command import say_next
from reproduce.options import DONE, Status
from reproduce.selection import NOTHING_TO_RUN, jobs, note_renamed, store_of
from reproduce.terminal import num_labels_of, table_text
from runner.machine.messages import position_text, time_left_text
from runner.store.jobs import Job
from runner.store.store import RunStore

if TYPE_CHECKING:
    from runner.jobs.sbatch import Queued

WITH_RELEASED = "released weights"  # tested or, for a run that no cell shows, available as initial weights
IMPORTED, UNTRAINED = "released weights, not tested", "released weights, not trained"  # of a run that can be trained
NOT_NEEDED = "not needed"  # by a run that is not done
FINISHED = {"done", WITH_RELEASED, NOT_NEEDED}
UNDER_WAY = {"running", "queued", "requeued"}
UNFINISHED = {"running", "failed", "interrupted"}
HEADERS = ("run", "id", "state", "value", "name", "overrides", "detail")
NUM_FIXED = 4  # columns that are always shown


def execute(options: Status) -> int:
    """Print the state of each run of the named tables, or else of each run that was started here."""
    store, named, others = store_of(options), bool(options.tables), ""
    if named:
        found = jobs(options)
    else:
        from reproduce.started_runs import started_jobs  # here, as below: it is for no table alone

        found, others = started_jobs(options, store)
        found = without_tests_to_come(found, store)
    entries = status_json(found, store)
    print(json.dumps(entries, indent=1) if options.json else status_text(entries))
    states = [entry["state"] for entry in entries]
    left = [job for job, state in zip(found, states, strict=True) if state not in FINISHED]
    if not (named or options.json):
        if any(len({cell.table for cell in job.cells}) > 1 for job in found):
            print("a run that several tables share is named after the first of them")
        print(others, end="\n" if others else "")
    if not UNDER_WAY.isdisjoint(states):
        return DONE
    if named:
        note_renamed((job.run for job in left), store)
        say_next("run" if left else "report", options)
    else:
        from reproduce.started_runs import say_next_of_started

        say_next_of_started(options, found, left, store)
    return DONE


def without_tests_to_come(found: Sequence[Job], store: RunStore) -> list[Job]:
    """Jobs with a result, and one of a run that has none, failed or goes on."""
    by_run: dict[str, list[Job]] = {}
    for job in found:
        by_run.setdefault(job.run.train_id, []).append(job)
    shown = list[Job]()
    for tests in by_run.values():
        done = [job for job in tests if job_state(job, store) in FINISHED]
        left = [job for job in tests if job not in done][:1]
        shown += done + [job for job in left if not done or job_state(job, store) in UNFINISHED]
    return shown


def job_state(job: Job, store: RunStore, *, eval_only: bool = False) -> str:
    """State of a job. Released weights finish a prerequisite, as do finished runs that need it.

    With `eval_only`, the test of released weights finishes a job, too.
    """
    directory = job.directory(store)
    state = directory.state(job.run)
    if state != "done" and job.finished(store, eval_only):
        has_released = directory.released.exists() or directory.tested(job.run, eval_only=True)
        return WITH_RELEASED if has_released else NOT_NEEDED
    if state == "not run" and directory.released.exists():
        return UNTRAINED if directory.tested(job.run, eval_only=True) else IMPORTED
    return state


def status_json(found: Sequence[Job], store: RunStore) -> list[dict]:
    """Entries of runs, with their jobs in SLURM's queue if `reproduce submit` has made some."""
    queued = {}
    if any(job.directory(store).script.exists() for job in found):
        from runner.jobs.sbatch import queue

        try:
            queued = queue()
        except OSError as error:
            print(f"note: {error}", file=sys.stderr)
    return [entry_of(job, store, job_of(job, store, queued)) for job in found]


def job_of(job: Job, store: RunStore, queued: "Mapping[Path, Queued]") -> "Queued | None":
    """SLURM's job that contains a test, of the one for its run."""
    directory = job.directory(store)
    return queued.get(directory.log.resolve()) if directory.in_job(job.run.eval_id) else None


def entry_of(job: Job, store: RunStore, queued: "Queued | None") -> dict:
    directory, headline, state = job.directory(store), job.run.objective.metrics[0], job_state(job, store)
    test = store.test(job.run, store.shown(job.run))
    is_published = test is not None and test.directory.is_published
    if state in ("not run", IMPORTED, UNTRAINED):
        is_tested = directory.tested(job.run, eval_only=True)
        state = WITH_RELEASED if is_tested else "published" if is_published else state
    if queued is not None and state not in FINISHED:
        state = queued.of_run
    failure = directory.read_failure() if state == "failed" else None
    progress = directory.progress() if state in {"interrupted", *UNDER_WAY} else {}
    is_running = state == "running"
    return {
        "run": job.name,
        "name": directory.names or None,
        "overrides": [*job.overrides],
        "cells": [*map(str, job.cells)],
        "train_id": job.run.train_id,
        "eval_id": job.run.eval_id,
        "state": state,
        "progress": directory.fraction_done() if is_running else None,
        "position": position_text(progress) or None,
        "seconds_left": progress.get("seconds_left") if is_running else None,
        "stage": progress.get("stage") if is_running else None,
        "metric": headline,
        "value": None if test is None else test.record.metrics.get(headline),
        "published": is_published,
        "result": None if test is None else os.path.relpath(test.file),
        "commit": None if test is None else test.record.commits,
        "data": None if test is None else to_builtins(test.record.data),
        "reason": None if failure is None else failure.reason,
        "job": None if queued is None else str(queued),
        "log": str(directory.log) if directory.log.exists() else None,
    }


def status_text(entries: list[dict]) -> str:
    if not entries:
        return NOTHING_TO_RUN
    lines, counts, differ = [], Counter[str](), len({tuple(entry["overrides"]) for entry in entries}) > 1
    for entry in entries:
        value, state = entry["value"], entry["state"]
        sign = "§" if entry["published"] and state != "published" else ""  # as in reports
        shown = f"{entry['metric']} {value:.1f}{sign}" if value is not None else "–"
        changes = " ".join(entry["overrides"]) if differ else ""
        lines.append((entry["run"], entry["train_id"], state, shown, entry["name"] or "", changes, _detail(entry)))
        counts[state] += 1
    kept = [n for n in range(len(HEADERS)) if n < NUM_FIXED or any(line[n] for line in lines)]
    cells = [[line[n] for n in kept] for line in lines]
    text = [table_text([HEADERS[n] for n in kept], cells, num_labels=num_labels_of(lines))]
    by_state = ", ".join(f"{count} {state}" for state, count in counts.items())
    shared = "" if differ else " ".join(entries[0]["overrides"])
    text.append(f"{number_of(len(lines), 'runs')}: {by_state}" + (f"; overrides: {shared}" if shared else ""))
    if any(entry["published"] for entry in entries):
        text.append("published, §: not run here; the value comes from reports/results")
    return "\n\n".join(text)


def _detail(entry: dict) -> str:
    if entry["reason"]:
        return entry["reason"]
    done, left = entry["progress"], time_left_text(entry)
    parts = (
        entry["position"] or entry["stage"],
        f"{done:.0%}" if done is not None else "",
        f"{entry['stage']}: {left}" if left else "",
        entry["job"],
    )
    return ", ".join(filter(None, parts))
