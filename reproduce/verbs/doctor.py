"""`reproduce doctor`: whether the machine, the data sets and the weights are as the runs of tables need them."""

import importlib.metadata
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch

from data.config import DataConfig, DatasetConfig, Split
from data.datasets.folders import ABSENT_ALLOWED
from data.datasets.videos import VideoDataset
from data.decoded_files import DecodedFiles
from data.errors import DataError, number_of
from data.inspection.decoding import decoded_items
from data.inspection.findings import Finding
from data.inspection.inspection import Inspection, Need, video_findings
from data.item_lists import ItemLists
from data.stand_ins.stand_in import default_cache, generated_root
from experiments.spec.catalog import find
from experiments.spec.scales import PAPER, find_scale
from reproduce.jobs_to_start import jobs_and_files
from reproduce.next_command import say_next
from reproduce.option_types import override_words
from reproduce.options import DONE, UNUSABLE, Doctor
from reproduce.selection import resources_of, store_of
from reproduce.terminal import wrapped
from runner.machine.files import StoreError, existing, free_bytes, write_atomically
from runner.machine.messages import bytes_text
from runner.machine.resources import Resources, TooFewItemsError, splits_of
from runner.store.data_record import check_named_data
from runner.store.jobs import Job, jobs_of
from runner.store.provenance import cores, hardware
from runner.store.store import RunStore
from runner.weights.needed_weights import initial_findings, tested_findings
from runner.weights.released import Release

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements.txt"
PINNED = re.compile(r"^([\w-]+)==([\w.]+)", re.MULTILINE)
DRIVER = Path("/proc/driver/nvidia/version")  # exists where the driver is loaded
SAMPLE_SIZE = 16  # decoded items of a split without --deep


def execute(options: Doctor) -> int:
    """Print all findings. The exit code tells whether one of them stops a run."""
    store, resources, of_tables = store_of(options), resources_of(options), bool(options.tables)
    if not of_tables and (given := run_flags(options)):
        raise ValueError(f"{given[0]} is about the runs of tables; name one as paper/table")
    every_job, files = list[Job](), []
    if of_tables:
        every_job, files = jobs_and_files(options, store)
    elif resources.data or "VIDEO_ROOT" in os.environ:
        every_job = jobs_of(find(["*"]), PAPER, [], (0,))
    resources.check_names(job.run for job in every_job)
    inspected = Inspected(options, every_job, files, store, resources, resources.item_lists())
    small = find_scale(options.scale).on_cpu
    needs_gpu = of_tables and not (small or options.tests_only)
    listed = [] if options.id_list is None else list(inspected.written_ids(options.id_list))  # refused before decoding
    found = list(machine_findings(store, generates=small or not of_tables, needs_gpu=needs_gpu))
    found += inspected.of_runs() if of_tables else inspected.of_named_data()
    found = list(dict.fromkeys([*found, *listed]))
    print(json.dumps([finding._asdict() for finding in found], indent=1) if options.json else text(found))
    code = UNUSABLE if any(finding.severity == "error" for finding in found) else DONE
    if code == DONE and of_tables:
        say_next("run" if inspected.pending else "report", options)
    return code


def run_flags(options: Doctor) -> list[str]:
    """Given options that only the runs of tables have."""
    others = {"--column": options.columns, "--seeds": options.seeds}
    others |= {"--eval-only": options.eval_only, "--released": options.released, "--list": options.id_list}
    return [override_words(text)[0] for text in options.overrides] + [flag for flag, value in others.items() if value]


