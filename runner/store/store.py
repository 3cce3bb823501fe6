"""Store of all runs on disk, and of the published results in the repository."""

from pathlib import Path
from typing import NamedTuple

from experiments.spec.run import RunConfig
from runner.machine.files import write_atomically
from runner.store.acceptance import accepted_measurement
from runner.store.folders import RunFolders
from runner.store.records import TestRecord
from runner.store.run_directory import RunDirectory


class StoredTest(NamedTuple):
    """Result of a test, and the directory that it lies in."""

    record: TestRecord
    directory: RunDirectory

    @property
    def file(self) -> Path:
        return self.directory.metrics(self.record.eval_id)

    @property
    def commit(self) -> str:
        return self.record.commits


class StoredMeasurement(NamedTuple):
    """Measurement of a run, and the directory and the file that it lies in."""

    record: dict
    directory: RunDirectory
    file: Path

    @property
    def commit(self) -> str:
        return str(self.record["commit"])


class RunStore:
    """All runs under a root directory, and published results.

    Args:
        results: directory of published results, which are read if the root has none. No run writes to it.
        compare_scores: whether results made here are compared with their saved scores before they are taken.
    """

    def __init__(self, root: Path, results: Path | None = None, *, compare_scores: bool = False) -> None:
        self.root = root
        self.results = results
        self.compare_scores = compare_scores
        self.folders = RunFolders(root)

    def run(self, train_id: str) -> RunDirectory:
        return RunDirectory(self.folders.of(train_id), compare_scores=self.compare_scores)

    def directories(self, train_id: str) -> list[RunDirectory]:
        """Directories of a run's results in order of precedence: made here, then published; released weights last."""
        own = [self.run(train_id)]
        if self.results is not None:
            own.append(RunDirectory(self.results / train_id, is_published=True))
        return [view for directory in own for view in (directory, directory.of_released)]

    def shown(self, run: RunConfig) -> list[RunDirectory]:
        """Directories whose results may be shown for a run: published ones stand until its new test is done."""
        state, found = self.run(run.train_id).state(run), self.directories(run.train_id)
        if state == "done":
            return [directory for directory in found if not directory.is_published]
        if state in ("running", "interrupted"):
            return [directory for directory in found if directory.is_published]
        return found

    def decoded_files(self, dataset: str) -> tuple[Path, Path]:
        """List of decoded items of a data set, and that of earlier versions, which has the bad ones alone."""
        return self.root / "decoded" / f"{dataset}.txt", self.root / "bad_files" / f"{dataset}.txt"

    def test(self, run: RunConfig, directories: list[RunDirectory] | None = None) -> StoredTest | None:
        """Finished test of a run: the first in the directories, or in all of them. Refused files are left out."""
        for directory in self.directories(run.train_id) if directories is None else directories:
            if (record := directory.result(run)) is not None:
                return StoredTest(record, directory)
        return None

    def measurement(self, train_id: str, kind: str) -> StoredMeasurement | None:
        """Measurement of a run: made here, or published; None if there is none."""
        for directory in self.directories(train_id):
            file = directory.measurement(kind)
            if not directory.is_released and (record := accepted_measurement(file, train_id)) is not None:
                return StoredMeasurement(record, directory, file)
        return None

    def published(self, directory: RunDirectory) -> RunDirectory:
        """Directory in the published results for those in a directory."""
        assert self.results is not None
        return RunDirectory(self.results / directory.train_id, is_released=directory.is_released, is_published=True)

    def check_writable(self) -> None:
        write_atomically(self.root / ".writable", "")
        (self.root / ".writable").unlink(missing_ok=True)
