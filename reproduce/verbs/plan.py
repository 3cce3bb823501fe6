"""`reproduce plan`: distinct runs of tables, their states, and their remaining cost. `doctor` finds what stops them."""

import argparse
import json
from dataclasses import dataclass
from typing import NamedTuple

import torch

from data.errors import DataError, number_of
from data.item_lists import ItemLists
from data.stand_ins.stand_in import generated_root
from experiments.spec.run import RunConfig
from reproduce.exit_codes import DONE
from reproduce.next_command import say_next
from reproduce.selection import check_start, jobs, resources_of, scale_of, store_of
from reproduce.terminal import table_text, terminal_width, wrapped
from reproduce.verbs.status import FINISHED, job_state
from runner.jobs.launch import default_parallel
from runner.machine.files import free_bytes
from runner.machine.messages import bytes_text, device_time_text
from runner.machine.resources import Counts, Resources
from runner.measure.computed_values import computed
from runner.measure.device_time import (
    LEAST_TIMES,
    Speed,
    Trained,
    Work,
    assumed_cpu_speed,
    assumed_speed,
    device_seconds,
    flops,
    measured_speed,
    work,
)
from runner.store.jobs import Job
from runner.store.store import RunStore

FROM_LISTS, OFFICIAL, GENERATED = "annotation files", "official split sizes", "stand-in"
PARTS = "items x accumulation"
HEADERS = ("run", "id", "state", "cells", "epochs", "steps", PARTS, "PFLOP left", "time left", "printed")
NUMBERS = (3, 4, 5, 7, 8, 9)
SECONDS_OF_START = 10  # of a run of a small model on a CPU, most of them for imports
BYTES_PER_NUMBER = 4
COPIES_OF_CHECKPOINT = 3  # the last two are kept, and one is written before it replaces the last one


def execute(options: argparse.Namespace) -> int:
    """Print the plan."""
    found, store, resources, scale = jobs(options), store_of(options), resources_of(options), scale_of(options)
    assumed = options.gpu is not None or options.utilisation is not None
    speed = assumed_speed(options.gpu, options.utilisation)
    check_start(options, found, store)
    resources.check_names(job.run for job in found)
    on_cpu = scale.small and not torch.cuda.is_available()
    plan = Plan(found, store, resources, eval_only=options.eval_only, speed=speed if assumed else None, on_cpu=on_cpu)
    print(json.dumps(plan.as_json(), indent=1) if options.json else plan.as_text(default_parallel(scale)))
    say_next("run" if plan.num_pending else "report", options)
    return DONE


class DiskUse(NamedTuple):
    """Bytes of the files of a run.

    `weights`, `predictions`: files that stay. Predictions are the scores of each view of each test item.
    `checkpoint`: largest size of the checkpoints during the training, which the end of the training removes.
    """

    weights: int
    predictions: int
    checkpoint: int


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """Plan of one job.

    Args:
        split: micro-batch, accumulation and devices, or the batch of a device that is split by trying; "–" for a run
            that is not trained, "?" if it cannot be split.
        counts: numbers of items; None if they are unknown.
        counted: source of the numbers.
        steps: optimiser steps; None if they are unknown.
        left, training_passes: remaining forward passes, None if unknown, and those of the whole training.
        disk: files that it will write; None for a finished run, or if its items are unknown.
    """

    job: Job
    state: str
    split: str
    counts: Counts | None
    counted: str
    steps: int | None = None
    left: Work | None = None
    training_passes: int = 0
    disk: DiskUse | None = None

    @property
    def flops_left(self) -> float | None:
        """Remaining operations; None if they are unknown."""
        return None if self.left is None else flops(self.job.run, self.left)


def planned_run(
    job: Job, store: RunStore, resources: Resources, lists: ItemLists, *, eval_only: bool, is_first: bool
) -> PlannedRun:
    """Plan of a job.

    Args:
        is_first: whether no job before it trains the run. For the others, only the test is counted.
    """
    run, directory = job.run, job.directory(store)
    state = "done" if eval_only and job.finished(store, eval_only) else job_state(job, store)
    trains = run.optim is not None and not eval_only and not directory.weights.exists()
    split = split_text(run, resources) if trains else "–"
    counts, counted = counted_items(run, resources, lists, eval_only=eval_only)
    if counts is None or (trains and run.optim is not None and counts.train < run.optim.batch_size):
        return PlannedRun(job=job, state=state, split=split, counts=counts, counted=counted)
    finished, trains = state in FINISHED, trains and is_first
    whole = work(run, *counts, trains=not eval_only)
    training = round((1 - directory.fraction_trained()) * whole.training) if trains else 0
    return PlannedRun(
        job=job,
        state=state,
        split=split,
        counts=counts,
        counted=counted,
        steps=0 if run.optim is None or eval_only else run.optim.num_steps(counts.train),
        left=Work(0, 0) if finished else Work(training, whole.test),
        training_passes=whole.training,
        disk=None if finished else disk_use(run, counts.test, trains=trains),
    )