@dataclass(frozen=True)
class Inspected:
    """What jobs need. `files`: released files whose weights they test, with --released."""

    options: Doctor
    jobs: list[Job]
    files: list[Release]
    store: RunStore
    resources: Resources
    lists: ItemLists

    @cached_property
    def pending(self) -> list[Job]:
        return [job for job in self.jobs if not job.finished(self.store, self.options.tests_only)]

    def of_runs(self) -> Iterator[Finding]:
        """Findings on the runs that are not finished, their weights and their data, and on named data of the others."""
        pending = self.pending
        if len(pending) < len(self.jobs):
            yield Finding("ok", "runs", f"{len(self.jobs) - len(pending)} of {len(self.jobs)} are done")
        yield from dict.fromkeys(filter(None, map(self.problem, pending)))
        tested = [job for job in pending if not self.trains(job)]
        starting = [job for job in pending if job not in tested or job.run.optim is None]
        yield from initial_findings(job.run.model for job in starting)
        # Without --eval-only, the parents of a run without training are trained before it.
        needing = [job for job in tested if self.options.tests_only or job.run.optim is not None]
        of_files = (file.finding(self.store) for file in self.files)
        yield from of_files if self.options.released else tested_findings(needing, self.store)
        real = [job for job in self.jobs if job.run.data.dataset.stand_in is None]
        for need in self.needs([*pending, *(job for job in real if self.is_named(job.run.data.dataset))]):
            yield from self.of_data(need)
            yield from self.changes(need.data.dataset)

    def changes(self, dataset: DatasetConfig) -> Iterator[Finding]:
        """Finding on a data set that is not that of the finished runs."""
        try:
            readers = (job for job in self.jobs if job.run.data.dataset == dataset)
            check_named_data(readers, self.store, self.resources)
        except (DataError, StoreError) as error:
            yield Finding.of_error(dataset.name, error)

    def of_named_data(self) -> Iterator[Finding]:
        """Findings on each data set that --data names, or that is in $VIDEO_ROOT."""
        found = [need for need in self.needs(self.jobs) if self.is_named(need.data.dataset)]
        if not found:
            remedy = "name one with --data NAME=PATH, or the folder of all with VIDEO_ROOT"
            yield Finding("ok", "data", "no data set is named or found", remedy)
        for need in found:
            yield from self.of_data(need)

    def is_named(self, dataset: DatasetConfig) -> bool:
        root = self.resources.named_root(dataset)
        return root is not None and (dataset.name in dict(self.resources.data) or root.exists())

    def trains(self, job: Job) -> bool:
        return (
            job.run.optim is not None and not self.options.tests_only and not job.directory(self.store).weights.exists()
        )

    def problem(self, job: Job) -> Finding | None:
        """Reason why a job is impossible with any data, or with the sizes of its splits."""
        try:
            self.resources.check_run(job.run, self.lists, trains=self.trains(job))
        except TooFewItemsError as error:
            return Finding.of_error(job.run.data.dataset.name, error)
        except DataError:
            return None  # data that cannot be read have a finding of their own
        except ValueError as error:
            return Finding.of_error(job.name, error)
        return None

    def needs(self, pending: Iterable[Job]) -> Iterator[Need]:
        by_dataset: dict[DatasetConfig, list[Job]] = {}
        for job in pending:
            by_dataset.setdefault(job.run.data.dataset, []).append(job)
        for readers in by_dataset.values():
            data = readers[0].run.data
            sides = [job.run.data.least_short_side(job.run.evaluation) for job in readers]
            yield Need(
                data=data,
                splits=splits_of(data, trains=any(map(self.trains, readers))),
                allow_bad=self.resources.allow_bad,
                short_side=max((side for side in sides if side is not None), default=None),
            )

    def of_data(self, need: Need) -> Iterator[Finding]:
        """Findings on a data set: its folder, and decoded videos."""
        dataset = need.data.dataset
        try:
            if dataset.stand_in is not None and generated_root(dataset.stand_in) is None:
                space = bytes_text(dataset.drawing(dataset.stand_in).estimated_bytes())
                what = "it" if dataset.stand_in.is_original else "the stand-in"
                yield Finding("ok", dataset.name, f"{what} will be generated by the first run, about {space}")
                return
            inspection = Inspection(need, self.resources.root(need.data), self.lists)
            yield from inspection.findings()
            listed, workers = DecodedFiles(*self.store.decoded_files(dataset.name)), self.resources.decoding_workers
            count = None if self.options.deep else SAMPLE_SIZE
            for split in inspection.files:
                found = decoded_items(need.data, self.lists, split, listed, workers=workers, count=count)
                yield from video_findings(inspection, split, found, listed.path)
        except (DataError, StoreError) as error:
            yield Finding.of_error(dataset.name, error)

    def written_ids(self, file: Path) -> Iterator[Finding]:
        """Findings on the lists of ids of all videos that the jobs read, which this writes, one for each data set."""
        parts: dict[str, dict[tuple[DatasetConfig, Split], DataConfig]] = {}
        for data, trains in ((job.run.data, job.run.optim is not None) for job in self.jobs):
            if isinstance(data.dataset, VideoDataset) and data.dataset.stand_in is None:
                of_name = parts.setdefault(data.dataset.name, {})
                splits = splits_of(data, trains=trains and not self.options.tests_only)
                of_name.update({(data.dataset, split): data for split in splits})
        if not parts:
            raise ValueError(f"--list {file}: these runs read generated videos, your own or none; no list is needed")
        read = self.resources.item_lists()  # again: others refuse annotations of which no video exists
        for name, of_name in parts.items():
            path = file if len(parts) == 1 else file.with_name(f"{file.name}.{name}")
            token = ABSENT_ALLOWED.set(True)
            try:
                lists = [read.items(data, split) for (_, split), data in of_name.items()]
            except DataError as error:
                yield Finding.of_error(name, error)
                continue
            finally:
                ABSENT_ALLOWED.reset(token)
            ids = dict.fromkeys(record_id for videos in lists for record_id in videos.ids)
            write_atomically(path, "".join(f"{one}\n" for one in ids))
            yield Finding("ok", name, f"the ids of {number_of(len(ids), 'videos')} are in {path}")


