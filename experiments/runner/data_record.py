"""Record of the data of a training in its run directory. A resumed training and every test must have the same data."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from data.config import DatasetConfig
from data.errors import DataError
from data.fingerprint import DataFingerprint, code_changes, fingerprint_in
from experiments.runner.fields import TEXT
from experiments.runner.files import read_json, read_record, write_atomically
from experiments.runner.jobs import Job
from experiments.runner.resources import Resources
from experiments.runner.run_directory import RunDirectory
from experiments.runner.store import RunStore
from experiments.spec.run import RunConfig


def save_data_record(run: RunConfig, store: RunStore, data: DataFingerprint, root: Path) -> None:
    """Write the record at the start of a training, with the data of its parents.

    Args:
        root: folder of the data set, for messages.
    """
    record = {**data.as_json(), "root": str(root), "parents": _data_of_parents(run, store)}
    write_atomically(store.run(run.train_id).data, json.dumps(record, indent=1) + "\n")


def _data_of_parents(run: RunConfig, store: RunStore) -> dict[str, str]:
    """Hash of the data that each parent was trained on, its own parents included; without those that have no record."""
    found = {}
    for parent in run.parents:
        directory = store.run(parent.run.train_id)
        record = read_json(directory.data) if directory.weights.exists() else None
        if record is not None:
            fields = {name: record.get(name) for name in ("train", "code", "parents")}
            found[parent.name] = hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]
    return found


def check_data_record(directory: RunDirectory, data: DataFingerprint, dataset: DatasetConfig) -> None:
    """Refuse data other than those of the training. Trainings of earlier versions have no record.

    Raises:
        DataError: with the difference, the record and the remedy.
        StoreError: if the record is damaged.
    """
    record = read_record(directory.data, {"test": {}, "root": TEXT})
    earlier = None if record is None else DataFingerprint.read(record)
    changes = None if earlier is None else data.changes(earlier, dataset.unit)
    if record is not None and changes is not None:
        raise _changed(dataset, changes, f"those at the start of its training ({record['root']}, see {directory.data})")


def data_of_result(directory: RunDirectory, data: DataFingerprint, *, trained_here: bool) -> dict[str, object]:
    """Record of the data in metrics: `test` as tested, `train` as trained on, and `parents`, if these are known.

    Args:
        data: data of the test.
        trained_here: whether the weights come from a training of the run.
    """
    training = read_json(directory.data) if trained_here else None
    known = {name: training[name] for name in ("train", "parents") if training is not None and training.get(name)}
    return {**{name: value for name, value in data.as_json().items() if name != "train"}, **known}


def check_named_data(jobs: Iterable[Job], store: RunStore, resources: Resources) -> None:
    """Refuse finished tests and trained runs of data other than those that the user names.

    Data that nobody names are not read.

    Raises:
        DataError: with the difference, the record and the remedy.
        StoreError: if a record is damaged.
    """
    current: dict[DatasetConfig, DataFingerprint] = {}
    for job in jobs:
        dataset, directory = job.run.data.dataset, job.directory(store)
        paths = [directory.metrics(job.run.eval_id, released=released) for released in (False, True)]
        finished = next((path for path in paths if path.exists()), None)
        if finished is not None:
            record, source = (read_json(finished) or {}).get("data"), f"the finished test {finished}"
        else:
            record, source = read_json(directory.data), f"the training in {directory.data}"
        earlier = DataFingerprint.read(record) if finished is not None or directory.weights.exists() else None
        root = resources.named_root(dataset)
        if earlier is None:
            continue
        if dataset.stand_in is not None:
            changes = code_changes(earlier.code, dataset.stand_in.code)
        elif root is not None and (root.exists() or dataset.name in dict(resources.data)):
            if dataset not in current:
                current[dataset] = fingerprint_in(job.run.data, root)
            changes = current[dataset].changes(earlier, dataset.unit)
        else:
            continue
        if changes is not None:
            raise _changed(dataset, changes, f"those of {source}")


def _changed(dataset: DatasetConfig, changes: str, earlier: str) -> DataError:
    """Error for changed data.

    Args:
        earlier: the data that they differ from, and where these are recorded.
    """
    same = f"name the same data with --data {dataset.name}=PATH" if dataset.stand_in is None else "use the same code"
    return DataError(f"{dataset.name}: {changes} from {earlier}; {same}, or another directory with --runs DIR")
