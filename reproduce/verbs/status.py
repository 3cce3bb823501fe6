"""`reproduce status`: state of each run."""

import argparse
import json
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from msgspec import to_builtins

from data.errors import number_of
from reproduce.exit_codes import DONE
from reproduce.next_command import say_next
from reproduce.selection import jobs, store_of
from reproduce.table_index import SCALES, num_other_runs, tables_with_runs
from reproduce.terminal import table_text, terminal_width
from runner.jobs.failures import read_failure
from runner.machine.messages import position_text, time_left_text
from runner.store.jobs import Job
from runner.store.store import RunStore

WITH_RELEASED = "released weights"  # tested or, for a run that no cell shows, available as initial weights
FINISHED = {"done", WITH_RELEASED}
UNFINISHED = {"running", "failed", "interrupted"}


def execute(options: argparse.Namespace) -> int:
    """Print the state of each run of the named tables, or else of each run that was started here."""
    store, named = store_of(options), bool(options.tables)
    found = jobs(options) if named else started(options, store)
    print(json.dumps(status_json(found, store), indent=1) if options.json else status_text(found, store))
    if not named and not options.json:
        if any(len({*map(table_of, job.cells)}) > 1 for job in found):
            print("a run that several tables share is named after the first of them")
        if others := others_text(options.runs):
            print(others)
    states = {job_state(job, store) for job in found}
    if "running" not in states:
        unfinished = [job for job in found if job_state(job, store) not in FINISHED]
        rows, tables = (job.name.split(".")[0] for job in unfinished), (job.table for job in found)
        of_started = dict.fromkeys(rows if unfinished else tables)
        say_next("run" if unfinished else "report", options, options.tables if named else of_started)
    return DONE


def others_text(runs: Path) -> str:
    """Sentence on started runs that no table has without changes; empty if there are none."""
    if not (count := num_other_runs(runs)):
        return ""
    return f"{number_of(count, 'runs')} with changed fields or other seeds: name the table, with -o, --own or --seeds"


def table_of(cell: str) -> str:
    return cell.partition(":")[0]


def started(options: argparse.Namespace, store: RunStore) -> list[Job]:
    """Jobs of runs that were started here: those with a result, and one of a run that has none, failed or goes on.

    Raises:
        ValueError: if there are none, or if the options change the runs, whose tables are then unknown.
    """
    if options.overrides or options.seeds:
        raise ValueError("status of changed runs, or of other seeds, needs the name of their table")
    options.tables = tables_with_runs(options.runs, options.scale) if options.scale in SCALES else []
    by_run: dict[str, list[Job]] = {}
    for job in jobs(options) if options.tables else ():
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
        left = next((job for job in tests if job not in done), None)
        is_shown = left is not None and (not done or job_state(left, store) in UNFINISHED)
        shown += [*done, left] if is_shown else done
    return shown


def status_json(shown: list[Job], store: RunStore) -> list[dict[str, object]]:
    """State, progress and headline metric of each run."""
    states = []
    for job in shown:
        directory, headline = job.directory(store), job.run.objective.metrics[0]
        progress = directory.progress()
        found = store.test(job.run, store.shown(job.run))
        is_published = found is not None and found.directory.is_published
        state = job_state(job, store)
        failure = read_failure(directory.failure) if state == "failed" else None
        if state == "not run" and directory.tested(job.run, eval_only=True):
            state = WITH_RELEASED
        states.append(
            {
                "run": job.name,
                "cells": job.cells,
                "train_id": job.run.train_id,
                "eval_id": job.run.eval_id,
                "state": "published" if is_published and state == "not run" else state,
                "progress": directory.fraction_done() if state == "running" else None,
                "position": position_text(progress) or None if state in ("running", "interrupted") else None,
                "seconds_left": progress.get("seconds_left") if state == "running" else None,
                "stage": progress.get("stage") if state == "running" else None,
                "metric": headline,
                "value": found.record.metrics.get(headline) if found is not None else None,
                "published": is_published,
                "result": os.path.relpath(found.file) if found is not None else None,
                "commit": found.record.commits if found is not None else None,
                "data": to_builtins(found.record.data) if found is not None else None,
                "reason": failure.reason if failure is not None else None,
                "log": str(directory.log) if directory.log.exists() else None,
            }
        )
    return states


def status_text(found: list[Job], store: RunStore) -> str:
    """States of the runs as text."""
    if not found:
        return "Nothing to run: every column is computed without a test, or quoted."
    states = status_json(found, store)
    width, lines = terminal_width(), []
    for entry in states:
        value = entry["value"]
        shown = f"{entry['metric']} {value:.1f}" if isinstance(value, int | float) else "–"
        lines.append([entry["run"], entry["train_id"], entry["state"], shown, detail(entry)])
    headers = ["run", "id", "state", "value", "detail"]
    if not any(line[-1] for line in lines):
        headers, lines = headers[:-1], [line[:-1] for line in lines]
    text = table_text(headers, lines, width)
    counts = Counter(str(entry["state"]) for entry in states)
    by_state = ", ".join(f"{count} {name}" for name, count in counts.items())
    text += f"\n\n{len(states)} run{'s' if len(states) > 1 else ''}: {by_state}"
    if "published" in counts:
        text += "\n\npublished: not run here; the value comes from reports/results"
    return text


def detail(entry: Mapping[str, object]) -> str:
    """Reason of a failure, or the position of an unfinished run and the remaining time of its stage."""
    if entry["reason"]:
        return str(entry["reason"])
    parts = [str(entry["position"] or entry["stage"] or "")]
    parts.append(f"{progress:.0%}" if isinstance(progress := entry["progress"], float) else "")
    parts.append(f"{entry['stage']}: {left}" if (left := time_left_text(entry)) else "")
    return ", ".join(filter(None, parts))


def job_state(job: Job, store: RunStore) -> str:
    """State of a job. A prerequisite is finished if released weights can replace it."""
    state = job.directory(store).state(job.run)
    return WITH_RELEASED if state != "done" and job.finished(store, eval_only=False) else state
