"""Directory of a run: what its folder holds, and the results of its tests."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from experiments.spec.run import RunConfig
from runner.machine.files import StoreError, read_json, read_record, write_atomically
from runner.store.acceptance import accepted_test, first_difference
from runner.store.records import ImportedWeights, TestRecord
from runner.store.run_folder import RunFolder, State

RELEASED_SUFFIX = ".released"  # of file names: results of released weights
BY = ".by-"  # in file names: before the name of those who made a published test or measurement again


@dataclass(eq=False, kw_only=True)
class RunDirectory(RunFolder):
    """Folder of a run with its results."""

    is_released: bool = False
    """The files of tests are those of imported released weights instead of the run's own."""
    is_published: bool = False
    by: str = ""
    """Name of those who made a test or measurement again, in the names of its files; empty for the first one."""
    compare_scores: bool = False
    """Results are compared with their saved scores before they are taken."""

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
        return "done" if self.result(run) is not None else self.state_without_result

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