def split_text(run: RunConfig, resources: Resources) -> str:
    """Split of a global batch over devices and accumulated steps, in words."""
    devices = number_of(resources.num_devices, "devices")
    try:
        micro_batch, accumulation = resources.split_of(run)
    except ValueError:
        return "?"
    if resources.tries_micro_batches:
        return f"{micro_batch * accumulation} in parts that fit on {devices}"
    return f"{micro_batch} x {accumulation} on {devices}"


def counted_items(
    run: RunConfig, resources: Resources, lists: ItemLists, *, eval_only: bool
) -> tuple[Counts | None, str]:
    """Numbers of items, and their source: the annotation files or, without these, the official splits."""
    dataset = run.data.dataset
    try:
        counts = resources.counts(run, eval_only=eval_only, lists=lists)
    except DataError:
        train, test = dataset.official_size("train"), dataset.official_size("test")
        train = 0 if run.optim is None or eval_only else train
        return None if train is None or test is None else Counts(train, test), OFFICIAL
    return counts, FROM_LISTS if dataset.stand_in is None else GENERATED


def disk_use(run: RunConfig, num_test: int, *, trains: bool) -> DiskUse:
    """Bytes of the files that a run will write."""
    predictions = num_test * run.evaluation.views * sum(run.data.targets.classes.values()) * BYTES_PER_NUMBER
    if not trains or run.optim is None:
        return DiskUse(0, predictions, 0)
    weights = int(computed("trainable", trainable, run)) * BYTES_PER_NUMBER
    return DiskUse(weights, predictions, COPIES_OF_CHECKPOINT * (1 + run.optim.optimizer.num_states) * weights)


def trainable(run: RunConfig) -> float:
    return float(run.model.cost(run.data.size, run.data.targets).trainable_parameters)


