"""Store of all runs on disk, and of the published results in the repository."""

from pathlib import Path
from typing import NamedTuple

from data.leases import lease
from experiments.spec.run import RunConfig
from runner.machine.files import unwritable, write_atomically
from runner.store.acceptance import accepted_measurement
from runner.store.folders import run_folders, train_id_of
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
        compare_scores: of the directories of results made here.
    """

    def __init__(self, root: Path, results: Path | None = None, *, compare_scores: bool = False) -> None:
        self.root = root
        self.results = results
        self.compare_scores = compare_scores
        self._folders: dict[str, Path] = {}  # by the ids of runs, as listed last
        self._listed_at = 0

    def run(self, train_id: str) -> RunDirectory:
        """Directory of a run or, if it has none, the one that it gets without a name."""
        if train_id not in self._folders:
            changed_at = self.root.stat().st_mtime_ns if self.root.exists() else 0
            if changed_at != self._listed_at:
                self._folders, self._listed_at = run_folders(self.root) | self._folders, changed_at
        return RunDirectory(self._folders.get(train_id, self.root / train_id), compare_scores=self.compare_scores)

    def add(self, folder: Path) -> None:
        """Take a folder that a listing may not show yet, as on another node of a network file system."""
        self._folders[train_id_of(folder) or folder.name] = folder

    def folder_for(self, train_id: str, cell: str) -> Path:
        """Folder of a run or, if it is new, the one that it gets, named after a cell."""
        name = f"{cell.replace('/', '.').replace(':', '.')}-" if cell else ""
        return run_folders(self.root).get(train_id, self.root / f"{name}{train_id}")

    def make(self, train_id: str, cell: str) -> RunDirectory:
        """Directory of a run, which is made if it is new, and named after a cell. Two processes get the same."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with lease(self.root / ".new_run.lease"):
                folder = self.folder_for(train_id, cell)
                folder.mkdir(exist_ok=True)
        except OSError as error:
            raise unwritable(self.root, error) from None
        self.add(folder)
        return self.run(train_id)

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