def machine_findings(store: RunStore, *, generates: bool, needs_gpu: bool) -> Iterator[Finding]:
    """Findings on packages, devices and write access, for runs that generate stand-ins or take weeks without a GPU."""
    yield from _packages()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    if torch.cuda.is_available():
        yield Finding("ok", "devices", f"{hardware()}, {cores()}")
    elif DRIVER.exists() and torch.version.cuda is not None and not hidden:
        yield Finding(
            "warning",
            "devices",
            f"there is an NVIDIA driver, but torch {torch.__version__} cannot use it; {cores()} are used instead",
            "this torch needs a driver for its version of CUDA (+cu130: driver 580 or newer, Turing or newer GPUs): "
            "update the driver, or install a torch for an older CUDA",
        )
    else:
        remedy = "training at this scale takes weeks without a GPU" if needs_gpu else ""
        yield Finding("warning" if needs_gpu else "ok", "devices", f"no GPU, {cores()}", remedy)
    try:
        store.check_writable()
        free = bytes_text(free_bytes(store.root))
        yield Finding("ok", "runs", f"{store.root.absolute()} can be written, {free} free")
    except StoreError as error:
        yield Finding.of_error("runs", error)
    if generates:
        cache = default_cache()
        if os.access(existing(cache), os.W_OK):
            yield Finding("ok", "stand-ins", f"{cache} can be written, {bytes_text(free_bytes(cache))} free")
        else:
            yield Finding("error", "stand-ins", f"{cache} cannot be written", "name another folder with STAND_IN_CACHE")


def _packages() -> Iterator[Finding]:
    pinned = dict(PINNED.findall(REQUIREMENTS.read_text())) if REQUIREMENTS.exists() else {}
    found = {name: _installed(name) for name in pinned}
    for name in (name for name in pinned if found[name] != pinned[name]):
        what = f"{name} is {found[name]}, pinned is {pinned[name]}" if found[name] else f"{name} is not installed"
        yield Finding("warning" if found[name] else "error", "packages", what, "pip install -r requirements.txt")
    if pinned and found == pinned:
        yield Finding("ok", "packages", f"all {len(pinned)} as pinned, torch {torch.__version__}")


def _installed(package: str) -> str:
    try:
        return importlib.metadata.version(package).partition("+")[0]  # a build for one device has a suffix
    except importlib.metadata.PackageNotFoundError:
        return ""


def text(found: list[Finding]) -> str:
    width = max(len(finding.subject) for finding in found)
    lines, indent = list[str](), width + 11
    for severity, subject, what, remedy in found:
        lines.append(wrapped(f"{severity:<7}  {subject:<{width}}  {what}", indent))
        if remedy:
            lines.append(wrapped(f"{'':<{indent}}-> {remedy}", indent + 3))
    errors, warnings = (sum(finding.severity == name for finding in found) for name in ("error", "warning"))
    return "\n".join([*lines, "", f"{number_of(errors, 'errors')}, {number_of(warnings, 'warnings')}"])