class Plan:
    """Plan of jobs.

    Args:
        speed: speed of a device; None for that of finished trainings or, without any, an assumed one.
        on_cpu: whether small models are trained on a CPU, so that the assumed speed is that of one.
    """

    def __init__(
        self,
        found: list[Job],
        store: RunStore,
        resources: Resources,
        *,
        eval_only: bool = False,
        speed: Speed | None = None,
        on_cpu: bool = False,
    ) -> None:
        self.store, self.resources = store, resources
        lists, trained = resources.item_lists(), set[str]()
        self.runs: list[PlannedRun] = []
        for job in found:
            is_first = job.run.train_id not in trained
            self.runs.append(planned_run(job, store, resources, lists, eval_only=eval_only, is_first=is_first))
            trained.add(job.run.train_id)
        finished = (Trained(plan.job.run, plan.training_passes) for plan in self.runs)
        self.on_cpu = on_cpu and speed is None
        self.speed = speed or measured_speed(finished, store) or (assumed_cpu_speed() if on_cpu else assumed_speed())

    @property
    def num_pending(self) -> int:
        return sum(plan.state not in FINISHED for plan in self.runs)

    @property
    def device_hours(self) -> float:
        return sum(self.seconds_left(plan) or 0.0 for plan in self.runs) / 3600

    def seconds_left(self, plan: PlannedRun) -> float | None:
        """Remaining device time of a run; None if it is unknown."""
        if plan.left is None:
            return None
        return device_seconds(plan.job.run, plan.left, self.speed, self.resources.num_devices)

    def bytes_needed(self, parallel: int) -> int:
        """Bytes that the runs and their stand-ins will need, with the checkpoints of so many trainings at a time."""
        uses = {plan.job.run: plan.disk for plan in self.runs if plan.disk is not None}
        datasets = {dataset.stand_in: dataset for dataset in (run.data.dataset for run in uses) if dataset.stand_in}
        kept = sum(use.weights + use.predictions for use in uses.values())
        checkpoints = parallel * max((use.checkpoint for use in uses.values()), default=0)
        missing = (dataset.drawing(one) for one, dataset in datasets.items() if generated_root(one) is None)
        return kept + checkpoints + sum(drawing.estimated_bytes() for drawing in missing)

    def as_json(self) -> list[dict[str, object]]:
        """Distinct runs, with the cells that show them, their states, and their remaining cost."""
        free = free_bytes(self.store.root)
        return [self._run_json(plan, free) for plan in self.runs]

    def _run_json(self, plan: PlannedRun, free: int) -> dict[str, object]:
        run, optim, left, seconds = plan.job.run, plan.job.run.optim, plan.flops_left, self.seconds_left(plan)
        return {
            "run": plan.job.name,
            "cells": plan.job.cells,
            "starts": plan.job.starts,
            "train_id": run.train_id,
            "eval_id": run.eval_id,
            "state": plan.state,
            "parents": {parent.name: parent.run.train_id for parent in run.parents},
            "epochs": optim.epochs if optim is not None else None,
            "batch_size": optim.batch_size if optim is not None else None,
            "split": plan.split,
            "items": plan.counts and {**plan.counts._asdict(), "source": plan.counted},
            "steps": plan.steps,
            "gmacs": run.model.macs(run.data.size, run.data.targets) / 1e9,
            "petaflops_left": None if left is None else left / 1e15,
            "device_hours_left": None if seconds is None else seconds / 3600,
            "printed_device_hours": plan.job.printed_hours,
            "speed": self.speed.source,
            "speed_is_measured": self.speed.is_measured,
            "bytes": plan.disk._asdict() if plan.disk is not None else None,
            "bytes_free": free,
        }

    def as_text(self, parallel: int = 1) -> str:
        """Plan as text.

        Args:
            parallel: number of runs that train at a time.
        """
        if not self.runs:
            return "Nothing to run: every column is computed without a test, or quoted."
        width = terminal_width()
        runs, tests = len({plan.job.run.train_id for plan in self.runs}), len(self.runs)
        tested = f" with {tests} tests" if tests > runs else ""
        cells = number_of(sum(len(plan.job.cells) for plan in self.runs), "cells")
        text = [f"{number_of(runs, 'distinct runs')}{tested} for {cells}, {self.num_pending} to do, {self._cost()}"]
        for name in dict.fromkeys(plan.job.run.data.dataset.name for plan in self.runs if plan.counted == OFFICIAL):
            text.append(f"{name}: the cost is for the official split sizes; the data are not there")
        needed, free = bytes_text(self.bytes_needed(parallel)), bytes_text(free_bytes(self.store.root))
        text.append(f"disk: about {needed} for weights, scores, checkpoints and stand-ins; {free} free")
        headers, lines = HEADERS, [self._line(plan) for plan in self.runs]
        if not any(plan.job.printed_hours for plan in self.runs):
            headers, lines = headers[:-1], [line[:-1] for line in lines]
        table = table_text(headers, lines, width, numbers=NUMBERS[: len(headers) - len(HEADERS) or None])
        return "\n".join([table, "", *(wrapped(line, width) for part in text for line in part.splitlines())])

    def _line(self, plan: PlannedRun) -> list[object]:
        run, left, seconds = plan.job.run, plan.flops_left, self.seconds_left(plan)
        epochs = "–" if run.optim is None or run.optim.epochs is None else run.optim.epochs
        steps = "?" if plan.steps is None else plan.steps
        cost = ["?", "?"] if left is None or seconds is None else [pflop(left), device_time_text(seconds)]
        cost.append(f"{hours:,.0f} h" if (hours := plan.job.printed_hours) else "–")
        return [plan.job.name, run.train_id, plan.state, len(plan.job.cells), epochs, steps, plan.split, *cost]

    def _cost(self) -> str:
        """Remaining cost of all runs in words."""
        unknown = any(plan.flops_left is None for plan in self.runs)
        total = sum(plan.flops_left or 0.0 for plan in self.runs)
        if unknown and not total:
            return "cost unknown: `reproduce doctor` says what stops these runs."
        at_least = "at least " if unknown else ""
        devices, seconds = self.resources.num_devices, 3600 * self.device_hours
        start = f", and {SECONDS_OF_START} s for the start of a run" if self.on_cpu and self.num_pending else ""
        wall = f", {device_time_text(seconds / devices)} on {devices} devices" if devices > 1 else ""
        least = "" if self.on_cpu else f"; {LEAST_TIMES}"
        about, time = (at_least or "about ").capitalize(), device_time_text(seconds)
        return (
            f"{at_least}{pflop(total)} PFLOP (multiply and add counted as two).\n"
            f"{about}{time} of device time{wall}{start}, {self.speed.source}{least}"
        )


def pflop(flops: float) -> str:
    """Operations in 10^15, with a precision that suits the number."""
    return f"{flops / 1e15:,.1f}" if flops >= 1e14 or not flops else f"{flops / 1e15:.1g}"
