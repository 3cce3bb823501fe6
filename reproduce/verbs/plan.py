"""`reproduce plan`: distinct runs of tables, their states, what stops them, and their remaining cost."""

import argparse
import json
from collections.abc import Iterable

import torch

from data.findings import number_of
from reproduce.exit_codes import DONE, UNUSABLE
from reproduce.next_command import say_next
from reproduce.selection import check_start, jobs, resources_of, scale_of, store_of
from reproduce.terminal import table_text, terminal_width, wrapped
from reproduce.verbs.planned_run import OFFICIAL, PlannedRun, Planner
from reproduce.verbs.status import FINISHED
from runner.jobs.launch import default_parallel
from runner.machine.disk_space import DiskUse, counted_parameters, disk_use, total
from runner.machine.files import free_bytes
from runner.machine.messages import bytes_text
from runner.machine.resources import Resources
from runner.measure.device_time import (
    LEAST_TIMES,
    Speed,
    Trained,
    assumed_cpu_speed,
    assumed_speed,
    device_seconds,
    measured_speed,
)
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.weights.needed_weights import lacks_initial_weights

PARTS = "items x accumulation"
HEADERS = ("run", "id", "state", "cells", "epochs", "steps", PARTS, "PFLOP left", "time left", "printed")
NUMBERS = (3, 4, 5, 7, 8, 9)
SECONDS_OF_START = 10  # of a run of a small model on a CPU, most of them for imports


