"""`reproduce doctor`: whether the machine, the data sets and the weights are as the runs of tables need them."""

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from data.config import DatasetConfig
from data.errors import DataError
from data.inspection.findings import Finding, number_of
from data.inspection.inspection import Inspection, Need, video_findings
from data.synthetic.ensure import bytes_to_generate, generated_root
from experiments.spec.catalog import find
from experiments.spec.scales import PAPER
from reproduce.exit_codes import DONE, UNUSABLE
from reproduce.next_command import override_words, say_next
from reproduce.selection import jobs, resources_of, scale_of, store_of
from reproduce.terminal import terminal_width, wrapped
from reproduce.verbs.status import FINISHED, job_state
from runner.jobs.decoding import Decoding
from runner.jobs.machine import machine_findings
from runner.machine.files import StoreError
from runner.machine.messages import bytes_text
from runner.machine.resources import Resources, TooFewItemsError, splits_of
from runner.store.jobs import Job, jobs_of
from runner.store.store import RunStore
from runner.weights.needed_weights import initial_findings, tested_findings


def execute(options: argparse.Namespace) -> int:
    """Print all findings. The exit code tells whether one of them stops a run."""
    store, resources = store_of(options), resources_of(options)
    if options.tables:
        doctor = Doctor(jobs(options), store, resources, deep=options.deep, eval_only=options.eval_only)
        small = scale_of(options).small
        found = [*doctor.machine(generates=small, needs_gpu=not (small or options.eval_only)), *doctor.of_runs()]
    else:
        if given := run_flags(options):
            raise ValueError(f"{given[0]} is about the runs of tables; name one as paper/table")
        every_job = jobs_of(find(["*"]), PAPER, [], (0,))
        doctor = Doctor(every_job, store, resources, deep=options.deep, eval_only=options.eval_only)
        found = [*doctor.machine(generates=True, needs_gpu=False), *doctor.of_named_data()]
    print(json.dumps([finding._asdict() for finding in found], indent=1) if options.json else text(found))
    code = UNUSABLE if any(finding.severity == "error" for finding in found) else DONE
    if code == DONE and options.tables:
        say_next("run", options)
    return code


def run_flags(options: argparse.Namespace) -> list[str]:
    """Given options that only the runs of tables have."""
    others = {"--column": options.columns, "--seeds": options.seeds, "--eval-only": options.eval_only}
    return [override_words(text)[0] for text in options.overrides] + [flag for flag, value in others.items() if value]


