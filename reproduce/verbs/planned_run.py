"""Plan of one run: its state, its items, what stops it, and its remaining cost."""

from dataclasses import dataclass
from typing import NamedTuple

from data.config import Split
from data.errors import DataError
from data.findings import number_of
from data.item_lists import ItemLists
from experiments.spec.run import RunConfig
from reproduce.verbs.status import FINISHED, job_state
from runner.machine.messages import one_line
from runner.machine.resources import Counts, Resources, splits_of
from runner.measure.device_time import Work, flops, work
from runner.store.jobs import Job
from runner.store.store import RunStore
from runner.weights.weights import weights_of

FROM_LISTS, OFFICIAL, GENERATED = "annotation files", "official split sizes", "stand-in"


@dataclass(frozen=True, kw_only=True)
class PlannedRun:
    """Plan of one job.

    Args:
        split: micro-batch, accumulation and devices, or the batch of a device that is split by trying; "–" for a run
            that is not trained, "?" if it cannot be split.
        counts: numbers of items; None if they are unknown.
        counted: source of the numbers.
        missing: missing items by split, for data with annotation files.
        steps: optimiser steps; None if they are unknown.
        left, training_passes: remaining forward passes, None if unknown, and those of the whole training.
        trains: whether it will be trained, and not only tested.
        problem: what stops the run; None if nothing does.
    """

    job: Job
    state: str
    split: str
    counts: Counts | None = None
    counted: str = FROM_LISTS
    missing: dict[Split, int]
    steps: int | None = None
    left: Work | None = None
    training_passes: int = 0
    trains: bool = False
    problem: str | None = None

    @property
    def flops_left(self) -> float | None:
        """Remaining operations; None if they are unknown."""
        return None if self.left is None else flops(self.job.run, self.left)


class _Found(NamedTuple):
    """Numbers of items with their source, missing items by split, and the first problem."""

    counts: Counts | None
    source: str
    missing: dict[Split, int]
    problem: str | None


class Planner:
    """Plan of one job."""

    def __init__(self, job: Job, store: RunStore, resources: Resources, lists: ItemLists, eval_only: bool) -> None:
        self.job, self.store, self.resources, self.lists, self.eval_only = job, store, resources, lists, eval_only
        self.run: RunConfig = job.run
        self.has_own_weights = job.directory(store).weights.exists()
        self.tested_only = self.run.optim is None or eval_only or self.has_own_weights

    def planned(self, trained: set[str]) -> PlannedRun:
        """Plan of the job.

        Args:
            trained: ids of the runs that previous jobs train. For these, only the test is counted.
        """
        done = self.eval_only and self.job.finished(self.store, self.eval_only)
        state = "done" if done else job_state(self.job, self.store)
        finished, split = state in FINISHED, "–" if self.tested_only else "?"
        try:
            if not self.tested_only:
                parts = self.resources.split_of(self.run)
                devices = number_of(self.resources.num_devices, "devices")
                split = f"{parts.micro_batch} x {parts.accumulation} on {devices}"
                if self.resources.tries_micro_batches:
                    share = parts.micro_batch * parts.accumulation
                    split = f"{share} in parts that fit on {devices}"
            self.resources.check_run(self.run, trains=not self.tested_only)
        except ValueError as error:
            return PlannedRun(job=self.job, state=state, split=split, missing={}, problem=one_line(error))
        counts, counted, missing, problem = self.found(finished)
        if problem is None and self.eval_only and not finished and weights_of(self.run, self.store) is None:
            problem = "--eval-only: some runs have no weights to test; train them, or import released ones"
        if counts is None:
            return PlannedRun(job=self.job, state=state, split=split, missing=missing, problem=problem)
        optim, whole = self.run.optim, work(self.run, *counts, trains=not self.eval_only)
        trains = not self.tested_only and self.run.train_id not in trained
        left = 1 - self.job.directory(self.store).fraction_trained() if trains else 0
        passes = Work(round(left * whole.training), whole.test)
        return PlannedRun(
            job=self.job,
            state=state,
            split=split,
            counts=counts,
            counted=counted,
            missing=missing,
            steps=0 if optim is None or self.eval_only else optim.num_steps(counts.train),
            left=Work(0, 0) if finished else passes,
            training_passes=whole.training,
            trains=trains and not finished,
            problem=problem,
        )

    def found(self, finished: bool) -> _Found:
        """Items of the run: those of the annotation files or, without these, of the official splits."""
        dataset, trains = self.run.data.dataset, not self.tested_only and not finished
        source = FROM_LISTS if dataset.stand_in is None else GENERATED
        try:
            counts = self.resources.counts(self.run, eval_only=self.eval_only, lists=self.lists)
        except DataError as error:
            train, test = dataset.official_size("train"), dataset.official_size("test")
            train = 0 if self.run.optim is None or self.eval_only else train
            official = None if train is None or test is None else Counts(train, test)
            return _Found(official, OFFICIAL, {}, None if finished else one_line(error))
        missing = {} if finished else self.missing(trains)
        try:
            if not finished:
                self.resources.check_counts(self.run, counts, trains=trains)
            if source == FROM_LISTS and not finished:
                self.resources.check_files(self.run.data, self.lists, trains=trains)
        except DataError as error:
            counts = counts if self.run.optim is None or counts.train >= self.run.optim.batch_size else None
            return _Found(counts, source, missing, one_line(error))
        return _Found(counts, source, missing, None)

    def missing(self, trains: bool) -> dict[Split, int]:
        """Numbers of missing items by split. Stand-ins have none."""
        data = self.run.data
        if data.dataset.stand_in is not None:
            return {}
        return {split: len(self.lists.missing(data, split).indices) for split in splits_of(data, trains=trains)}
