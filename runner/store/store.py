"""Store of all runs on disk, and of the published results in the repository."""

import json
from pathlib import Path
from typing import NamedTuple

from experiments.spec.run import RunConfig
from runner.machine.files import json_object, replacing, write_atomically
from runner.store.acceptance import accepted_measurement
from runner.store.records import SEAL, TestRecord, check_seal, seal_of, sealed
from runner.store.run_directory import BY, RunDirectory

PUBLISHED = "published"  # name of the first published test or measurement beside one that was made here


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
        found = self._beside(shown.directory, shown.file)
        tests = {name: StoredTest(record, one) for name, one in found.items() if (record := one.result(run))}
        return {name: test for name, test in tests.items() if not is_same(test.file, shown.file)}

    def other_measurements(self, shown: StoredMeasurement) -> dict[str, StoredMeasurement]:
        """Published measurements of a run beside the shown one, by the names of those who made them."""
        found, kind = self._beside(shown.directory, shown.file), shown.file.stem
        files = {name: (one, one.measurement(kind)) for name, one in found.items()}
        return {
            name: StoredMeasurement(record, one, file)
            for name, (one, file) in files.items()
            if (record := accepted_measurement(file, one.path.name)) and not is_same(file, shown.file)
        }

    def _beside(self, shown: RunDirectory, file: Path) -> dict[str, RunDirectory]:
        """Directories of published tests or measurements beside a shown one, by the names of those who made them."""
        if self.results is None or shown.is_published:
            return shown.made_again(file)
        first = self.published(shown)
        return {PUBLISHED: first} | first.made_again(first.path / file.relative_to(shown.path))

    def place_of_copy(self, directory: RunDirectory, file: Path, by: str = "") -> Path:
        """Published file for a test or measurement made here. Another one than the published stands beside it.

        Args:
            by: name of those who made it; by default the start of its digest.

        Raises:
            ValueError: if a further test or measurement has this name.
        """
        first = self.published(directory).path / file.relative_to(directory.path)
        if fields_of(first) is None or is_same(first, file):
            return first
        named = first.with_name(f"{file.stem}{BY}{by or seal_of(fields_of(file) or {})[:8]}.json")
        place = next((path for path in first.parent.glob(f"{file.stem}{BY}*.json") if is_same(path, file)), named)
        if fields_of(place) is not None and not is_same(place, file):
            raise ValueError(f"--by {by}: {place} is another one; choose another name, or remove that file")
        return place

    def publish(self, directory: RunDirectory, file: Path, by: str = "") -> Path:
        """Copy a test or measurement made here, with the name of who made it and the config of its run.

        Raises:
            ValueError: as `place_of_copy`.
        """
        place, config = self.place_of_copy(directory, file, by), self.published(directory).config
        if not is_same(place, file):
            named = sealed({**(fields_of(file) or {}), "by": by})
            write_atomically(place, json.dumps(named, indent=1) + "\n" if by else file.read_text())
        if directory.config.exists():
            with replacing(config) as partial:
                partial.write_bytes(directory.config.read_bytes())
        return place

    def check_writable(self) -> None:
        """Check that runs can be written."""
        write_atomically(self.root / ".writable", "")
        (self.root / ".writable").unlink(missing_ok=True)


def is_same(path: Path, other: Path) -> bool:
    """Whether two files hold the same test or measurement, whoever published it."""
    return (fields := fields_of(path)) is not None and fields == fields_of(other)


def fields_of(path: Path) -> dict | None:
    """Fields of a test or measurement but for those that publication adds; None if it was cut short or edited."""
    try:
        fields = json_object(path)
        if fields is not None:
            check_seal(fields)
    except ValueError:
        return None
    return None if fields is None else {name: value for name, value in fields.items() if name not in ("by", SEAL)}
