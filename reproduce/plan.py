"""`reproduce plan`: distinct runs of tables, their states, and their remaining cost."""

import argparse
import json

from tabulate import tabulate

from data.errors import DataError
from experiments.runner.jobs import Job
from experiments.runner.messages import one_line
from experiments.runner.resources import Resources, check_batch
from experiments.runner.store import RunStore
from experiments.runner.weights import weights_of
from reproduce.exit_codes import DONE
from reproduce.selection import jobs, store_of
from reproduce.status import FINISHED, job_state

TRAINING_PASSES = 3  # a backward pass costs about two forward passes


def execute(options: argparse.Namespace) -> int:
    """Print the plan."""
    found, store, resources = jobs(options), store_of(options), Resources.of(options)
    resources.check_names(job.run for job in found)
    if options.json:
        print(json.dumps(plan_json(found, store, resources, eval_only=options.eval_only), indent=1))
    else:
        print(plan_text(found, store, resources, eval_only=options.eval_only))
    return DONE


def plan_json(
    found: list[Job], store: RunStore, resources: Resources, *, eval_only: bool = False
) -> list[dict[str, object]]:
    """Distinct runs, with the cells that show them, their states, and their remaining cost."""
    trained: set[str] = set()
    plans = []
    for job in found:
        plans.append(_planned(job, store, resources, trained, eval_only))
        trained.add(job.run.train_id)
    return plans


def plan_text(found: list[Job], store: RunStore, resources: Resources, *, eval_only: bool = False) -> str:
    """Plan as text."""
    if not found:
        return "Nothing to run: every column is computed without a test, or quoted."
    lines, costs, problems = [], [], []
    plans = plan_json(found, store, resources, eval_only=eval_only)
    for job, plan in zip(found, plans, strict=True):
        cost = plan["petaflops_left"]
        costs.append(cost)
        if plan["problem"] and plan["problem"] not in problems:
            problems.append(plan["problem"])
        epochs, steps = ("?" if plan[name] is None else plan[name] for name in ("epochs", "steps"))
        epochs = "–" if plan["epochs"] is None else epochs
        lines.append(
            [job.name, plan["train_id"], plan["state"], len(job.cells), epochs, steps, plan["split"],
             "?" if cost is None else f"{cost:,.1f}"]
        )  # fmt: skip
    headers = ["run", "id", "state", "cells", "epochs", "steps", "items x accumulation", "PFLOP left"]
    pending = sum(line[2] not in FINISHED for line in lines)
    text = [tabulate(lines, headers, disable_numparse=True), ""]
    runs, tests = len({job.run.train_id for job in found}), len(found)
    tested = f" with {tests} tests" if tests > runs else ""
    cells = sum(len(job.cells) for job in found)
    text.append(f"{runs} distinct runs{tested} for {cells} cells, {pending} to do, {_cost(costs)}")
    return "\n".join([*text, *(f"not yet runnable: {problem}" for problem in problems)])


def _planned(job: Job, store: RunStore, resources: Resources, trained: set[str], eval_only: bool) -> dict[str, object]:
    """Plan of one job.

    Args:
        trained: ids of the runs that previous jobs train. For these, only the test is counted.
    """
    run, optim = job.run, job.run.optim
    state = "done" if job.finished(store, eval_only) and eval_only else job_state(job, store)
    has_own_weights = job.directory(store).weights.exists()
    tested_only = optim is None or eval_only or has_own_weights
    trains = not tested_only and run.train_id not in trained
    split, problem, steps, left = "–" if tested_only else "?", None, None, None
    macs = run.model.macs(run.data.size, run.data.targets)
    try:
        if optim is not None and not tested_only:
            parts = resources.split_of(run)
            split = f"{parts.micro_batch} x {parts.accumulation} on {resources.num_devices}"
        resources.check_run(run, trains=not tested_only)
        counts = resources.counts(run, eval_only=eval_only)
        if not tested_only and state not in FINISHED:
            check_batch(run, counts)
        steps = 0 if optim is None or eval_only else optim.num_steps(counts.train // optim.batch_size)
        passes = TRAINING_PASSES * steps * optim.batch_size if trains and optim is not None else 0
        passes += counts.test * run.evaluation.views * run.evaluation.crops
        left = 0.0 if state in FINISHED else 2 * passes * macs / 1e15
        if eval_only and state != "done" and weights_of(run, store) is None:
            problem = "--eval-only: some runs have no weights to test; train them, or import released ones"
    except (DataError, ValueError) as error:
        problem = one_line(error)
    return {
        "run": job.name,
        "cells": job.cells,
        "starts": job.starts,
        "train_id": run.train_id,
        "eval_id": run.eval_id,
        "state": state,
        "parents": {parent.name: parent.run.train_id for parent in run.parents},
        "epochs": optim.epochs if optim is not None else None,
        "batch_size": optim.batch_size if optim is not None else None,
        "split": split,
        "steps": steps,
        "gmacs": macs / 1e9,
        "petaflops_left": left,
        "problem": problem,
    }


def _cost(petaflops: list[float | None]) -> str:
    total = sum(cost for cost in petaflops if cost is not None)
    if not total and None in petaflops:
        return "cost unknown until the data are there."
    at_least = "at least " if None in petaflops else ""
    return (
        f"{at_least}{total:,.1f} PFLOP (multiply and add counted as two).\n"
        f"At a sustained 10 TFLOP/s that is {_duration(total * 100)}; at 200, {_duration(total * 5)}"
    )


def _duration(seconds: float) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} seconds"
