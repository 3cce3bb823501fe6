"""Published results: those of others beside the one that is shown, and the publication of those made here.

The first published test or measurement of a run has the name of its file in the store. Others bear a name in theirs.
"""

import json
from pathlib import Path

from experiments.spec.run import RunConfig
from runner.machine.files import json_object, replacing, write_atomically
from runner.store.acceptance import accepted_measurement
from runner.store.records import SEAL, check_seal, seal_of, sealed
from runner.store.run_directory import BY, RunDirectory
from runner.store.store import RunStore, StoredMeasurement, StoredTest

PUBLISHED = "published"  # name of the first published test or measurement beside one that was made here


def other_tests(run: RunConfig, shown: StoredTest, store: RunStore) -> dict[str, StoredTest]:
    """Published tests of a run beside the shown one, by the names of those who made them."""
    found = beside(shown.directory, shown.file, store)
    tests = {name: StoredTest(record, one) for name, one in found.items() if (record := one.result(run))}
    return {name: test for name, test in tests.items() if not is_same(test.file, shown.file)}


def other_measurements(shown: StoredMeasurement, store: RunStore) -> dict[str, StoredMeasurement]:
    """Published measurements of a run beside the shown one, by the names of those who made them."""
    found, kind = beside(shown.directory, shown.file, store), shown.file.stem
    files = {name: (one, one.measurement(kind)) for name, one in found.items()}
    return {
        name: StoredMeasurement(record, one, file)
        for name, (one, file) in files.items()
        if (record := accepted_measurement(file, one.path.name)) and not is_same(file, shown.file)
    }


def beside(shown: RunDirectory, file: Path, store: RunStore) -> dict[str, RunDirectory]:
    """Directories of published tests or measurements beside a shown one, by the names of those who made them."""
    if store.results is None or shown.is_published:
        return shown.made_again(file)
    first = store.published(shown)
    return {PUBLISHED: first} | first.made_again(first.path / file.relative_to(shown.path))


def publish_file(directory: RunDirectory, file: Path, store: RunStore, by: str = "") -> Path:
    """Copy a test or measurement made here, with the name of who made it and the config of its run.

    Raises:
        ValueError: as `place_of_copy`.
    """
    place, config = place_of_copy(directory, file, store, by), store.published(directory).config
    if not is_same(place, file):
        named = sealed({**(fields_of(file) or {}), "by": by})
        write_atomically(place, json.dumps(named, indent=1) + "\n" if by else file.read_text())
    if directory.config.exists():
        with replacing(config) as partial:
            partial.write_bytes(directory.config.read_bytes())
    return place


def place_of_copy(directory: RunDirectory, file: Path, store: RunStore, by: str = "") -> Path:
    """Published file for a test or measurement made here. Another one than the published stands beside it.

    Args:
        by: name of those who made it; by default the start of its digest.

    Raises:
        ValueError: if a further test or measurement has this name.
    """
    first = store.published(directory).path / file.relative_to(directory.path)
    if fields_of(first) is None or is_same(first, file):
        return first
    named = first.with_name(f"{file.stem}{BY}{by or seal_of(fields_of(file) or {})[:8]}.json")
    place = next((path for path in first.parent.glob(f"{file.stem}{BY}*.json") if is_same(path, file)), named)
    if fields_of(place) is not None and not is_same(place, file):
        raise ValueError(f"--by {by}: {place} is another one; choose another name, or remove that file")
    return place


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
