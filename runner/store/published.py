"""Published results of others beside the one that is shown, and the items of published tests.

The first published test or measurement of a run has the name of its file in the store. Others bear a name in theirs.
"""

from pathlib import Path

import numpy as np

from experiments.spec.run import RunConfig
from runner.store.acceptance import accepted_measurement
from runner.store.records import SEAL, digest_of, read_sealed
from runner.store.run_directory import RunDirectory
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
        if (record := accepted_measurement(file, one.train_id)) and not is_same(file, shown.file)
    }


def beside(shown: RunDirectory, file: Path, store: RunStore) -> dict[str, RunDirectory]:
    """Directories of published tests or measurements beside a shown one, by the names of those who made them."""
    if store.results is None or shown.is_published:
        return shown.made_again(file)
    first = store.published(shown)
    return {PUBLISHED: first} | first.made_again(first.path / file.relative_to(shown.path))


def items_file(test: StoredTest) -> Path:
    """List of the ids of the items of a published test, one a line. Tests of the same items share it."""
    assert test.record.hits is not None
    return test.directory.path.parent / "items" / f"{test.record.hits.ids}.txt"


def item_ids(test: StoredTest) -> tuple[str, ...]:
    """Ids of the items of a test, in the order of its hits: from their published list, or from its saved scores.

    Empty if they are not known.
    """
    if (hits := test.record.hits) is None:
        return ()
    if items_file(test).exists():
        ids = tuple(items_file(test).read_text().splitlines())
    else:
        ids = saved_ids(test.directory.scores(test.record.rescored_from or test.record.eval_id))
    return ids if digest_of(ids) == hits.ids else ()


def saved_ids(path: Path) -> tuple[str, ...]:
    """Ids of the items in a file of scores, in the order of the test; none without a file that can be read."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return tuple(arrays["ids"].tolist())
    except Exception:  # damaged archives raise errors of many types
        return ()


def is_same(path: Path, other: Path) -> bool:
    """Whether two files hold the same test or measurement, whoever published it."""
    return (fields := fields_of(path)) is not None and fields == fields_of(other)


def fields_of(path: Path) -> dict | None:
    """Fields of a test or measurement but for those that publication adds; None if it was cut short or edited."""
    try:
        fields = read_sealed(path)
    except ValueError:
        return None
    return None if fields is None else {name: value for name, value in fields.items() if name not in ("by", SEAL)}
