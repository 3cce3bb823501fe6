"""Resources of the machine: devices, processes, threads, places of data sets. Never part of a run's id."""

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
from data.sizes import InputSize
from data.synthetic.ensure import ensure
from experiments.spec.run import RunConfig

# The cost of the items that one device works on at once by default: that of four clips of 16 x 224 x 224 pixels.
DEFAULT_COST = 4 * 16 * 224 * 224
LARGEST_TEST_BATCH = 64
MOST_WORKERS = 16


class BatchSplit(NamedTuple):
    """A global batch on the devices at hand: items a device and step, and steps before an update."""

    micro_batch: int
    accumulation: int


class Counts(NamedTuple):
    """Items of a run."""

    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Devices, processes, and places of data sets.

    Args:
        data: roots of data sets by name; they win over `$VIDEO_ROOT/<name>`.
        devices: devices a node; None for all GPUs, or one CPU process.
        micro_batch: items a device and step; None for a default by their size.
        recompute: whether models that can do so recompute attention in the backward pass instead of keeping it.
        workers: loading processes a device; None for as many as suit a GPU, and none without one.
        threads: CPU threads a process; None for torch's default.
        allow_bad: unreadable items that a run may have; None for 1 %.
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
        """The resources named on the command line.

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
        """Loading processes a device: as told, or as many as keep a GPU busy with real data."""
        if self.workers is not None:
            return self.workers
        if data.dataset.stand_in is not None or not torch.cuda.is_available():
            return 0
        return min(MOST_WORKERS, len(os.sched_getaffinity(0)) // max(1, self.num_devices // self.nodes))

    def root(self, data: DataConfig) -> Path:
        """The folder of a data set; a stand-in is generated first where it is missing.

        Raises:
            DataError: when neither option nor environment names it.
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
        """Training and test items of a run; those of a stand-in are known before it is generated.

        Args:
            eval_only: whether nothing is trained, so that the training split is not needed.

        Raises:
            DataError: when the data set is not where it should be, or cannot be read.
        """
        made, trains = run.data.dataset.stand_in, run.optim is not None and not eval_only
        if made is not None:
            return Counts(made.num_train if trains else 0, made.num_val)
        return self.read(run.data, trains=trains)

    def read(self, data: DataConfig, *, trains: bool) -> Counts:
        """Items by the annotation files; generates a missing stand-in.

        Raises:
            DataError: when the data set is not where it should be, or cannot be read.
        """
        root = self.root(data)
        num_train = len(data.dataset.build(root, "train")) if trains else 0
        return Counts(num_train, len(data.dataset.build(root, "test")))

    def check(self, runs: Iterable[RunConfig], *, eval_only: bool = False) -> None:
        """Generate missing stand-ins and read every annotation file before any hour is spent.

        Raises:
            DataError, ValueError: what a run would have failed with.
        """
        counted: dict[object, Counts] = {}
        for run in runs:
            self.check_run(run)
            trains = run.optim is not None and not eval_only
            key = (run.data.dataset, trains)
            if key not in counted:
                counted[key] = self.read(run.data, trains=trains)
            if trains:
                check_batch(run, counted[key])

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

    def check_run(self, run: RunConfig) -> None:
        """Refuse a run that no data make possible on these devices.

        Raises:
            ValueError: for a batch, a protocol or a model that is impossible.
        """
        run.check()
        if run.optim is not None:
            self.split(run.optim.batch_size, run.data.size, self.num_devices)

    def split(self, batch_size: int, size: InputSize, num_devices: int) -> BatchSplit:
        """The split of a global batch of items of this size.

        Raises:
            ValueError: when there is none, naming what would do.
        """
        if batch_size % num_devices:
            fit = ", ".join(map(str, _divisors(batch_size)))
            raise ValueError(
                f"a global batch of {batch_size} cannot be split over {num_devices} devices; use one of {fit}"
            )
        share = batch_size // num_devices
        if self.micro_batch is None:
            micro = max(d for d in _divisors(share) if d == 1 or d * size.cost <= DEFAULT_COST)
        elif share % self.micro_batch:
            fit = ", ".join(map(str, _divisors(share)))
            raise ValueError(
                f"{share} items a device ({batch_size} over {num_devices}) cannot be split into micro-batches of "
                f"{self.micro_batch}; use --micro-batch with one of {fit}"
            )
        else:
            micro = self.micro_batch
        return BatchSplit(micro, share // micro)

    def test_batch(self, size: InputSize, crops: int) -> int:
        """Views tested at once on a device, each with all its crops."""
        return min(LARGEST_TEST_BATCH, max(1, DEFAULT_COST // (size.cost * crops)))


def check_batch(run: RunConfig, counts: Counts) -> None:
    """Refuse training items that do not fill a batch.

    Raises:
        DataError: naming a batch that they fill.
    """
    assert run.optim is not None
    dataset, batch = run.data.dataset, run.optim.batch_size
    if counts.train < batch:
        raise DataError(
            f"{dataset.name}: {counts.train} training {dataset.unit} are fewer than one batch of {batch}; use a smaller "
            f"batch, e.g. -o optim.batch_size={max(1, counts.train)}"
        )


def _divisors(number: int) -> list[int]:
    return [d for d in range(1, number + 1) if number % d == 0]
