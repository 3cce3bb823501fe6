"""`reproduce status`: state of each run."""

import argparse
import json
import os

from tabulate import tabulate

from experiments.runner.jobs import Job
from experiments.runner.messages import one_line
from experiments.runner.store import RunStore
from reports.commits import differences
from reports.layout import OTHER_CODE_SIGN
from reports.sources import find_result
from reproduce.exit_codes import DONE
from reproduce.next_command import say_next
from reproduce.selection import jobs, store_of

WITH_RELEASED = "released weights"  # tested or, for a run that no cell shows, available as initial weights
FINISHED = {"done", WITH_RELEASED}


def execute(options: argparse.Namespace) -> int:
    """Print the state of each run."""
    found, store = jobs(options), store_of(options)
    print(json.dumps(status_json(found, store), indent=1) if options.json else status_text(found, store))
    states = {job_state(job, store) for job in found}
    if "running" not in states:
        say_next("report" if states <= FINISHED else "run", options)
    return DONE


def status_json(found: list[Job], store: RunStore) -> list[dict[str, object]]:
    """State, progress and headline metric of each run."""
    states = []
    for job in found:
        directory, headline = job.directory(store), job.run.objective.metrics[0]
        metrics, source = find_result(job.run, store) or (None, None)
        state = job_state(job, store)
        if state == "not run" and directory.tested(job.run, eval_only=True):
            state = WITH_RELEASED
        states.append(
            {
                "run": job.name,
                "cells": job.cells,
                "train_id": job.run.train_id,
                "eval_id": job.run.eval_id,
                "state": "published" if source is not None and source.published else state,
                "progress": directory.fraction_done() if state == "running" else None,
                "metric": headline,
                "value": metrics.get(headline) if metrics else None,
                "published": source is not None and source.published,
                "result": os.path.relpath(source.file) if source is not None else None,
                "commit": source.commit if source is not None else None,
                "data": metrics["data"] if metrics else None,
                "reason": one_line(directory.failure.read_text(errors="replace")) if state == "failed" else None,
                "log": str(directory.log) if directory.log.exists() else None,
            }
        )
    return states


def status_text(found: list[Job], store: RunStore) -> str:
    """States of the runs as text."""
    if not found:
        return "Nothing to run: every column is computed without a test, or quoted."
    states = status_json(found, store)
    other_code = differences({str(entry["commit"]) for entry in states if entry["commit"] is not None})
    lines = []
    for entry in states:
        progress, value = entry["progress"], entry["value"]
        detail = entry["reason"] or (f"{progress:.0%}" if isinstance(progress, float) else "")
        shown = f"{entry['metric']} {value:.3g}" if isinstance(value, int | float) else "–"
        shown += f" {OTHER_CODE_SIGN}" if entry["commit"] in other_code else ""
        lines.append([entry["run"], entry["train_id"], entry["state"], shown, detail])
    text = tabulate(lines, ["run", "id", "state", "value", ""], disable_numparse=True)
    if any(entry["state"] == "published" for entry in states):
        text += "\n\npublished: not run here; the value comes from reports/results"
    for commit, difference in other_code.items():
        text += f"\n{OTHER_CODE_SIGN} measured with other code than that of HEAD: commit {commit}, {difference}"
    return text


def job_state(job: Job, store: RunStore) -> str:
    """State of a job. A prerequisite is finished if released weights can replace it."""
    state = job.directory(store).state(job.run)
    return WITH_RELEASED if state != "done" and job.finished(store, eval_only=False) else state
