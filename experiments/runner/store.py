"""Runs on disk: `runs/<train_id>/` with config, provenance, checkpoints, metrics, predictions, log and claim.

Metrics are JSON written once, when a test has finished, by writing aside and renaming: a run that was cut short has
none. A claim is a file lock that the system drops with the process that held it, so a killed run is never "running".
"""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from filelock import FileLock, Timeout
from safetensors import SafetensorError

RELEASED_SUFFIX = ".released"  # before the suffix of results that were made with released weights
REQUIRED = {"videos": dict, "data": dict, "versions": dict, "seconds": (int, float)}  # in every result of a test
MEASUREMENT = ("batch_size", "precision", "hardware", "versions", "commit")  # in every measurement
TRAINING_SHARE = 0.9  # of a run's time; the rest is its test
REMEDY = "free space there or name another place with --runs"  # when a run cannot be written
ERROR_PREFIX = "error: "  # begins the last line of a process that failed
CLAIMED_ELSEWHERE = 75  # exit code of a process that found its run claimed by another

State = Literal["done", "running", "interrupted", "failed", "not run"]


class StoreError(OSError):
    """The run store cannot be read or written; the message says what to do."""


def write_atomically(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        StoreError: when the directory is read-only or the disk is full.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text)
        os.replace(aside, path)
    except OSError as error:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise StoreError(f"cannot write {path}: {reason}; {REMEDY}") from None


@contextmanager
def replacing(path: Path, *, remedy: str = f"{REMEDY}; the training is kept") -> Iterator[Path]:
    """A file to write that takes the place of `path` when it is whole.

    Args:
        path: the file.
        remedy: what to do when it cannot be written.

    Raises:
        StoreError: when it cannot be written.
    """
    partial = path.with_name(f".partial.{os.getpid()}.{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield partial
        partial.replace(path)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise StoreError(f"cannot write {path}: {reason}; {remedy}") from None


def read_json(path: Path) -> dict | None:
    """The JSON object in a file, or None where there is no file.

    Raises:
        StoreError: when the file holds something else.
    """
    try:
        value = json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {error}; move it away to have it made again") from None
    if not isinstance(value, dict):
        raise StoreError(f"cannot read {path}: it holds no JSON object; move it away to have it made again")
    return value


def read_record(path: Path, names: Iterable[str]) -> dict | None:
    """The JSON object in a file that has to hold some names, or None where there is no file.

    Raises:
        StoreError: when it holds something else.
    """
    record = read_json(path)
    lost = [name for name in names if record is not None and name not in record]
    if lost:
        raise StoreError(f"cannot read {path}: it lacks '{lost[0]}'; move it away to have it made again")
    return record


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


class RunStore:
    """All runs under one root, and the results that are committed beside the reports.

    Args:
        root: where runs are made.
        results: a read-only place of published results, looked at where the root has none.
    """

    def __init__(self, root: Path, results: Path | None = None) -> None:
        self.root = root
        self.results = results

    def run(self, train_id: str) -> RunDirectory:
        """The directory of a run, whether it exists or not."""
        return RunDirectory(self.root / train_id)

    def places(self, train_id: str) -> list[RunDirectory]:
        """Where results of a run may lie: where it was made, then where they are published."""
        published = [] if self.results is None else [RunDirectory(self.results / train_id)]
        return [self.run(train_id), *published]

    def metrics(self, train_id: str, eval_id: str) -> dict | None:
        """The metrics of a finished test: made here, or published; in each place those of released weights come last.

        Raises:
            StoreError: when a file holds something else.
        """
        for place in self.places(train_id):
            for released in (False, True):
                path = place.metrics(eval_id, released=released)
                metrics = read_json(path)
                if metrics is None:
                    continue
                if not is_result(metrics, train_id):
                    raise StoreError(f"{path} holds no result of this test; move it away to have it made again")
                return metrics
        return None

    def measurement(self, train_id: str, kind: str) -> dict | None:
        """A measurement of a run: made here, or published; None where there is none."""
        records = (read_record(place.measurement(kind), MEASUREMENT) for place in self.places(train_id))
        return next((record for record in records if record is not None), None)

    def publish_measurement(self, train_id: str, kind: str) -> None:
        """Copy a measurement made here to the published results."""
        source = self.run(train_id).measurement(kind)
        if self.results is not None and source.exists():
            write_atomically(RunDirectory(self.results / train_id).measurement(kind), source.read_text())

    def attention_maps(self, train_id: str, maps_id: str) -> Path | None:
        """The attention maps of a query: made here, or published; in each those of released weights come last."""
        places = self.places(train_id)
        paths = (place.attention_maps(maps_id, released=released) for place in places for released in (False, True))
        return next((path for path in paths if path.exists()), None)

    def publish_attention_maps(self, train_id: str, maps_id: str) -> None:
        """Copy the attention maps of a query made here to the published results.

        Raises:
            StoreError: when they cannot be written.
        """
        for released in (False, True):
            source = self.run(train_id).attention_maps(maps_id, released=released)
            if self.results is not None and source.exists():
                target = RunDirectory(self.results / train_id).attention_maps(maps_id, released=released)
                with replacing(target) as partial:
                    partial.write_bytes(source.read_bytes())

    def publish(self, train_id: str, eval_id: str) -> None:
        """Copy the small result files of a run made here to the published results.

        Raises:
            StoreError: when they cannot be written.
        """
        if self.results is None:
            return
        source, target = self.run(train_id), RunDirectory(self.results / train_id)
        results = [file for released in (False, True) if (file := source.metrics(eval_id, released=released)).exists()]
        for file in (source.config, source.provenance, *results):
            if results and file.exists():
                write_atomically(target.path / file.relative_to(source.path), file.read_text())

    def check_writable(self) -> None:
        """Raise before any work when runs could not be kept.

        Raises:
            StoreError: naming the place and the remedy.
        """
        write_atomically(self.root / ".writable", "")
        (self.root / ".writable").unlink(missing_ok=True)
