"""Record of the data of a training in its run directory. A resumed training and every test must have the same data.

Equal ids and labels are the same data. A training goes on with the same copy of them only; a test records its copy.

Generated data is part of the id of a run. Its files may be encoded differently on other machines: reports mark that.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import convert, to_builtins
from msgspec.structs import replace

from data.config import DataConfig, DatasetConfig
from data.errors import DataError
from data.fingerprint import DataFingerprint, fingerprint_in
from data.stand_ins.stand_in import earlier_digest
from experiments.spec.run import RunConfig
from runner.machine.files import read_record, write_record
from runner.machine.resources import Resources
from runner.store.folders import run_folders
from runner.store.records import DataRecord, read_test, seal_of
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore

if TYPE_CHECKING:
    from runner.store.jobs import Job  # a run knows no tables

UNKNOWN_COPY = "a copy of other file sizes"  # of a training that did not record what it is


def save_data_record(
    run: RunConfig, store: RunStore, data: DataFingerprint, root: Path, class_names: Sequence[str]
) -> None:
    """Write the record at the start of a training, with the data of its parents, and its folder for messages."""
    record = replace(
        record_of(data), root=str(root), parents=_data_of_parents(run, store), class_names=tuple(class_names)
    )
    write_record(store.run(run.train_id).data, record)


def record_of(data: DataFingerprint) -> DataRecord:
    """Record of data without that of parents."""
    return convert(data.as_json(), DataRecord)


def data_record(directory: RunDirectory) -> DataRecord | None:
    """Record of the data of a training; None if there is none. Trainings of earlier versions have no record."""
    return read_record(directory.data, DataRecord)


def data_of_result(directory: RunDirectory, data: DataFingerprint, *, trained_here: bool) -> DataRecord:
    """Record of the data of a result: `test` as tested; what the training of the run had, if it was trained here."""
    training = data_record(directory) if trained_here else None
    if training is None:
        return replace(record_of(data), train=None)
    is_other = training.test is not None and training.test.files != data.test.files
    other = training.copy or UNKNOWN_COPY if is_other else ""
    return replace(record_of(data), train=training.train, parents=training.parents, training_copy=other)


def _data_of_parents(run: RunConfig, store: RunStore) -> dict[str, str]:
    """Hash of the data that each parent was trained on, its own parents included; without those that have no record."""
    found = {}
    for parent in run.parents:
        directory = store.run(parent.run.train_id)
        record = data_record(directory) if directory.weights.exists() else None
        if record is not None:
            stand_in = parent.run.data.dataset.stand_in
            code = earlier_digest(stand_in) if stand_in is not None else None
            fields = {"train": to_builtins(record.train), "code": code, "parents": record.parents}
            found[parent.name] = seal_of(fields)[:16]
    return found


def check_data_record(
    directory: RunDirectory, data: DataFingerprint, root: Path, dataset: DatasetConfig, *, goes_on: bool
) -> None:
    """Refuse real data, now in `root`, other than those of the training and, if it goes on, another copy of them."""
    record = data_record(directory)
    if record is None or record.splits is None or dataset.stand_in is not None:
        return
    if (changes := data.changes(record.splits, dataset.unit, in_files=goes_on)) is not None:
        earlier = f"those at the start of its training (then in {record.root}, see {directory.data})"
        raise _changed(dataset, f"in {root}, {changes}", earlier)


def check_named_data(jobs: "Iterable[Job]", store: RunStore, resources: Resources) -> None:
    """Refuse finished tests and trained runs of real data other than those that the user names. A copy is no other.

    Data that nobody names are not read.
    """
    current: dict[DatasetConfig, DataFingerprint] = {}
    for job in jobs:
        dataset = job.run.data.dataset
        root = resources.named_root(dataset) if dataset.stand_in is None else None
        if root is None or not (root.exists() or dataset.name in dict(resources.data)):
            continue
        record, source = _earlier_data(job.run, job.directory(store))
        if record is None or record.splits is None:
            continue
        if dataset not in current:
            current[dataset] = fingerprint_in(job.run.data, root)
        if (changes := current[dataset].changes(record.splits, dataset.unit, in_files=False)) is not None:
            place = f" (then in {record.root})" if record.root else ""
            raise _changed(dataset, f"in {root}, {changes}", f"those of {source}{place}")


def renamed_text(data: DataConfig, store: RunStore) -> str:
    """Sentence on a training of the same videos in a folder of another name, which is part of ids; empty if none."""
    folder = data.dataset.own_folder
    assert folder is not None
    found = fingerprint_in(data, folder)
    for of_run in run_folders(store.root).values():
        record = read_record(RunDirectory(of_run).data, DataRecord)
        if record is None or record.fingerprint != found.annotations or record.name == found.name or not record.root:
            continue
        if not (before := Path(record.root)).exists():
            return (
                f"{folder}: these are the videos of {before}, on which {of_run.name} was trained. The name of the "
                f"folder is part of ids, so this is another run; call it {before.name} to go on with that one"
            )
    return ""


def _earlier_data(run: RunConfig, directory: RunDirectory) -> tuple[DataRecord | None, str]:
    """Record of the data of a finished test or, without one, of the training; None if there is none. And its place.

    Released weights have no training. Another test of them may have saved the scores of this one.
    """
    for view in (directory, directory.of_released):
        if (record := view.result(run)) is not None:
            return record.data, f"the finished test {view.metrics(run.eval_id)}"
    if directory.weights.exists():
        return data_record(directory), f"the training in {directory.data}"
    for path in sorted(directory.metrics("*").parent.glob("*.json")):
        with suppress(ValueError):  # it is no result
            if (record := read_test(path)) is not None:
                return record.data, f"the finished test {path}"
    return None, ""


def _changed(dataset: DatasetConfig, changes: str, earlier: str) -> DataError:
    same = f"name the same data with --data {dataset.name}=PATH"
    if dataset.own_folder is not None:
        same = f"restore {dataset.own_folder}"
    return DataError(f"{dataset.name}: {changes} from {earlier}; {same}, or another directory with --runs DIR")
