"""Folder of a run: its files, its lease and its progress. Imports no PyTorch.

The metrics file is written at the end of a test, so an interrupted run has none. A killed run does not appear to be
running: its lease is free.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from filelock import Timeout

from data.leases import SECONDS, is_held, lease
from runner.machine.files import PARTIAL, read_json, unwritable, write_atomically
from runner.machine.messages import one_line
from runner.store.folders import STARTS, train_id_of

CLAIM = "claim.lease"
TRAINING_SHARE = 0.9  # assumed fraction of a run's time; the rest is its test

State = Literal["done", "running", "interrupted", "failed", "trained", "not run"]


class Failure(NamedTuple):
    """Reason of a failure in one line, and the exit code of the process that failed first."""

    reason: str
    exit_code: int


@dataclass(eq=False)
class RunFolder:
    """Files of a run."""

    path: Path

    def __post_init__(self) -> None:
        path = self.path
        self.config = path / "config.json"
        self.training = path / "training.json"
        self.data = path / "data.json"  # data at the start of the training
        self.started_from = path / "started_from.json"
        self.checkpoint = path / "checkpoints" / "last.ckpt"
        self.weights = path / "checkpoints" / "weights.safetensors"
        self.released = path / "checkpoints" / "released.safetensors"
        self.released_record = path / "released.json"
        self.tensorboard = path / "tb"
        self.starts = path / STARTS
        self.log = path / "log.txt"
        self.script = path / "job.sh"  # of SLURM
        self.failure = path / "failure.txt"
        self.progress_file = path / "progress.json"

    @property
    def train_id(self) -> str:
        return train_id_of(self.path) or self.path.name

    def request(self, eval_id: str) -> Path:
        return self.path / "requests" / f"{eval_id}.json"

    @property
    def state_without_result(self) -> State:
        if self.claimed:
            return "running"
        if self.failure.exists():
            return "failed"
        if self.checkpoint.exists():
            return "interrupted"
        return "trained" if self.weights.exists() else "not run"

    @property
    def names(self) -> str:
        """Names that the user gave the overrides which started it."""
        if not self.starts.exists():
            return ""
        from runner.store.starts import read_starts  # here: published results have none

        return ", ".join(start.name for start in read_starts(self.starts) if start.name)

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
        return is_held(self.path / CLAIM)

    @contextmanager
    def claim(self) -> Iterator[bool]:
        """Lease the run for this process. The context is False if another process executes it.

        There is a wait only for the lease of a process that ended without a word on another machine.
        """
        with ExitStack() as stack:
            try:
                self.path.mkdir(parents=True, exist_ok=True)
                stack.enter_context(lease(self.path / CLAIM, 0 if self.claimed else 2 * SECONDS))
                for left in self.path.rglob(f"{PARTIAL}*"):  # of a killed process
                    left.unlink()
            except Timeout:
                is_mine = False
            except OSError as error:
                raise unwritable(self.path, error) from None
            else:
                is_mine = True
            yield is_mine
