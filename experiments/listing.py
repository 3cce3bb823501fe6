"""Texts and JSON of the verbs that look and do not run: show, plan, status."""

from tabulate import tabulate

from data.errors import DataError
from experiments.catalog import Selection
from experiments.launch import Job
from experiments.resources import Resources, check_batch
from experiments.run import RunConfig, changed_fields
from experiments.scales import Scale
from experiments.store import RunStore
from experiments.table import Cell, Column, Table, label_text, one_line
from models.cost import published_macs

RELEASED = "released weights"  # were tested or, for a run that no cell shows, are there to start from
FINISHED = {"done", RELEASED}
TRAINING_PASSES = 3  # a backward pass costs about two forward passes


def printed(cell: Cell) -> str:
    """What the paper prints in a cell."""
    return "–" if cell.printed is None else str(cell.printed)


def changes_of(cell: Cell, table: Table) -> dict[str, str]:
    """What sets a cell's run apart from its column's base: dotted path -> new value."""
    if cell.paper_run is None or not isinstance(cell.column, Column):
        return {}
    base = cell.row.base or cell.column.base
    assert base is not None
    return {path: _brief(after) for path, (_, after) in changed_fields(base, cell.paper_run).items()}


def show_json(selection: Selection, scale: Scale, overrides: list[str], seeds: tuple[int, ...]) -> dict[str, object]:
    """A table with its printed values, edits and ids."""
    table, rows = selection
    cells = table.cells(scale, rows=rows, overrides=overrides, seeds=seeds)
    shown = [row for row in table.rows if rows is None or row.key in rows]
    return {
        "table": table.name,
        "caption": table.caption,
        "source": table.source,
        "scale": scale.name,
        "columns": [{"key": c.key, "header": c.header} for c in table.columns],
        "rows": [
            {
                "key": row.key,
                "labels": dict(zip(table.labels, row.labels, strict=True)),
                "quoted": row.quoted,
                "cells": [
                    {
                        "column": cell.column.key,
                        "printed": cell.printed,
                        "changes": changes_of(cell, table),
                        "runs": [{"train_id": r.train_id, "eval_id": r.eval_id} for r in cell.runs if cell.trained],
                    }
                    for cell in cells
                    if cell.row is row
                ],
            }
            for row in shown
        ],
        "notes": list(table.notes),
    }


def show_text(selection: Selection, scale: Scale, overrides: list[str], seeds: tuple[int, ...]) -> str:
    """A table as printed, then what each row changes and the ids of its runs at a scale."""
    table, rows = selection
    cells = table.cells(scale, rows=rows, overrides=overrides, seeds=seeds)
    shown = [row for row in table.rows if rows is None or row.key in rows]
    headers = [*table.labels, *(one_line(c.header) for c in table.columns)]
    lines = [
        [
            *map(label_text, row.labels),
            *("–" if cell.printed is None else str(cell.printed) for cell in cells if cell.row is row),
        ]
        for row in shown
    ]
    text = [f"{table.name}: {table.caption}", f"{table.source}; values as printed, none of them measured here", ""]
    text += [tabulate(lines, headers, tablefmt="simple", disable_numparse=True), ""]
    for row in shown:
        if row.quoted:
            text.append(f"{row.key}: quoted from another paper; not run")
            continue
        text.append(f"{row.key}:")
        for cell in cells:
            if cell.row is row and cell.trained:
                edits = ", ".join(f"{path}={value}" for path, value in changes_of(cell, table).items())
                ids = " ".join(r.train_id for r in cell.runs)
                text.append(f"  {cell.column.key:<12} {scale.name} run {ids}  {edits or 'the default'}")
    text += [f"note: {note}" for note in table.notes]
    return "\n".join(text)


def plan_json(
    jobs: list[Job], store: RunStore, resources: Resources, *, eval_only: bool = False
) -> list[dict[str, object]]:
    """The distinct runs: who shows them, their state, and what the rest costs."""
    trained: set[str] = set()
    plans = []
    for job in jobs:
        plans.append(_planned(job, store, resources, trained, eval_only))
        trained.add(job.run.train_id)
    return plans


