"""Directory of one run: config, provenance, checkpoints, metrics, predictions, log and lock.

A metrics file is written when its test has finished, so an interrupted run has none. The lock is released by the
operating system when its process ends, so a killed run does not appear to be running.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout

from experiments.runner.files import StoreError, read_json, read_record, write_atomically

RELEASED_SUFFIX = ".released"  # in the names of results of released weights
REQUIRED = {"videos": dict, "data": dict, "versions": dict, "seconds": (int, float)}  # in the metrics of every test
TRAINING_SHARE = 0.9  # of a run's time; the rest is its test

State = Literal["done", "running", "interrupted", "failed", "not run"]


def is_result(metrics: dict, train_id: str) -> bool:
    """Whether this is what a test of a run writes."""
    holds = all(isinstance(metrics.get(name), kinds) for name, kinds in REQUIRED.items())
    return holds and metrics.get("train_id", train_id) == train_id


class RunDirectory:
    """The files of one trained run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.json"
        self.provenance = path / "run.json"
        self.training = path / "training.json"
        self.started_from = path / "started_from.json"
        self.checkpoint = path / "checkpoints" / "last.ckpt"
        self.weights = path / "checkpoints" / "weights.safetensors"
        self.best_weights = path / "checkpoints" / "best.safetensors"  # so far, while a training keeps the best
        self.released = path / "checkpoints" / "released.safetensors"
        self.released_record = path / "released.json"
        self.tensorboard = path / "tb"
        self.log = path / "log.txt"
        self.failure = path / "failure.txt"
        self.progress_file = path / "progress.json"

    def metrics(self, eval_id: str, *, released: bool = False) -> Path:
        """Where the metrics of a test protocol lie, of the run's own weights or of released ones."""
        return self.path / "metrics" / f"{eval_id}{RELEASED_SUFFIX if released else ''}.json"

    def predictions(self, eval_id: str, *, released: bool = False) -> Path:
        """Where the per-video scores of a test protocol lie, of the run's own weights or of released ones."""
        return self.path / "predictions" / f"{eval_id}{RELEASED_SUFFIX if released else ''}.npz"

    def measurement(self, kind: str) -> Path:
        """Where a measurement of this kind lies."""
        return self.path / "measured" / f"{kind}.json"

    def released_weights(self) -> dict | None:
        """The record of the released weights that were imported; None where there are none.

        Raises:
            StoreError: when their record is damaged.
        """
        return read_record(self.released_record, ("file", "sha256")) if self.released.exists() else None

    def attention_maps(self, maps_id: str, *, released: bool = False) -> Path:
        """Where the attention maps of a query lie, of the run's own weights or of released ones."""
        return self.path / "attention_maps" / f"{maps_id}{RELEASED_SUFFIX if released else ''}.npz"

    def tested(self, eval_id: str, eval_only: bool) -> bool:
        """Whether the test is finished; a test of released weights counts where nothing is to be trained."""
        if read_json(self.metrics(eval_id)) is not None:
            return True
        return eval_only and not self.weights.exists() and self.metrics(eval_id, released=True).exists()

    def state(self, eval_id: str) -> State:
        """The state of a run and its test."""
        if self.metrics(eval_id).exists():
            return "done"
        if self.claimed:
            return "running"
        if self.failure.exists():
            return "failed"
        return "interrupted" if self.checkpoint.exists() else "not run"

    def progress(self) -> dict:
        """The progress that a running process last wrote; empty where it has not."""
        try:
            return read_json(self.progress_file) or {}
        except StoreError:
            return {}

    def fraction_done(self) -> float | None:
        """The finished part of the run, between 0 and 1; None where it is not known."""
        progress = self.progress()
        if "done" not in progress:
            return None
        done = float(progress["done"])
        return (
            TRAINING_SHARE * done if progress.get("stage") == "train" else TRAINING_SHARE + (1 - TRAINING_SHARE) * done
        )

    @property
    def claimed(self) -> bool:
        """Whether a living process works on the run."""
        lock = self.path / "claim.lock"
        if not lock.exists() or not os.access(lock, os.W_OK):
            return False
        try:
            with FileLock(lock, timeout=0):
                return False
        except Timeout:
            return True

    @contextmanager
    def claim(self) -> Iterator[bool]:
        """Hold the run for this process; gives False at once where another process holds it.

        Raises:
            StoreError: when the directory cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / "claim.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                yield False
                return
        except OSError as error:
            reason = error.strerror or str(error)
            raise StoreError(f"cannot write {self.path}: {reason}; name another place with --runs") from None
        try:
            yield True
        finally:
            lock.release()

    def hold_config(self, description: dict[str, object]) -> None:
        """Write the run's config, or check that the directory already holds this very run.

        Raises:
            StoreError: when it holds another.
        """
        held = read_json(self.config)
        if held is None:
            write_atomically(self.config, json.dumps(description, indent=1) + "\n")
        elif held != description:
            raise StoreError(f"{self.config} describes another run than its name says; move {self.path} away")
