"""Resources of the machine: devices, processes, threads and directories of data sets. They are not part of run ids."""

import math
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch

from data.config import DataConfig, DatasetConfig, Split
from data.errors import DataError, allowed_number, shortened
from data.item_lists import ItemLists
from data.stand_ins.stand_in import generated_root
from data.worker_processes import available_cores
from experiments.spec.run import RunConfig

# Default cost of the items of one device and step: that of four clips of 16 x 224 x 224 pixels.
DEFAULT_COST = 4 * 16 * 224 * 224
MAX_TEST_BATCH = 64
MAX_WORKERS = 16


class BatchSplit(NamedTuple):
    """Split of a global batch: items per device and step, and accumulated steps per update."""

    micro_batch: int
    accumulation: int


class TooFewItemsError(DataError):
    """Split that is too small for a batch, or for the devices."""


class Counts(NamedTuple):
    train: int
    test: int


@dataclass(frozen=True, kw_only=True)
class Resources:
    """Devices, processes, and directories of data sets."""

    data: tuple[tuple[str, Path], ...] = ()
    """Names and root directories. They override `$VIDEO_ROOT/<name>`."""
    devices: int | None = None
    """Devices per node; None for all GPUs, or one CPU process."""
    nodes: int = 1
    micro_batch: int | None = None
    """Items per device and step, in a test at most; None for a default, or on a GPU for as many as fit its memory."""
    recompute: bool = False
    """Attention is computed again in the backward pass instead of saved, in models that support this."""
    device_jitter: bool = False
    """Colour jitter is computed on the device, a batch at a time, within a grey level of that of the CPU."""
    compile: bool = False
    """The model is compiled by torch.compile: faster, within rounding of the other."""
    workers: int | None = None
    """Data loading processes per device; None for a number by cores and measured speeds, or 0 without GPUs."""
    threads: int | None = None
    """CPU threads per process; None for torch's default."""
    allow_bad: int | None = None
    """Accepted number of unreadable items; None for 1 %."""

    @property
    def num_devices(self) -> int:
        """Number of devices of all nodes. By default, every node uses all GPUs or one CPU process."""
        return (self.devices or max(1, torch.cuda.device_count())) * self.nodes

    @property
    def tries_micro_batches(self) -> bool:
        return self.micro_batch is None and torch.cuda.is_available()

    @property
    def rank(self) -> int:
        """Rank of this process among the processes of a run, from the variables of torchrun, Lightning and SLURM."""
        names = ("RANK", "LOCAL_RANK", "SLURM_PROCID")  # SLURM shells pass on the last to all processes
        rank = next((int(os.environ[name]) for name in names if os.environ.get(name)), 0)
        return rank or int(os.environ.get("NODE_RANK") or 0)

    def num_workers(self, data: DataConfig, needed: int | None = None) -> int:
        """Data loading processes per device. The default divides the cores among GPUs; CPUs and stand-ins need none.

        `needed` processes read as fast as the device computes.
        """
        if self.workers is not None:
            return self.workers
        decodes_on_gpu = os.environ.get("VIDEO_READER") == "torchcodec:cuda"
        if decodes_on_gpu or data.dataset.reads_stand_in or not torch.cuda.is_available():
            return 0
        return min(
            MAX_WORKERS if needed is None else needed, available_cores() // max(1, self.num_devices // self.nodes)
        )

    @property
    def decoding_workers(self) -> int:
        """Processes that decode all items of a data set."""
        return available_cores() if self.workers is None else self.workers

    def root(self, data: DataConfig) -> Path:
        """Root directory of a data set. A missing stand-in is generated."""
        dataset = data.dataset
        if dataset.stand_in is not None:
            return generated_root(dataset.stand_in) or generated(dataset)
        if (root := self.named_root(dataset)) is not None:
            return root
        raise DataError(
            f"where is {dataset.name}? name its folder with --data {dataset.name}=PATH, or the folder that holds it "
            f"with VIDEO_ROOT; runs at --scale tiny need no data set"
        )

    def named_root(self, dataset: DatasetConfig) -> Path | None:
        """Root directory of a real data set: from --data, its config, or VIDEO_ROOT; None if none specifies it."""
        shared = Path(os.environ["VIDEO_ROOT"]) / dataset.name if "VIDEO_ROOT" in os.environ else None
        return dict(self.data).get(dataset.name, dataset.own_folder or shared)

    def item_lists(self) -> ItemLists:
        """Item lists of the data sets, each read once."""
        return ItemLists(self.root)

    def counts(self, run: RunConfig, lists: ItemLists, *, trains: bool) -> Counts:
        """Numbers of training and test items of a run. Those of a stand-in need no generated files."""
        stand_in = run.data.dataset.stand_in
        if stand_in is not None:
            return Counts(stand_in.num_train if trains else 0, stand_in.num_val)
        sizes = {split: len(lists.items(run.data, split)) for split in splits_of(run.data, trains=trains)}
        return Counts(sizes.get("train", 0), sizes["test"])

    def check(self, runs: Iterable[RunConfig], lists: ItemLists, *, eval_only: bool = False) -> None:
        """Check runs and read all annotation files before the first run starts. Stand-ins need no check."""
        for run in runs:
            trains = run.optim is not None and not eval_only
            self.check_run(run, lists, trains=trains)
            for split in splits_of(run.data, trains=trains):
                self.check_files(run.data, split, lists)

    def check_files(self, data: DataConfig, split: Split, lists: ItemLists) -> None:
        """Refuse a split with more missing items than accepted. The files of stand-ins are all there."""
        dataset = data.dataset
        if dataset.stand_in is not None:
            return
        num_items = len(lists.items(data, split))
        missing, allowed = lists.missing(data, split), allowed_number(num_items, self.allow_bad)
        if len(missing.indices) > allowed:
            raise DataError(
                f"{dataset.name}: {len(missing.indices):,} of {num_items:,} {split} {dataset.unit} are missing, "
                f"e.g. {shortened(str(missing.example))}; the limit is {allowed:,}: get them (`reproduce doctor` "
                f"says more), or raise the limit with --allow-bad {len(missing.indices)}"
            )

    def check_run(self, run: RunConfig, lists: ItemLists, *, trains: bool) -> None:
        """Refuse a run that is impossible on these devices, with any data or with the sizes of its splits.

        A TooFewItemsError says that a split is smaller than a batch, or than the devices, which wait for each other.
        """
        run.check()
        if trains:
            self.split_of(run)
        dataset, counts = run.data.dataset, self.counts(run, lists, trains=trains)
        if trains and run.optim is not None and counts.train < run.optim.batch_size:
            raise TooFewItemsError(
                f"{dataset.name}: {counts.train} training {dataset.unit} are fewer than one batch of "
                f"{run.optim.batch_size}; use a smaller batch, e.g. -o optim.batch_size={max(1, counts.train)}"
            )
        if counts.test == 0:
            raise TooFewItemsError(f"{dataset.name}: the test split has no {dataset.unit}")
        if counts.test < self.num_devices:
            fewer = f"--devices {counts.test // self.nodes}" if counts.test >= self.nodes else "--nodes 1 --devices 1"
            raise TooFewItemsError(
                f"{dataset.name}: {counts.test} test {dataset.unit} are fewer than {self.num_devices} devices; "
                f"use {fewer}"
            )

    def check_names(self, runs: Iterable[RunConfig]) -> None:
        """Refuse a name in --data that no run reads, finished runs included."""
        names = {run.data.dataset.name for run in runs if run.data.dataset.stand_in is None}
        for name, _ in self.data:
            if name not in names:
                listed = ", ".join(sorted(names)) or "stand-ins only; real data sets are for --scale small or paper"
                raise ValueError(f"--data {name}: no run reads '{name}'; they read {listed}")

    def split_of(self, run: RunConfig, accumulation: int | None = None) -> BatchSplit:
        """Split of the global batch of a run; single items for a run without training.

        Args:
            accumulation: batches per step of the checkpoint from which the training goes on; None for a new training.
        """
        if run.optim is None:
            return BatchSplit(1, 1)
        sizes = self.micro_batches(run)
        share, micro_batch = sizes[-1], self.micro_batch
        if micro_batch is None:
            micro_batch = max(n for n in sizes if n == sizes[0] or n * run.data.size.cost <= DEFAULT_COST)
        if micro_batch not in sizes:
            possible = ", ".join(map(str, sizes))
            raise ValueError(
                f"--micro-batch {micro_batch}: {share} items per device cannot be split; use one of {possible}"
            )
        if accumulation not in (None, share // micro_batch):
            earlier, rest = divmod(share, accumulation)
            possible = rest == 0 and earlier in sizes
            if self.micro_batch is not None or not possible:
                remedy = f"--micro-batch {earlier}" if possible else "as many devices as before"
                raise ValueError(
                    f"the checkpoint of the training counts {accumulation} batches a step; go on with {remedy}"
                )
            micro_batch = earlier
        return BatchSplit(micro_batch, share // micro_batch)

    def micro_batches(self, run: RunConfig) -> list[int]:
        """Micro-batches into which a device's share of the global batch can be split, in ascending order."""
        assert run.optim is not None
        batch_size, multiple = run.optim.batch_size, run.objective.batch_multiple
        share, rest = divmod(batch_size, self.num_devices)
        sizes = [size for size in divisors(share) if size % multiple == 0]
        if rest or not sizes:
            numbers = [n for n in divisors(batch_size) if batch_size // n % multiple == 0]
            groups = f" in groups of {multiple}" if multiple > 1 else ""
            raise ValueError(
                f"a global batch of {batch_size} cannot be split over {self.num_devices} devices{groups}; use "
                + (f"one of {', '.join(map(str, numbers))}" if numbers else f"a batch that {multiple} divides")
            )
        return sizes

    def test_batch(self, run: RunConfig) -> int:
        """Views per device and test step, each with all its crops. Items of different sizes are not batched."""
        size = run.data.test_size(run.evaluation)
        if not size.is_uniform:
            return 1
        fitting = max(1, DEFAULT_COST // (size.cost * run.evaluation.crops))
        return min(MAX_TEST_BATCH, fitting, self.micro_batch or MAX_TEST_BATCH)


def num_tasks() -> int:
    """Number of processes that srun has started with this one. A batch script is one, whatever SLURM_NTASKS says."""
    return int(os.environ.get("SLURM_STEP_NUM_TASKS") or 1)


def generated(dataset: DatasetConfig) -> Path:
    """Root of the stand-in of a data set, which is generated."""
    from data.stand_ins.drawing.ensure import ensure

    return ensure(dataset.drawing(dataset.stand_in), progress=sys.stderr.isatty())


def splits_of(data: DataConfig, *, trains: bool) -> tuple[Split, ...]:
    """Splits that a run reads. A validation split that is the test split is not read on its own."""
    if not trains:
        return ("test",)
    return ("train", "val", "test") if data.dataset.own_validation else ("train", "test")


def divisors(number: int) -> list[int]:
    small = [d for d in range(1, math.isqrt(number) + 1) if number % d == 0]
    return sorted({*small, *(number // d for d in small)})
