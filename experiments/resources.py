"""What a machine lends to a run: devices, processes, threads, and where data sets lie. Never part of a run's id."""

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from data.config import DataConfig
from data.errors import DataError
from data.synthetic.ensure import ensure
from experiments.run import RunConfig

# Pixels of the clips that one device works on at once by default: four clips of 16 x 224 x 224, as the paper trains.
DEFAULT_PIXELS = 4 * 16 * 224 * 224
LARGEST_TEST_BATCH = 64
MOST_WORKERS = 16


class Split(NamedTuple):
    """A global batch on the devices at hand: clips a device and step, and steps before an update."""

    micro_batch: int
    accumulation: int


class Counts(NamedTuple):
    """Videos of a run."""

    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Devices and places.

    Args:
        data: roots of data sets by name; they win over `$VIDEO_ROOT/<name>`.
        devices: devices a node; None for all GPUs, or one CPU process.
        micro_batch: clips a device and step; None for what fits.
        recompute: whether trajectory attention is computed again going back, instead of being kept.
        workers: loading processes a device; None for as many as suit a GPU, and none without one.
        threads: CPU threads a process; None for what torch takes.
        allow_bad: unreadable videos that a run may have; None for 1 %.
    """

    data: tuple[tuple[str, Path], ...] = ()
    devices: int | None = None
    nodes: int = 1
    micro_batch: int | None = None
    recompute: bool = False
    workers: int | None = None
    threads: int | None = None
    allow_bad: int | None = None

    @classmethod
    def of(cls, options: argparse.Namespace) -> "Resources":
        """The resources that the command line names.

        Raises:
            ValueError: for a data root that is not written NAME=PATH, or a count below one.
        """
        roots = []
        for text in options.data:
            name, equals, path = text.partition("=")
            if not (name and equals and path):
                raise ValueError(f"--data '{text}': write it as NAME=PATH, e.g. --data kinetics400=/data/k400")
            roots.append((name, Path(path)))
        least = {"devices": 1, "nodes": 1, "micro_batch": 1, "threads": 1, "workers": 0, "allow_bad": 0}
        for name, lowest in least.items():
            number = getattr(options, name)
            if number is not None and number < lowest:
                raise ValueError(f"--{name.replace('_', '-')} {number}: it must be {lowest} or more")
        return cls(
            data=tuple(roots),
            devices=options.devices,
            nodes=options.nodes,
            micro_batch=options.micro_batch,
            recompute=options.recompute,
            workers=options.workers,
            threads=options.threads,
            allow_bad=options.allow_bad,
        )

    @property
    def num_devices(self) -> int:
        """Devices over all nodes: all GPUs, or one CPU process, unless told."""
        return (self.devices or max(1, torch.cuda.device_count())) * self.nodes

    @property
    def rank(self) -> int:
        """This process's place among those that train one run together, as Lightning and clusters announce it."""
        names = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # a shell under SLURM has the last, also in processes it starts
        rank = next((int(os.environ[name]) for name in names if os.environ.get(name)), 0)
        return rank or int(os.environ.get("NODE_RANK") or 0)

    def num_workers(self, data: DataConfig) -> int:
        """Loading processes a device: as told, or those of real videos that keep a GPU busy."""
        if self.workers is not None:
            return self.workers
        if data.dataset.stand_in is not None or not torch.cuda.is_available():
            return 0
        return min(MOST_WORKERS, len(os.sched_getaffinity(0)) // max(1, self.num_devices // self.nodes))

    def root(self, data: DataConfig) -> Path:
        """Where a data set lies; a stand-in is made first where it is missing.

        Raises:
            DataError: when nobody has said where, or nothing is there.
        """
        dataset = data.dataset
        if dataset.stand_in is not None:
            return ensure(dataset.stand_in, progress=sys.stderr.isatty())
        named = dict(self.data)
        if dataset.name in named:
            return named[dataset.name]
        if "VIDEO_ROOT" in os.environ:
            return Path(os.environ["VIDEO_ROOT"]) / dataset.name
        raise DataError(
            f"where is {dataset.name}? name its folder with --data {dataset.name}=PATH, or the folder that holds it "
            f"with VIDEO_ROOT; --scale tiny needs no data set"
        )

    def counts(self, run: RunConfig, *, eval_only: bool = False) -> Counts:
        """Training and test videos of a run; a stand-in's are known before it is made. A test alone trains on none.

        Raises:
            DataError: when the data set is not where it should be, or cannot be read.
        """
        made = run.data.dataset.stand_in
        if made is None:
            return self.read(run.data, eval_only=eval_only)
        return Counts(0 if eval_only else made.num_train, made.num_val)

    def read(self, data: DataConfig, *, eval_only: bool = False) -> Counts:
        """Videos by the annotation files, of which a test alone needs no training split; makes a missing stand-in.

        Raises:
            DataError: when the data set is not where it should be, or cannot be read.
        """
        root = self.root(data)
        num_train = 0 if eval_only else len(data.dataset.build(root, "train").records)
        return Counts(num_train, len(data.dataset.build(root, "test").records))

    def check(self, runs: Iterable[RunConfig], *, eval_only: bool = False) -> None:
        """Make missing stand-ins and read every annotation file before any hour is spent.

        Raises:
            DataError, ValueError: what a run would have failed with.
        """
        counted: dict[object, Counts] = {}
        for run in runs:
            self.check_config(run)
            with torch.device("meta"):
                size = {"frames": run.data.frames, "crop": run.data.crop}
                run.model.build(**size, num_classes=run.data.dataset.num_classes)
            dataset = run.data.dataset
            if dataset not in counted:
                counted[dataset] = self.read(run.data, eval_only=eval_only)
            if not eval_only:
                check_batch(run, counted[dataset])

    def check_names(self, runs: Iterable[RunConfig]) -> None:
        """Refuse a name of `--data` that none of the runs reads, whether it is finished or not.

        Raises:
            ValueError: naming what they read.
        """
        read = {run.data.dataset.name for run in runs if run.data.dataset.stand_in is None}
        for name, _ in self.data:
            if name not in read:
                kinds = ", ".join(sorted(read)) or "stand-ins only; real data sets are for --scale paper"
                raise ValueError(f"--data {name}: no run reads '{name}'; they read {kinds}")

    def check_config(self, run: RunConfig) -> None:
        """Refuse what no data would make possible.

        Raises:
            ValueError: for a batch, a protocol or an attention that cannot be.
        """
        from data.clips import test_sampling  # here: it imports the decoder, which looking verbs do not need

        self.split(run.optim.batch_size, run.data, self.num_devices)
        test_sampling(run.data, run.evaluation)
        run.model.attention.check(run.model.tokens.grid(run.data.frames, run.data.crop, run.data.crop))

    def split(self, batch_size: int, data: DataConfig, num_devices: int) -> Split:
        """How the global batch is split.

        Raises:
            ValueError: when it cannot be, naming what would do.
        """
        if batch_size % num_devices:
            fit = ", ".join(map(str, _divisors(batch_size)))
            raise ValueError(
                f"a global batch of {batch_size} cannot be split over {num_devices} devices; use one of {fit}"
            )
        share = batch_size // num_devices
        if self.micro_batch is None:
            pixels = data.frames * data.crop**2
            micro = max(d for d in _divisors(share) if d == 1 or d * pixels <= DEFAULT_PIXELS)
        elif share % self.micro_batch:
            fit = ", ".join(map(str, _divisors(share)))
            raise ValueError(
                f"{share} clips a device ({batch_size} over {num_devices}) cannot be split into micro-batches of "
                f"{self.micro_batch}; use --micro-batch with one of {fit}"
            )
        else:
            micro = self.micro_batch
        return Split(micro, share // micro)

    def test_batch(self, data: DataConfig, crops: int) -> int:
        """Temporal views tested at once on a device."""
        pixels = data.frames * data.crop**2 * crops
        return min(LARGEST_TEST_BATCH, max(1, DEFAULT_PIXELS // pixels))


def check_batch(run: RunConfig, counts: Counts) -> None:
    """Refuse training videos that do not fill a batch.

    Raises:
        DataError: saying what would.
    """
    name, batch = run.data.dataset.name, run.optim.batch_size
    if counts.train < batch:
        raise DataError(
            f"{name}: {counts.train} training videos are fewer than one batch of {batch}; use a smaller batch, "
            f"e.g. -o optim.batch_size={max(1, counts.train)}"
        )


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]
