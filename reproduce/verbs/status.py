"""`reproduce status`: state of each run."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from msgspec import to_builtins

from data.errors import number_of
from experiments.spec.catalog import Entry, read_index
from reproduce.next_command import say_next
from reproduce.options import DONE, SCALES, Status
from reproduce.selection import NOTHING_TO_RUN, jobs, store_of
from reproduce.terminal import table_text, terminal_width
from runner.machine.messages import position_text, time_left_text
from runner.store.folders import run_folders
from runner.store.jobs import Job
from runner.store.store import RunStore

WITH_RELEASED = "released weights"  # tested or, for a run that no cell shows, available as initial weights
IMPORTED, UNTRAINED = "released weights, not tested", "released weights, not trained"  # of a run that can be trained
FINISHED = {"done", WITH_RELEASED}
UNFINISHED = {"running", "failed", "interrupted"}
HEADERS = ("run", "id", "state", "value", "detail")


def execute(options: Status) -> int:
    """Print the state of each run of the named tables, or else of each run that was started here."""
    store, named = store_of(options), bool(options.tables)
    found = jobs(options) if named else started(options, store)
    print(json.dumps(status_json(found, store), indent=1) if options.json else status_text(found, store))
    if not named and not options.json:
        if any(len({cell.table for cell in job.cells}) > 1 for job in found):
            print("a run that several tables share is named after the first of them")
        if others := others_text(options.runs):
            print(others)
    states = [job_state(job, store) for job in found]
    if "running" not in states:
        left = [job for job, state in zip(found, states, strict=True) if state not in FINISHED]
        of_started = dict.fromkeys(job.row if left else job.place.table for job in left or found)
        say_next("run" if left else "report", options, options.tables if named else of_started)
    return DONE


def started(options: Status, store: RunStore) -> list[Job]:
    """Jobs of runs that were started here: those with a result, and one of a run that has none, failed or goes on.

    Raises:
        ValueError: if there are none, or if the options change the runs, whose tables are then unknown.
    """
    if options.overrides or options.seeds:
        raise ValueError("status of changed runs, or of other seeds, needs the name of their table")
    here = {*run_folders(options.runs)}
    entries = read_index()["tables"].items() if options.scale in SCALES else ()
    tables = tuple(name for name, entry in entries if not here.isdisjoint(trainings(entry, options.scale)))
    by_run: dict[str, list[Job]] = {}
    for job in jobs(replace(options, tables=tables)) if tables else ():
        if job.directory(store).started:
            by_run.setdefault(job.run.train_id, []).append(job)
    if not by_run:
        raise ValueError(
            f"no unchanged run of seed 0 was started in {options.runs.resolve()} at --scale {options.scale}; "
            + (others_text(options.runs) or "`reproduce list` names the tables, and --runs another directory")
        )
    shown = list[Job]()
    for tests in by_run.values():
        done = [job for job in tests if job_state(job, store) in FINISHED]
        left = [job for job in tests if job not in done][:1]
        shown += done + [job for job in left if not done or job_state(job, store) in UNFINISHED]
    return shown


def trainings(entry: Entry, scale: str) -> list[str]:
    """Train ids of the runs of a table without overrides, of seed 0."""
    return [*(test.partition("/")[0] for test in entry["runs"][scale]), *entry["parents"][scale]]


def others_text(runs: Path) -> str:
    """Sentence on started runs that no table has without changes; empty if there are none."""
    entries = read_index()["tables"].values()
    known = {train_id for entry in entries for scale in SCALES for train_id in trainings(entry, scale)}
    found = run_folders(runs).items()
    count = sum(train_id not in known for train_id, folder in found if (folder / "log.txt").exists())
    if not count:
        return ""
    return f"{number_of(count, 'runs')} with changed fields or other seeds: name the table, with -o, --own or --seeds"


def job_state(job: Job, store: RunStore, *, eval_only: bool = False) -> str:
    """State of a job. A prerequisite is finished if released weights can replace it.

    Args:
        eval_only: whether a test of released weights finishes it, too.
    """
    directory = job.directory(store)
    state = directory.state(job.run)
    if state != "done" and job.finished(store, eval_only):
        return WITH_RELEASED
    if state == "not run" and directory.released.exists():
        return UNTRAINED if directory.tested(job.run, eval_only=True) else IMPORTED
    return state


def status_json(found: Iterable[Job], store: RunStore) -> list[dict[str, object]]:
    return [entry_of(job, store) for job in found]


def entry_of(job: Job, store: RunStore) -> dict[str, object]:
    """State, progress and headline metric of a run."""
    directory, headline, state = job.directory(store), job.run.objective.metrics[0], job_state(job, store)
    test = store.test(job.run, store.shown(job.run))
    is_published = test is not None and test.directory.is_published
    if state in ("not run", IMPORTED, UNTRAINED):
        is_tested = directory.tested(job.run, eval_only=True)
        state = WITH_RELEASED if is_tested else "published" if is_published else state
    failure = directory.read_failure() if state == "failed" else None
    progress = directory.progress() if state in ("running", "interrupted") else {}
    is_running = state == "running"
    return {
        "run": job.name,
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
        "log": str(directory.log) if directory.log.exists() else None,
    }


def status_text(found: Sequence[Job], store: RunStore) -> str:
    """States of the runs as text."""
    if not found:
        return NOTHING_TO_RUN
    lines, counts = [], Counter[str]()
    for entry in status_json(found, store):
        value, state = entry["value"], str(entry["state"])
        shown = f"{entry['metric']} {value:.1f}" if isinstance(value, float) else "–"
        lines.append((entry["run"], entry["train_id"], state, shown, _detail(entry)))
        counts[state] += 1
    num_shown = len(HEADERS) if any(line[-1] for line in lines) else len(HEADERS) - 1
    text = [table_text(HEADERS[:num_shown], [line[:num_shown] for line in lines], terminal_width())]
    by_state = ", ".join(f"{count} {state}" for state, count in counts.items())
    text.append(f"{number_of(len(lines), 'runs')}: {by_state}")
    if "published" in counts:
        text.append("published: not run here; the value comes from reports/results")
    return "\n\n".join(text)


def _detail(entry: dict[str, object]) -> str:
    """Reason of a failure, or the position of an unfinished run and the remaining time of its stage."""
    if entry["reason"]:
        return str(entry["reason"])
    done, left = entry["progress"], time_left_text(entry)
    parts = [
        str(entry["position"] or entry["stage"] or ""),
        f"{done:.0%}" if isinstance(done, float) else "",
        f"{entry['stage']}: {left}" if left else "",
    ]
    return ", ".join(filter(None, parts))
