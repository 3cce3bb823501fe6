"""Result files of a test: scores per item and view, and metrics with their provenance."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
from lightning import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from data.config import DataConfig
from data.datamodule import DataModule
from data.errors import DataError
from data.fingerprint import DataFingerprint
from experiments.spec.class_f1 import CATEGORIES, COUNTS
from experiments.spec.ids import canonical
from experiments.spec.run import RunConfig
from lightning_modules.module import TaskModule
from lightning_modules.scores import Scores
from runner.machine.fields import COUNT, NUMBER, TEXT
from runner.machine.files import read_record, replacing, write_atomically
from runner.store.acceptance import BATCH_SPLITS, SESSION, SPLITS, sealed
from runner.store.class_counts import named_categories, named_counts
from runner.store.data_record import data_of_result
from runner.store.item_hits import packed
from runner.store.provenance import PARENTS, TRAINING, UNKNOWN
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SHA256, SavedScores, file_sha256, read_scores
from runner.store.store import RunStore
from runner.weights.weights import WEIGHTS_DIGEST, ReleasedStart

SESSIONS = "sessions"  # field of the record of a training: provenance of its processes
STARTED_FROM = [{"part": TEXT, "file": TEXT, "sha256": TEXT}]
TRAINING_FIELDS = {
    "device_hours": NUMBER, "replaced_in_training": COUNT, "started_from?": STARTED_FROM, f"{WEIGHTS_DIGEST}?": TEXT,
    f"{BATCH_SPLITS}?": SPLITS, f"{SESSIONS}?": [SESSION], **{f"{name}?": kind for name, kind in SESSION.items()},
}  # fmt: skip
# Fields that a re-scored test copies from the test whose scores it uses.
PASS_FIELDS = (
    "replaced_in_training", "data", "precision", "devices", "seconds", "commit", "versions", "hardware",
    "device_hours", "started_from", "released_weights", "combined_from", WEIGHTS_DIGEST, SHA256, CATEGORIES,
    BATCH_SPLITS, TRAINING, PARENTS,
)  # fmt: skip


class Test(SavedScores):
    """A finished pass over the test items."""

    @classmethod
    def of(cls, scores: Scores, datamodule: DataModule, data: DataFingerprint) -> "Test":
        """Test on a data module.

        Args:
            data: fingerprint of the data before the test.
        """
        items = datamodule.test_list
        return cls(scores, items.ids, items.class_names, data.annotations, datamodule.unreadable_in("test").allowed)


class PredictionFiles(Callback):
    """Writes the predictions of a test that the data store as files, item by item."""

    def __init__(self, data: DataConfig, folder: Path) -> None:
        self.data, self.folder = data, folder

    def on_test_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: object,
        batch: object,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        assert isinstance(pl_module, TaskModule)
        datamodule = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]: set by `Trainer.test`
        assert isinstance(datamodule, DataModule)
        for index, prediction in pl_module.scores.take_predictions().items():
            for path, content in self.data.result_files(datamodule.test_list, index, prediction):
                with replacing(self.folder / path) as partial:
                    partial.write_bytes(content)


def save_started_from(directory: RunDirectory, released: list[ReleasedStart]) -> None:
    """Write a record of the released weights that initialise a training; remove it if there are none."""
    if released:
        record = {"released": [start._asdict() for start in released]}
        write_atomically(directory.started_from, json.dumps(record, indent=1) + "\n")
    else:
        directory.started_from.unlink(missing_ok=True)


def save_training_record(
    directory: RunDirectory,
    sessions: list[dict[str, object]],
    *,
    device_seconds: float,
    replaced: int,
    weights: str,
    splits: list[dict[str, int]],
) -> None:
    """Write the device time of a finished training, its number of replaced items, and the digest of its weights.

    Args:
        sessions: provenance of the processes of the training.
        splits: splits of its batches over devices and accumulated steps, in the order of the training.
    """
    started_from = read_record(directory.started_from, {"released": STARTED_FROM})
    record = {
        "device_hours": device_seconds / 3600,
        "replaced_in_training": replaced,
        WEIGHTS_DIGEST: weights,
        BATCH_SPLITS: splits,
        **({"started_from": started_from["released"]} if started_from is not None else {}),
        SESSIONS: sessions,
    }
    write_atomically(directory.training, json.dumps(record, indent=1) + "\n")


def training_sessions(record: dict | None) -> list[dict[str, object]]:
    """Provenance of the processes of a finished training, from its record; empty without one."""
    if record is None:
        return []
    return record.get(SESSIONS) or [{name: record.get(name, UNKNOWN[name]) for name in UNKNOWN}]  # of earlier versions


def parent_sessions(run: RunConfig, store: RunStore) -> list[dict[str, object]]:
    """Distinct provenance of the processes that trained the parents of a run, their own parents first.

    Raises:
        StoreError: if a record is damaged.
    """
    found = []
    for parent in run.parents:
        record = read_record(store.run(parent.run.train_id).training, TRAINING_FIELDS)
        found += parent_sessions(parent.run, store) + training_sessions(record)
    return [session for index, session in enumerate(found) if session not in found[:index]]


def save_test_results(
    run: RunConfig,
    directory: RunDirectory,
    test: Test,
    trainer: Trainer,
    provenance: Mapping[str, object],
    *,
    data: DataFingerprint,
    seconds: float,
    parents: list[dict[str, object]],
    released: dict | None,
    categories: Mapping[str, tuple[str, ...]],
) -> None:
    """Write the scores, then the metrics, each file atomically.

    Args:
        provenance: commit, versions and hardware of the test.
        data: fingerprint of the data before the test.
        categories: categories of the classes, by kind of label.
        seconds: wall time of the process.
        parents: provenance of the trainings of the parents.
        released: record of the released weights that were tested; None for the run's own weights.

    Raises:
        DataError: if more items than accepted could not be read.
        StoreError: if the results cannot be written.
    """
    test.scores.check(len(test.ids))
    check_readable(run, test)  # each process checked the limit for its own items only
    predictions = directory.predictions(run.eval_id, released=released is not None)
    if arrays := test.scores.arrays():
        save_scores(predictions, run, test, arrays)
    training = read_record(directory.training, TRAINING_FIELDS) if released is None else None
    record = {
        "replaced_in_training": training["replaced_in_training"] if training is not None else 0,
        "data": data_of_result(directory, data, trained_here=training is not None),
        "precision": str(trainer.precision),
        "devices": trainer.world_size,
        "seconds": round(seconds, 1),
        **provenance,
    }
    for name, sessions in ((TRAINING, training_sessions(training)), (PARENTS, parents if released is None else [])):
        if any(session != provenance for session in sessions):
            record[name] = sessions
    if arrays:
        record[SHA256] = file_sha256(predictions)
    if categories:
        record[CATEGORIES] = named_categories(categories, run.data.targets.classes, test.class_names)
    for name in ("device_hours", "started_from", WEIGHTS_DIGEST, BATCH_SPLITS):
        if training is not None and name in training:
            record[name] = training[name]
    if run.optim is None and released is None:
        started_from = read_record(directory.started_from, {"released": STARTED_FROM})
        record |= {"started_from": started_from["released"]} if started_from is not None else {}
    if released is not None:
        record["released_weights"] = {name: released[name] for name in ("file", "sha256")}
        record |= {WEIGHTS_DIGEST: released[WEIGHTS_DIGEST]} if WEIGHTS_DIGEST in released else {}
        if released.get("warnings"):
            record["released_weights"]["warnings"] = released["warnings"]
    write_metrics(run, directory, test, record)


def check_readable(run: RunConfig, test: SavedScores) -> None:
    """Refuse a test with more unreadable items than accepted.

    Raises:
        DataError: with their number, the limit and the remedy.
    """
    result = test.scores.result()
    if (unreadable := result.failed + result.missing) > test.allowed:
        raise DataError(
            f"{unreadable} of {len(test.ids)} test {run.data.dataset.unit} cannot be read; the limit is "
            f"{test.allowed}: repair those that the log names, or raise the limit with --allow-bad N"
        )


def write_metrics(run: RunConfig, directory: RunDirectory, test: SavedScores, record: dict) -> None:
    """Write the metrics of a test. For a run's own weights, also write the provenance of the run.

    Args:
        record: provenance of the test.
    """
    result = test.scores.result()
    is_released = "released_weights" in record
    common = {
        "seed": run.seed,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "videos": {"evaluated": result.evaluated, "failed": result.failed, "missing": result.missing},
        **record,
    }
    if not is_released:
        write_atomically(directory.provenance, json.dumps(common, indent=1) + "\n")
    classes = hits_by_class_name(test.scores.hits_by_class(), test.class_names)
    metrics = {"train_id": run.train_id, "eval_id": run.eval_id, **result.metrics, **common, "classes": classes}
    if counts := named_counts(test.scores.counts_by_class(), run.data.targets.classes, test.class_names):
        metrics[COUNTS] = counts
    if correct := test.scores.correct():
        metrics["hits"] = packed(correct, test.ids)
    path = directory.metrics(run.eval_id, released=is_released)
    write_atomically(path, json.dumps(sealed(metrics), indent=1) + "\n")


def hits_by_class_name(hits: dict[int, tuple[int, int]], names: tuple[str, ...]) -> dict[str, list[int]]:
    """Numbers of correct and of all items of each class, by the name of the class, or its number if it has no name."""
    return {names[label] if label < len(names) else str(label): list(counts) for label, counts in hits.items()}


def save_scores(path: Path, run: RunConfig, test: SavedScores, arrays: dict[str, NDArray]) -> None:
    """Save the scores per item and view, and the settings that re-scoring needs."""
    settings = {
        "evaluation": canonical(run.evaluation),
        "fingerprint": test.fingerprint,
        "class_names": test.class_names,
        "allowed": test.allowed,
    }
    with replacing(path) as partial:
        texts = {"ids": np.array(test.ids), "test": np.array(json.dumps(settings))}
        np.savez(partial, **arrays, **texts)  # pyright: ignore[reportArgumentType]: no name equals an option of savez


class SavedTest(NamedTuple):
    """A test whose scores are part of the saved scores of another test.

    `record`: provenance of the other test. `source`: its `eval_id`.
    """

    test: Test
    record: dict
    source: str


def rescore(run: RunConfig, store: RunStore, *, released: bool = False) -> bool:
    """Write the metrics of a test from the saved scores of a test of the same weights with more views.

    Args:
        released: whether the weights are imported released ones.

    Returns:
        True if there are such scores.
    """
    saved = saved_test(run, store, released=released)
    if saved is None:
        return False
    saved.test.scores.check(len(saved.test.ids))
    write_metrics(run, store.run(run.train_id), saved.test, {**saved.record, "rescored_from": saved.source})
    return True


def saved_test(run: RunConfig, store: RunStore, *, released: bool = False) -> SavedTest | None:
    """Test whose scores are part of the saved scores of another test of the same weights; None if there are none."""
    directory = store.run(run.train_id)
    for path in sorted(directory.predictions("*").parent.glob("*.npz")):
        saved = read_scores(path, run) if ("." in path.stem) == released else None  # a dot precedes RELEASED_SUFFIX
        if saved is None:
            continue
        metrics = directory.result(replace(run, evaluation=saved.evaluation), released=released)
        if metrics is not None and directory.predictions(metrics["eval_id"], released=released) == path:
            record = {name: metrics[name] for name in PASS_FIELDS if name in metrics}
            return SavedTest(Test(*saved), record, metrics["eval_id"])
    return None
