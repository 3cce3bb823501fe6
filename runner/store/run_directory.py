"""Directory of a run: its files, its lease and its progress, and the results of its tests.

The metrics file is written at the end of a test, so an interrupted run has none. A killed run does not appear to be
running: its lease is free. PyTorch is imported where results and records are read, and not before.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Self

from filelock import Timeout

from data.leases import SECONDS, is_held, lease
from runner.machine.files import PARTIAL, StoreError, read_json, read_record, unwritable, write_atomically
from runner.machine.messages import one_line
from runner.store.folders import STARTS, train_id_of

if TYPE_CHECKING:
    from experiments.spec.run import RunConfig
    from runner.store.records import ImportedWeights, TestRecord

CLAIM = "claim.lease"
RELEASED_SUFFIX = ".released"  # of file names: results of released weights
BY = ".by-"  # in file names: before the name of those who made a published test or measurement again
TRAINING_SHARE = 0.9  # assumed fraction of a run's time; the rest is its test

State = Literal["done", "running", "interrupted", "failed", "trained", "not run"]


class Failure(NamedTuple):
    """Reason of a failure in one line, and the exit code of the process that failed first."""

    reason: str
    exit_code: int


@dataclass(eq=False)
class RunDirectory:
    """Files of a run, and its results."""

    path: Path
    _: KW_ONLY
    is_released: bool = False
    """The files of tests are those of imported released weights instead of the run's own."""
    is_published: bool = False
    by: str = ""
    """Name of those who made a test or measurement again, in the names of its files; empty for the first one."""
    compare_scores: bool = False
    """Results are compared with their saved scores before they are taken."""

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

    def in_job(self, eval_id: str) -> bool:
        """Whether the last job of SLURM for this run contains a test, as its script says."""
        return self.script.exists() and self.request(eval_id).name in self.script.read_text()

    @property
    def suffix(self) -> str:
        return (RELEASED_SUFFIX if self.is_released else "") + (BY + self.by if self.by else "")

    @property
    def of_released(self) -> Self:
        """The same directory, for tests of released weights."""
        return replace(self, is_released=True)

    def made_again(self, file: Path) -> dict[str, Self]:
        """The same directory for each test or measurement that others made again, by name. `file`: of the first one."""
        start = f"{file.stem}{BY}"
        names = sorted(path.stem.removeprefix(start) for path in file.parent.glob(f"{start}*.json"))
        return {name: replace(self, by=name) for name in names}

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

    def released_weights(self) -> "ImportedWeights | None":
        from runner.store.records import ImportedWeights

        return read_record(self.released_record, ImportedWeights) if self.released.exists() else None

    def result(self, run: "RunConfig") -> "TestRecord | None":
        """Result of the run's test; None if no file with it is accepted."""
        from runner.store.acceptance import accepted_test

        path, compare_scores = self.metrics(run.eval_id), self.compare_scores
        return accepted_test(path, run, self.scores, released=self.is_released, compare_scores=compare_scores)

    def tested(self, run: "RunConfig", eval_only: bool) -> bool:
        """With `eval_only`, a test of released weights counts if the run has no weights of its own."""
        if self.result(run) is not None:
            return True
        return eval_only and not self.weights.exists() and self.of_released.result(run) is not None

    def state(self, run: "RunConfig") -> State:
        """State of the run and its test. "trained": the test is left, or was stopped."""
        return "done" if self.result(run) is not None else self.state_without_result

    @property
    def state_without_result(self) -> State:
        if self.claimed:
            return "running"
        if self.failure.exists():
            return "failed"
        if self.checkpoint.exists():
            return "interrupted"
        return "trained" if self.weights.exists() else "not run"

    def save_config(self, description: dict[str, object]) -> None:
        """Write the run's config. An existing file must have the same content."""
        from runner.store.acceptance import first_difference

        stored = read_json(self.config)
        if stored is None:
            write_atomically(self.config, json.dumps(description, indent=1) + "\n")
        elif (difference := first_difference(stored, description)) is not None:
            raise StoreError(
                f"{self.config} is the config of another run: it differs at {difference}; restore it, or move "
                f"{self.path} away"
            )

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
