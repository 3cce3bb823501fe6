"""Directory of a run: config, records, checkpoints, scores, log and lock.

The metrics file is written at the end of a test, so an interrupted run has none. The operating system releases the lock
at the end of the process, so a killed run does not appear to be running.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, NamedTuple

from filelock import FileLock, Timeout

from experiments.spec.run import RunConfig
from runner.machine.files import PARTIAL, StoreError, read_json, read_record, unwritable, write_atomically
from runner.machine.messages import one_line
from runner.store.acceptance import accepted_test, first_difference
from runner.store.folders import train_id_of
from runner.store.records import ImportedWeights, TestRecord

RELEASED_SUFFIX = ".released"  # of file names: results of released weights
BY = ".by-"  # in file names: before the name of those who made a published test or measurement again
TRAINING_SHARE = 0.9  # assumed fraction of a run's time; the rest is its test

State = Literal["done", "running", "interrupted", "failed", "trained", "not run"]


class Failure(NamedTuple):
    """Reason of a failure in one line, and the exit code of the process that failed first."""

    reason: str
    exit_code: int


class RunDirectory:
    """Files of a run.

    Args:
        is_released: whether the files of tests are those of imported released weights instead of the run's own.
        by: name of those who made a test or measurement again, in the names of its files; empty for the first
            published one.
        compare_scores: whether results are compared with their saved scores before they are taken.
    """

    def __init__(
        self,
        path: Path,
        *,
        is_released: bool = False,
        is_published: bool = False,
        by: str = "",
        compare_scores: bool = False,
    ) -> None:
        self.path = path
        self.is_released, self.is_published, self.compare_scores = is_released, is_published, compare_scores
        self.suffix = (RELEASED_SUFFIX if is_released else "") + (BY + by if by else "")
        self.config = path / "config.json"
        self.training = path / "training.json"
        self.data = path / "data.json"  # data at the start of the training
        self.started_from = path / "started_from.json"
        self.checkpoint = path / "checkpoints" / "last.ckpt"
        self.weights = path / "checkpoints" / "weights.safetensors"
        self.released = path / "checkpoints" / "released.safetensors"
        self.released_record = path / "released.json"
        self.tensorboard = path / "tb"
        self.log = path / "log.txt"
        self.failure = path / "failure.txt"
        self.progress_file = path / "progress.json"

    @property
    def train_id(self) -> str:
        return train_id_of(self.path) or self.path.name

    def request(self, eval_id: str) -> Path:
        return self.path / "requests" / f"{eval_id}.json"

    @property
    def of_released(self) -> "RunDirectory":
        """The same directory, for tests of released weights."""
        return RunDirectory(
            self.path, is_released=True, is_published=self.is_published, compare_scores=self.compare_scores
        )

    def made_again(self, file: Path) -> "dict[str, RunDirectory]":
        """The same directory for each test or measurement that others made again, by the names in its files.

        Args:
            file: file of the first one.
        """
        start = f"{file.stem}{BY}"
        names = sorted(path.stem.removeprefix(start) for path in file.parent.glob(f"{start}*.json"))
        return {
            name: RunDirectory(self.path, is_released=self.is_released, is_published=self.is_published, by=name)
            for name in names
        }

    @property
    def kept_weights(self) -> Path:
        """Weights that an unfinished training keeps: those of its best validation, or of its end."""
        return self._existing("checkpoints/best.safetensors") or self.path / "checkpoints" / "kept.safetensors"

    def metrics(self, eval_id: str) -> Path:
        """File of the result under a test protocol."""
        return self.path / "metrics" / f"{eval_id}{self.suffix}.json"

    def scores(self, eval_id: str) -> Path:
        """File of the scores per item and view under a test protocol."""
        name = f"{eval_id}{self.suffix}.npz"
        return self._existing(f"predictions/{name}") or self.path / "scores" / name

    def saved_scores(self) -> list[Path]:
        """Files of the scores of all tests."""
        return sorted(path for folder in ("scores", "predictions") for path in (self.path / folder).glob("*.npz"))

    def predictions(self, eval_id: str) -> Path:
        """Folder of the predictions that data store as files."""
        name = f"{eval_id}{self.suffix}"
        return self._existing(f"results/{name}") or self.path / "predictions" / name

    def _existing(self, name: str) -> Path | None:
        """File or folder with the name that earlier versions gave it, if it exists."""
        path = self.path / name
        return path if path.exists() else None

    def pictures(self, folder: str, name: str) -> Path:
        """File of kept pictures. The name is the id of a test protocol, of a query or of a sequence."""
        return self.path / folder / f"{name}{self.suffix}.npz"

    def measurement(self, kind: str) -> Path:
        return self.path / "measured" / f"{kind}{self.suffix}.json"

    def released_weights(self) -> ImportedWeights | None:
        return read_record(self.released_record, ImportedWeights) if self.released.exists() else None

    def result(self, run: RunConfig) -> TestRecord | None:
        """Result of the run's test; None if no file with it is accepted."""
        path, compare_scores = self.metrics(run.eval_id), self.compare_scores
        return accepted_test(path, run, self.scores, released=self.is_released, compare_scores=compare_scores)

    def tested(self, run: RunConfig, eval_only: bool) -> bool:
        """With `eval_only`, a test of released weights counts if the run has no weights of its own."""
        if self.result(run) is not None:
            return True
        return eval_only and not self.weights.exists() and self.of_released.result(run) is not None

    def state(self, run: RunConfig) -> State:
        """State of the run and its test. "trained": the test is left, or was stopped."""
        if self.result(run) is not None:
            return "done"
        if self.claimed:
            return "running"
        if self.failure.exists():
            return "failed"
        if self.checkpoint.exists():
            return "interrupted"
        return "trained" if self.weights.exists() else "not run"

    def save_failure(self, failure: Failure) -> None:
        write_atomically(self.failure, f"{failure.reason}\nexit code {failure.exit_code}\n")

    def read_failure(self) -> Failure | None:
        """Failure of the run; None if there is none. Files of earlier versions have no exit code."""
        try:
            text = self.failure.read_text()
        except FileNotFoundError:
            return None
        reason, line, code = text.rpartition("\nexit code ")
        return Failure(one_line(reason), int(code)) if line else Failure(one_line(text), 1)

    def progress(self) -> dict:
        """Last progress that the running process has written; empty if there is none."""
        return read_json(self.progress_file) or {}

    def fraction_done(self) -> float | None:
        """Finished fraction of the run, between 0 and 1; None if it is unknown."""
        match self.progress():
            case {"stage": "train", "done": done}:
                return TRAINING_SHARE * done
            case {"done": done}:
                return TRAINING_SHARE + (1 - TRAINING_SHARE) * done
        return None

    def fraction_trained(self) -> float:
        """Finished fraction of a training that goes on from its checkpoint, by its progress; 0 if it is unknown."""
        training = self.progress().get("stage") == "train" and self.checkpoint.exists()
        return (self.fraction_done() or 0.0) / TRAINING_SHARE if training else 0.0

    @property
    def started(self) -> bool:
        """A measurement and imported weights need no start."""
        traces = (self.log, self.failure, self.checkpoint, self.weights, self.path / "metrics")
        return any(path.exists() for path in traces)

    @property
    def claimed(self) -> bool:
        """Whether a process executes the run."""
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
        """Lock the run for this process. The context is False if another process has locked it; there is no wait."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / "claim.lock", timeout=0)
            try:
                lock.acquire()
            except Timeout:
                yield False
                return
            for left in self.path.rglob(f"{PARTIAL}*"):  # of a killed process
                left.unlink()
        except OSError as error:
            raise unwritable(self.path, error) from None
        try:
            yield True
        finally:
            lock.release()

    def save_config(self, description: dict[str, object]) -> None:
        """Write the run's config. An existing file must have the same content."""
        stored = read_json(self.config)
        if stored is None:
            write_atomically(self.config, json.dumps(description, indent=1) + "\n")
        elif (difference := first_difference(stored, description)) is not None:
            raise StoreError(
                f"{self.config} is the config of another run: it differs at {difference}; restore it, or move "
                f"{self.path} away"
            )
