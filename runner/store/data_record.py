"""Record of the data of a training in its run directory. A resumed training and every test must have the same data.

Generated data is part of the id of a run. Its files may be encoded differently on other machines: reports mark that.
"""

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from data.config import DatasetConfig
from data.errors import DataError
from data.fingerprint import DataFingerprint, fingerprint_in
from data.synthetic.ensure import earlier_digest
from experiments.spec.run import RunConfig
from runner.machine.fields import TEXT
from runner.machine.files import json_object, read_record, write_atomically
from runner.machine.resources import Resources
from runner.store.acceptance import DATA, SPLIT, digest
from runner.store.jobs import Job
from runner.store.run_directory import RunDirectory
from runner.store.store import RunStore

CLASS_NAMES = "class_names"  # field of the record


def save_data_record(
    run: RunConfig, store: RunStore, data: DataFingerprint, root: Path, class_names: Sequence[str]
) -> None:
    """Write the record at the start of a training, with the data of its parents.

    Args:
        root: folder of the data set, for messages.
        class_names: names of the classes, to name the predictions of the trained model.
    """
    parents = _data_of_parents(run, store)
    record = {**data.as_json(), "root": str(root), "parents": parents, CLASS_NAMES: list(class_names)}
    write_atomically(store.run(run.train_id).data, json.dumps(record, indent=1) + "\n")


def recorded_class_names(directory: RunDirectory) -> tuple[str, ...]:
    """Names of the classes at the start of the training; empty if there is no record of them.

    Raises:
        StoreError: if the record is damaged.
    """
    return tuple((_record(directory) or {}).get(CLASS_NAMES, ()))


def _data_of_parents(run: RunConfig, store: RunStore) -> dict[str, str]:
    """Hash of the data that each parent was trained on, its own parents included; without those that have no record."""
    found = {}
    for parent in run.parents:
        directory = store.run(parent.run.train_id)
        record = _record(directory) if directory.weights.exists() else None
        if record is not None:
            stand_in = parent.run.data.dataset.stand_in
            code = earlier_digest(stand_in) if stand_in is not None else None
            fields = {"train": record.get("train"), "code": code, "parents": record.get("parents")}
            found[parent.name] = digest(fields)[:16]
    return found


def check_data_record(directory: RunDirectory, data: DataFingerprint, dataset: DatasetConfig) -> None:
    """Refuse real data other than those of the training. Trainings of earlier versions have no record.

    Raises:
        DataError: with the difference, the record and the remedy.
        StoreError: if the record is damaged.
    """
    record = _record(directory)
    earlier = DataFingerprint.read(record)
    if record is None or earlier is None or dataset.stand_in is not None:
        return
    if (changes := data.changes(earlier, dataset.unit)) is not None:
        raise _changed(dataset, changes, f"those at the start of its training ({record['root']}, see {directory.data})")


def _record(directory: RunDirectory) -> dict | None:
    """Record of the data of a training; None if there is none.

    Raises:
        StoreError: if it is damaged.
    """
    return read_record(directory.data, {**DATA, "test": SPLIT, "root": TEXT, f"{CLASS_NAMES}?": [TEXT]})


def data_of_result(directory: RunDirectory, data: DataFingerprint, *, trained_here: bool) -> dict[str, object]:
    """Record of the data in metrics: `test` as tested, `train` as trained on, and `parents`, if these are known.

    Args:
        data: data of the test.
        trained_here: whether the weights come from a training of the run.
    """
    training = _record(directory) if trained_here else None
    known = {name: training[name] for name in ("train", "parents") if training is not None and training.get(name)}
    return {**{name: value for name, value in data.as_json().items() if name != "train"}, **known}


def check_named_data(jobs: Iterable[Job], store: RunStore, resources: Resources) -> None:
    """Refuse finished tests and trained runs of real data other than those that the user names.

    Data that nobody names are not read.

    Raises:
        DataError: with the difference, the record and the remedy.
        StoreError: if a record is damaged.
    """
    current: dict[DatasetConfig, DataFingerprint] = {}
    for job in jobs:
        dataset = job.run.data.dataset
        root = resources.named_root(dataset) if dataset.stand_in is None else None
        if root is None or not (root.exists() or dataset.name in dict(resources.data)):
            continue
        record, source = _earlier_data(job.run, job.directory(store))
        if (earlier := DataFingerprint.read(record)) is None:
            continue
        if dataset not in current:
            current[dataset] = fingerprint_in(job.run.data, root)
        changes = current[dataset].changes(earlier, dataset.unit)
        if changes is not None:
            raise _changed(dataset, changes, f"those of {source}")


def _earlier_data(run: RunConfig, directory: RunDirectory) -> tuple[object, str]:
    """Record of the data of a finished test or, without one, of the training; None if there is none. And its place.

    Released weights have no training. Another test of them may have saved the scores of this one.
    """
    for released in (False, True):
        metrics = directory.result(run, released=released)
        if metrics is not None:
            return metrics["data"], f"the finished test {directory.metrics(run.eval_id, released=released)}"
    if directory.weights.exists():
        return _record(directory), f"the training in {directory.data}"
    for path in sorted(directory.metrics("*").parent.glob("*.json")):
        with suppress(ValueError):  # it is no result
            return (json_object(path) or {}).get("data"), f"the finished test {path}"
    return None, ""


def _changed(dataset: DatasetConfig, changes: str, earlier: str) -> DataError:
    """Error for changed data.

    Args:
        earlier: the data that they differ from, and where these are recorded.
    """
    same = f"name the same data with --data {dataset.name}=PATH"
    if dataset.own_folder is not None:
        same = f"restore {dataset.own_folder}"
    return DataError(f"{dataset.name}: {changes} from {earlier}; {same}, or another directory with --runs DIR")
