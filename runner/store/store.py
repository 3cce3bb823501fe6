"""Store of all runs on disk, and of the published results in the repository."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from experiments.spec.run import RunConfig
from runner.machine.files import json_object, replacing, write_atomically
from runner.store.acceptance import accepted_measurement
from runner.store.records import TestRecord, check_seal
from runner.store.run_directory import BY, RunDirectory

PUBLISHED = "published"  # name of the first published test beside one that was made here


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
        results: directory of published results, which are read if the root has none. Only `publish` writes to it.
        compare_scores: whether results made here are compared with their saved scores before they are taken.
    """

    def __init__(self, root: Path, results: Path | None = None, *, compare_scores: bool = False) -> None:
        self.root = root
        self.results = results
        self.compare_scores = compare_scores

    def run(self, train_id: str) -> RunDirectory:
        return RunDirectory(self.root / train_id, compare_scores=self.compare_scores)

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
        return RunDirectory(self.results / directory.path.name, is_released=directory.is_released, is_published=True)

    def others(self, run: RunConfig, shown: StoredTest) -> dict[str, StoredTest]:
        """Published tests of a run beside the shown one, by the names of those who made them."""
        own, is_here = shown.directory, self.results is None or shown.directory.is_published
        first = own if is_here else self.published(own)
        found = {} if is_here else {PUBLISHED: first}
        tests = {name: (one.result(run), one) for name, one in (found | first.tests_of_others(run.eval_id)).items()}
        return {name: StoredTest(test, one) for name, (test, one) in tests.items() if test not in (None, shown.record)}

    def publish(self, directory: RunDirectory, file: Path, by: str = "") -> Path:
        """Copy a file of a run made here, with its config, to the published results. Returns the copy.

        Another test than the published one stands beside it.

        Args:
            by: name of those who made such a test; by default the start of the digest of its file.

        Raises:
            ValueError: if a further test has this name.
        """
        folder, content = self.published(directory).path, file.read_bytes()
        target = folder / file.relative_to(directory.path)
        if file.parent.name == "metrics" and _is_other(target, content):
            name = by or hashlib.sha256(content).hexdigest()[:8]
            beside = target.parent.glob(f"{file.stem}{BY}*.json")
            named = target.with_name(f"{file.stem}{BY}{name}.json")
            target = next((path for path in beside if path.read_bytes() == content), named)
            if _is_other(target, content):
                raise ValueError(f"--by {name}: {target} is another test; choose another name, or remove that file")
        copies = {target: content}
        if directory.config.exists():
            copies[folder / directory.config.name] = directory.config.read_bytes()
        for path, copied in copies.items():
            with replacing(path) as partial:
                partial.write_bytes(copied)
        return target

    def check_writable(self) -> None:
        """Check that runs can be written."""
        write_atomically(self.root / ".writable", "")
        (self.root / ".writable").unlink(missing_ok=True)


def _is_other(path: Path, content: bytes) -> bool:
    """Whether a file holds another test, and not one that was cut short or edited."""
    try:
        fields = json_object(path)
        if fields is not None:
            check_seal(fields)
    except ValueError:
        return False
    return fields is not None and path.read_bytes() != content