def execute(options: argparse.Namespace) -> int:
    """Print the plan. The exit code tells whether something stops a run."""
    found, store, resources = jobs(options), store_of(options), resources_of(options)
    assumed = options.gpu is not None or options.utilisation is not None
    speed = assumed_speed(options.gpu, options.utilisation)
    check_start(options, found, store)
    resources.check_names(job.run for job in found)
    plan = Plan(
        found,
        store,
        resources,
        eval_only=options.eval_only,
        speed=speed if assumed else None,
        on_cpu=scale_of(options).small and not torch.cuda.is_available(),
    )
    parallel = default_parallel(scale_of(options))
    print(json.dumps(plan.as_json(), indent=1) if options.json else plan.as_text(parallel))
    code = UNUSABLE if plan.problems or plan.disk_problem(parallel) else DONE
    say_next("doctor" if code != DONE else "run" if plan.num_pending else "report", options)
    return code


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
        self.store, self.resources, self.eval_only = store, resources, eval_only
        self.lists = resources.item_lists()
        trained: set[str] = set()
        self.runs: list[PlannedRun] = []
        to_train = {job.run.train_id: job.run for job in found if job.run.optim is not None and not eval_only}
        with counted_parameters(list(to_train.values())) as parameters:
            for job in found:
                plan = Planner(job, store, resources, self.lists, eval_only).planned(trained)
                self.runs.append(plan)
                trained.add(job.run.train_id)
            self.parameters = parameters.result()
        finished = (Trained(plan.job.run, plan.training_passes) for plan in self.runs)
        self.on_cpu = on_cpu and speed is None
        self.speed = speed or measured_speed(finished, store) or (assumed_cpu_speed() if on_cpu else assumed_speed())

    @property
    def problems(self) -> list[str]:
        return list(dict.fromkeys(plan.problem for plan in self.runs if plan.problem is not None))

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

    def disk(self, plan: PlannedRun) -> DiskUse | None:
        """Files that a run will write; None for a finished run, or if its items are unknown."""
        if plan.state in FINISHED or plan.counts is None:
            return None
        run = plan.job.run
        return disk_use(run, plan.counts.test, self.parameters[run.train_id] if plan.trains else 0)

    def bytes_needed(self, parallel: int) -> int:
        """Bytes that the runs and their stand-ins will need."""
        uses = {plan.job.run: use for plan in self.runs if (use := self.disk(plan)) is not None}
        stand_ins = (run.data.dataset.stand_in for run in uses)
        return total(uses.values(), (stand_in for stand_in in stand_ins if stand_in is not None), parallel)

    def disk_problem(self, parallel: int) -> str | None:
        """Lack of disk space in words; None if there is enough."""
        needed, free = self.bytes_needed(parallel), free_bytes(self.store.root)
        if needed <= free:
            return None
        space = f"{bytes_text(needed)} needed, {bytes_text(free)} free"
        return f"{self.store.root}: {space}; free space there, or name another disk with --runs"

    def as_json(self) -> list[dict[str, object]]:
        """Distinct runs, with the cells that show them, their states, and their remaining cost."""
        free = free_bytes(self.store.root)
        return [self._run_json(plan, free) for plan in self.runs]

    def _run_json(self, plan: PlannedRun, free: int) -> dict[str, object]:
        run, optim, left, seconds = plan.job.run, plan.job.run.optim, plan.flops_left, self.seconds_left(plan)
        counts = plan.counts and {**plan.counts._asdict(), "source": plan.counted}
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
            "items": counts,
            "missing": plan.missing,
            "steps": plan.steps,
            "gmacs": run.model.macs(run.data.size, run.data.targets) / 1e9,
            "petaflops_left": None if left is None else left / 1e15,
            "device_hours_left": None if seconds is None else seconds / 3600,
            "printed_device_hours": plan.job.printed_hours,
            "speed": self.speed.source,
            "speed_is_measured": self.speed.is_measured,
            "bytes": use._asdict() if (use := self.disk(plan)) is not None else None,
            "bytes_free": free,
            "problem": plan.problem,
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
        found = f"{number_of(runs, 'distinct runs')}{tested} for {cells}"
        text = [f"{found}, {self.num_pending} to do, {self._cost()}"]
        text += self._notes()
        text += [f"not yet runnable: {problem}" for problem in self.problems]
        if (problem := self.disk_problem(parallel)) is not None:
            text.append(f"not yet runnable: {problem}")
        needed, free = self.bytes_needed(parallel), free_bytes(self.store.root)
        text.append(
            f"disk: about {bytes_text(needed)} for weights, scores, checkpoints and stand-ins; {bytes_text(free)} free"
        )
        headers, lines = HEADERS, [self._line(plan) for plan in self.runs]
        if not any(plan.job.printed_hours for plan in self.runs):
            headers, lines = headers[:-1], [line[:-1] for line in lines]
        table = table_text(headers, lines, width, numbers=NUMBERS[: len(headers) - len(HEADERS) or None])
        return "\n".join([table, "", *(wrapped(line, width) for part in text for line in part.splitlines())])

    def _line(self, plan: PlannedRun) -> list[object]:
        run, left = plan.job.run, plan.flops_left
        epochs = "–" if run.optim is None or run.optim.epochs is None else run.optim.epochs
        steps = "?" if plan.steps is None else plan.steps
        seconds = self.seconds_left(plan)
        cost = ["?", "?"] if left is None or seconds is None else [pflop(left), device_time_text(seconds)]
        cost.append(f"{hours:,.0f} h" if (hours := plan.job.printed_hours) else "–")
        return [plan.job.name, run.train_id, plan.state, len(plan.job.cells), epochs, steps, plan.split, *cost]

    def _cost(self) -> str:
        """Remaining cost of all runs in words."""
        unknown = any(plan.flops_left is None for plan in self.runs)
        flops = sum(plan.flops_left or 0.0 for plan in self.runs)
        if unknown and not flops:
            return "cost unknown until these runs are possible."
        at_least = "at least " if unknown else ""
        devices = self.resources.num_devices
        seconds = 3600 * self.device_hours
        start = f", and {SECONDS_OF_START} s for the start of a run" if self.on_cpu and self.num_pending else ""
        wall = f", {device_time_text(seconds / devices)} on {devices} devices" if devices > 1 else ""
        least = "" if self.on_cpu else f"; {LEAST_TIMES}"
        about, time = (at_least or "about ").capitalize(), device_time_text(seconds)
        return (
            f"{at_least}{pflop(flops)} PFLOP (multiply and add counted as two).\n"
            f"{about}{time} of device time{wall}{start}, {self.speed.source}{least}"
        )

    def _notes(self) -> Iterable[str]:
        """Facts about tests without a forward pass, and about the data, that stop no run."""
        for name in dict.fromkeys(p.job.run.data.dataset.name for p in self.runs if p.counted == OFFICIAL):
            yield f"{name}: the cost is for the official split sizes; the data are not there"
        for plan in {plan.job.run.data.dataset.name: plan for plan in self.runs if plan.problem is None}.values():
            dataset = plan.job.run.data.dataset
            for split, number in plan.missing.items():
                if number:
                    yield f"{dataset.name}: {number:,} {split} {dataset.unit} are missing, which a run accepts"
        starting = (p.job for p in self.runs if p.trains and not p.job.directory(self.store).checkpoint.exists())
        if lacks_initial_weights(job.run.model for job in starting):
            yield "initial weights that are not here are downloaded by `run`; `reproduce doctor` does it before"


def pflop(flops: float) -> str:
    """Operations in 10^15, with a precision that suits the number."""
    return f"{flops / 1e15:,.1f}" if flops >= 1e14 or not flops else f"{flops / 1e15:.1g}"


def device_time_text(seconds: float) -> str:
    """Device time in hours, as papers state it, in minutes or in seconds."""
    if seconds >= 360_000:
        return f"{seconds / 3600:,.0f} h"
    for unit, length in (("h", 3600), ("min", 60)):
        if round(seconds / length, 1) >= 1:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