class Doctor:
    """Checks of the machine, and of what jobs need.

    Args:
        deep: whether all videos are decoded, or only some.
    """

    def __init__(
        self, found: list[Job], store: RunStore, resources: Resources, *, deep: bool = False, eval_only: bool = False
    ) -> None:
        resources.check_names(job.run for job in found)
        self.jobs, self.store, self.resources = found, store, resources
        self.deep, self.eval_only = deep, eval_only
        self.lists = resources.item_lists()

    def machine(self, *, generates: bool, needs_gpu: bool) -> Iterable[Finding]:
        """Findings on the machine, as `machine_findings`."""
        return machine_findings(self.store, generates=generates, needs_gpu=needs_gpu)

    def of_runs(self) -> Iterator[Finding]:
        """Findings on the runs that are not finished, their weights and their data."""
        pending = [job for job in self.jobs if not self.is_finished(job)]
        if len(pending) < len(self.jobs):
            yield Finding("ok", "runs", f"{len(self.jobs) - len(pending)} of {len(self.jobs)} are done")
        yield from dict.fromkeys(filter(None, map(self.problem, pending)))
        tested = [job for job in pending if not self.trains(job)]
        starting = [job for job in pending if job not in tested or job.run.optim is None]
        yield from initial_findings(job.run.model for job in starting)
        # Without --eval-only, the parents of a run without training are trained before it.
        yield from tested_findings([job for job in tested if self.eval_only or job.run.optim is not None], self.store)
        for need in self.needs(pending):
            yield from self.of_data(need)

    def of_named_data(self) -> Iterator[Finding]:
        """Findings on each data set that --data names, or that is in $VIDEO_ROOT."""
        named = dict(self.resources.data)
        found = [need for need in self.needs(self.jobs) if self.is_named(need.data.dataset, named)]
        if not found:
            remedy = "name one with --data NAME=PATH, or the folder of all with VIDEO_ROOT"
            yield Finding("ok", "data", "no data set is named or found", remedy)
        for need in found:
            yield from self.of_data(need)

    def is_named(self, dataset: DatasetConfig, named: Mapping[str, Path]) -> bool:
        """Whether --data names a data set, or $VIDEO_ROOT contains it."""
        root = self.resources.named_root(dataset)
        return root is not None and (dataset.name in named or root.exists())

    def is_finished(self, job: Job) -> bool:
        return job.finished(self.store, self.eval_only) or job_state(job, self.store) in FINISHED

    def trains(self, job: Job) -> bool:
        return job.run.optim is not None and not self.eval_only and not job.directory(self.store).weights.exists()

    def problem(self, job: Job) -> Finding | None:
        """Reason why a job is impossible with any data, or with the sizes of its splits."""
        trains = self.trains(job)
        try:
            self.resources.check_run(job.run, trains=trains)
            counts = self.resources.counts(job.run, eval_only=not trains, lists=self.lists)
            self.resources.check_counts(job.run, counts, trains=trains)
        except TooFewItemsError as error:
            return Finding.of_error(job.run.data.dataset.name, error)
        except DataError:
            return None  # data that cannot be read have a finding of their own
        except ValueError as error:
            return Finding.of_error(job.name, error)
        return None

    def needs(self, pending: Iterable[Job]) -> list[Need]:
        """What jobs need of each data set."""
        by_dataset: dict[DatasetConfig, list[Job]] = {}
        for job in pending:
            by_dataset.setdefault(job.run.data.dataset, []).append(job)
        found = []
        for readers in by_dataset.values():
            sides = [job.run.data.least_short_side(job.run.evaluation) for job in readers]
            need = Need(
                data=readers[0].run.data,
                splits=splits_of(readers[0].run.data, trains=any(self.trains(job) for job in readers)),
                allow_bad=self.resources.allow_bad,
                short_side=max((side for side in sides if side is not None), default=None),
            )
            found.append(need)
        return found

    def of_data(self, need: Need) -> Iterator[Finding]:
        """Findings on a data set: its folder, and decoded videos."""
        dataset = need.data.dataset
        try:
            if dataset.stand_in is not None and generated_root(dataset.stand_in) is None:
                space = bytes_text(bytes_to_generate(dataset.stand_in))
                what = "it" if dataset.stand_in.is_original else "the stand-in"
                yield Finding("ok", dataset.name, f"{what} will be generated by the first run, about {space}")
                return
            inspection = Inspection(need, self.resources.root(need.data), self.lists)
            yield from inspection.findings()
            decoding = Decoding(inspection, self.store, self.resources, deep=self.deep)
            for split in inspection.files:
                yield from video_findings(inspection, split, decoding.outcomes(split), decoding.bad_list)
        except (DataError, StoreError) as error:
            yield Finding.of_error(dataset.name, error)


def text(found: list[Finding]) -> str:
    """Findings as text."""
    width, columns = max(len(finding.subject) for finding in found), terminal_width()
    lines, indent = [], width + 11
    for severity, subject, what, remedy in found:
        lines.append(wrapped(f"{severity:<7}  {subject:<{width}}  {what}", columns, indent))
        if remedy:
            lines.append(wrapped(f"{'':<{indent}}-> {remedy}", columns, indent + 3))
    errors, warnings = (sum(finding.severity == name for finding in found) for name in ("error", "warning"))
    return "\n".join([*lines, "", f"{number_of(errors, 'errors')}, {number_of(warnings, 'warnings')}"])