def plan_text(jobs: list[Job], store: RunStore, resources: Resources, *, eval_only: bool = False) -> str:
    """The same for people."""
    if not jobs:
        return "Nothing to train: every column is measured without training, or quoted."
    lines, costs, problems = [], [], []
    plans = plan_json(jobs, store, resources, eval_only=eval_only)
    for job, plan in zip(jobs, plans, strict=True):
        cost = plan["petaflops_left"]
        costs.append(cost)
        if plan["problem"] and plan["problem"] not in problems:
            problems.append(plan["problem"])
        lines.append(
            [job.name, plan["train_id"], plan["state"], len(job.cells), plan["epochs"],
             "?" if plan["steps"] is None else plan["steps"], plan["split"], "?" if cost is None else f"{cost:,.1f}"]
        )  # fmt: skip
    headers = ["run", "id", "state", "cells", "epochs", "steps", "clips x accumulation", "PFLOP left"]
    pending = sum(line[2] not in FINISHED for line in lines)
    text = [tabulate(lines, headers, disable_numparse=True), ""]
    runs, tests = len({job.run.train_id for job in jobs}), len(jobs)
    tested = f" with {tests} tests" if tests > runs else ""
    text.append(
        f"{runs} distinct runs{tested} for {sum(len(job.cells) for job in jobs)} cells, {pending} to do, {_cost(costs)}"
    )
    return "\n".join([*text, *(f"not yet runnable: {problem}" for problem in problems)])


def status_json(jobs: list[Job], store: RunStore) -> list[dict[str, object]]:
    """What became of each run."""
    states = []
    for job in jobs:
        directory = job.directory(store)
        state = _state(job, store)
        if state == "not run" and directory.tested(job.run.eval_id, eval_only=True):
            state = RELEASED
        metrics = store.measured(job.run.train_id, job.run.eval_id)
        states.append(
            {
                "run": job.name,
                "cells": job.cells,
                "train_id": job.run.train_id,
                "eval_id": job.run.eval_id,
                "state": "published" if state == "not run" and metrics is not None else state,
                "progress": directory.fraction_done() if state == "running" else None,
                "top1": metrics.get("top1") if metrics else None,
                "reason": directory.failure.read_text(errors="replace").strip() if state == "failed" else None,
                "log": str(directory.log) if directory.log.exists() else None,
            }
        )
    return states


def status_text(jobs: list[Job], store: RunStore) -> str:
    """The same for people."""
    if not jobs:
        return "Nothing to train: every column is measured without training, or quoted."
    states = status_json(jobs, store)
    lines = []
    for entry in states:
        progress = entry["progress"]
        detail = entry["reason"] or (f"{progress:.0%}" if isinstance(progress, float) else "")
        top1 = entry["top1"]
        lines.append(
            [entry["run"], entry["train_id"], entry["state"], f"{top1:.1f}" if isinstance(top1, float) else "–", detail]
        )
    text = tabulate(lines, ["run", "id", "state", "top-1", ""], disable_numparse=True)
    if any(entry["state"] == "published" for entry in states):
        text += "\n\npublished: not run here; the value comes from reports/results"
    return text


def _planned(job: Job, store: RunStore, resources: Resources, trained: set[str], eval_only: bool) -> dict[str, object]:
    """One job; the runs `trained` by jobs before it are only tested."""
    run, directory = job.run, job.directory(store)
    state = "done" if job.finished(store, eval_only) and eval_only else _state(job, store)
    tested_only = eval_only or run.train_id in trained or directory.weights.exists()
    split, problem, steps, left = "?", None, None, None
    try:
        parts = resources.split(run.optim.batch_size, run.data, resources.num_devices)
        split = f"{parts.micro_batch} x {parts.accumulation} on {resources.num_devices}"
        resources.check_config(run)
        counts = resources.counts(run, eval_only=eval_only)
        if not eval_only and state not in FINISHED:
            check_batch(run, counts)
        steps = counts.train // run.optim.batch_size * run.optim.epochs
        passes = 0 if tested_only else TRAINING_PASSES * steps * run.optim.batch_size
        passes += counts.test * run.evaluation.views * run.evaluation.crops
        left = 0.0 if state in FINISHED else 2 * passes * _macs(run) / 1e15
        if eval_only and state != "done" and not (directory.weights.exists() or directory.released.exists()):
            problem = "--eval-only: some runs have no weights to test; train them, or take released ones in"
    except (DataError, ValueError) as error:
        problem = str(error)
    return {
        "run": job.name,
        "cells": job.cells,
        "starts": job.starts,
        "train_id": run.train_id,
        "eval_id": run.eval_id,
        "state": state,
        "starts_from": run.start_from.train_id if run.start_from is not None else None,
        "epochs": run.optim.epochs,
        "batch_size": run.optim.batch_size,
        "split": split,
        "steps": steps,
        "gmacs": _macs(run) / 1e9,
        "petaflops_left": left,
        "problem": problem,
    }


def _state(job: Job, store: RunStore) -> str:
    state = job.directory(store).state(job.run.eval_id)
    return RELEASED if state != "done" and job.finished(store, eval_only=False) else state


def _macs(run: RunConfig) -> int:
    data = run.data
    return published_macs(run.model, frames=data.frames, crop=data.crop, num_classes=data.dataset.num_classes)


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


def _brief(value: object) -> str:
    text = str(value)
    name = type(value).__qualname__.removesuffix(".Config")
    return text if isinstance(value, int | float | str | None) else f"{name}({text.partition('(')[2]}"
