"""Files of a finished training and of a finished test: records, scores per item and view, and a few clips."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypedDict

import msgspec
import numpy as np
import torch.nn.functional as F
from lightning import Callback, LightningModule, Trainer
from numpy.typing import NDArray
from torch import Tensor

from data.config import DataConfig
from data.datamodule import DataModule
from data.errors import DataError, DecodeError
from data.fingerprint import DataFingerprint
from data.items import ItemList
from experiments.spec.run import RunConfig
from interface.evaluation import EvalConfig
from lightning_modules.module import TaskModule
from lightning_modules.scores import Scores
from runner.machine.files import read_record, replacing
from runner.store.data_record import data_of_result
from runner.store.kept_pictures import ShownClips
from runner.store.records import (
    Hits,
    ImportedWeights,
    ItemCounts,
    Provenance,
    RecordedSplit,
    ReleasedStart,
    ReleasedStarts,
    TestRecord,
    TrainingRecord,
    read_training,
    write_record,
    write_test,
)
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import NamedCounts, SavedScores, named_categories, named_counts, read_scores, save_scores
from runner.store.store import RunStore

NUM_CLIPS = 8
NUM_FRAMES = 4
LARGEST_SIDE = 112  # in pixels


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
            for path, content in self.data.result_files(datamodule.list_of("test"), index, prediction):
                with replacing(self.folder / path) as partial:
                    partial.write_bytes(content)


def finished_test(scores: Scores, datamodule: DataModule, data: DataFingerprint) -> SavedScores:
    """Scores of a test on a data module.

    Args:
        data: fingerprint of the data before the test.
    """
    items = datamodule.list_of("test")
    allowed = datamodule.unreadable_in("test").allowed
    return SavedScores(scores, items.ids, items.class_names, data.annotations, allowed)


def save_started_from(directory: RunDirectory, released: list[ReleasedStart]) -> None:
    """Write a record of the released weights that initialise a training; remove it if there are none."""
    if released:
        write_record(directory.started_from, ReleasedStarts(tuple(released)))
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
    starts = read_record(directory.started_from, ReleasedStarts)
    record = TrainingRecord(
        device_hours=device_seconds / 3600,
        replaced_in_training=replaced,
        weights_digest=weights,
        batch_splits=msgspec.convert(splits, tuple[RecordedSplit, ...]),
        started_from=starts.released if starts is not None else (),
        sessions=msgspec.convert(sessions, tuple[Provenance, ...]),
    )
    write_record(directory.training, record)


def parent_sessions(run: RunConfig, store: RunStore) -> list[Provenance]:
    """Distinct provenance of the processes that trained the parents of a run, their own parents first."""
    found: list[Provenance] = []
    for parent in run.parents:
        training = read_training(store.run(parent.run.train_id).training)
        found += parent_sessions(parent.run, store) + list(training.sessions if training is not None else ())
    return [session for index, session in enumerate(found) if session not in found[:index]]


def save_test_results(
    run: RunConfig,
    directory: RunDirectory,
    test: SavedScores,
    trainer: Trainer,
    provenance: Mapping[str, object],
    *,
    data: DataFingerprint,
    seconds: float,
    parents: list[Provenance],
    starts: list[ReleasedStart],
    released: ImportedWeights | None,
    categories: Mapping[str, tuple[str, ...]],
) -> None:
    """Write the scores, then the result, each file atomically.

    Args:
        provenance: commit, versions and hardware of the test.
        data: fingerprint of the data before the test.
        categories: categories of the classes, by kind of label.
        seconds: wall time of the process.
        parents: provenance of the trainings of the parents.
        starts: released weights of parents that a run without training was tested with.
        released: record of the released weights that were tested; None for the run's own weights.
    """
    test.scores.check(len(test.ids))
    check_readable(run, test)  # each process checked the limit for its own items only
    session = msgspec.convert(provenance, Provenance)
    training = read_training(directory.training) if released is None else None
    trained = training or TrainingRecord(device_hours=0.0, replaced_in_training=0, started_from=tuple(starts))
    parents = parents if released is None else []
    record = TestRecord(
        **scored(run, test),
        data=data_of_result(directory, data, trained_here=training is not None),
        precision=str(trainer.precision),
        devices=trainer.world_size,
        seconds=round(seconds, 1),
        **msgspec.structs.asdict(session),
        training=trained.sessions if any(one != session for one in trained.sessions) else (),
        parents=tuple(parents) if any(one != session for one in parents) else (),
        predictions_sha256=save_scores(directory.predictions(run.eval_id), run, test),
        categories=named_categories(categories, run.data.targets.classes, test.class_names),
        replaced_in_training=trained.replaced_in_training,
        device_hours=training.device_hours if training is not None else None,
        started_from=trained.started_from,
        weights_digest=released.weights_digest if released is not None else trained.weights_digest,
        batch_splits=trained.batch_splits,
        released_weights=released.released_file if released is not None else None,
    )
    write_test(directory.metrics(run.eval_id), record)


class Scored(TypedDict):
    """Fields of a result that follow from its protocol and its scores."""

    train_id: str
    eval_id: str
    metrics: dict[str, float]
    seed: int
    views: int
    crops: int
    videos: ItemCounts
    classes: dict[str, tuple[int, int]]
    class_counts: NamedCounts
    hits: Hits | None


def scored(run: RunConfig, test: SavedScores) -> Scored:
    """Fields of a result from its scores."""
    result, correct = test.scores.result(), test.scores.correct()
    return Scored(
        train_id=run.train_id,
        eval_id=run.eval_id,
        metrics=result.metrics,
        seed=run.seed,
        views=run.evaluation.views,
        crops=run.evaluation.crops,
        videos=ItemCounts(result.evaluated, result.failed, result.missing),
        classes=hits_by_class_name(test.scores.hits_by_class(), test.class_names),
        class_counts=named_counts(test.scores.counts_by_class(), run.data.targets.classes, test.class_names),
        hits=Hits.of(correct, test.ids) if correct else None,
    )


def hits_by_class_name(hits: dict[int, tuple[int, int]], names: tuple[str, ...]) -> dict[str, tuple[int, int]]:
    """Numbers of correct and of all items of each class, by the name of the class, or its number if it has no name."""
    return {names[label] if label < len(names) else str(label): counts for label, counts in hits.items()}


def check_readable(run: RunConfig, test: SavedScores) -> None:
    """Refuse a test with more unreadable items than accepted."""
    result = test.scores.result()
    if (unreadable := result.failed + result.missing) > test.allowed:
        raise DataError(
            f"{unreadable} of {len(test.ids)} test {run.data.dataset.unit} cannot be read; the limit is "
            f"{test.allowed}: repair those that the log names, or raise the limit with --allow-bad N"
        )


def rescore(run: RunConfig, directory: RunDirectory) -> bool:
    """Write the result of a test from the saved scores of a test of the same weights with more views.

    Returns:
        True if there are such scores.
    """
    found = saved_test(run, directory)
    if found is None:
        return False
    test, record = found
    test.scores.check(len(test.ids))
    again = msgspec.structs.replace(record, **scored(run, test), rescored_from=record.eval_id)
    write_test(directory.metrics(run.eval_id), again)
    return True


def saved_test(run: RunConfig, directory: RunDirectory) -> tuple[SavedScores, TestRecord] | None:
    """Scores of a test that are part of those of another test of the same weights, and the record of the latter."""
    for path in sorted(directory.predictions("*").parent.glob("*.npz")):
        saved = read_scores(path, run)
        if saved is None or saved.evaluation is None:
            continue
        other = replace(run, evaluation=saved.evaluation)
        if path == directory.predictions(other.eval_id) and (record := directory.result(other)) is not None:
            return saved, record
    return None


def decoded_clips(data: DataConfig, evaluation: EvalConfig, items: ItemList) -> ShownClips | None:
    """Clips from the middle views of items that are evenly spaced in the test, without unreadable ones.

    None if the items cannot be shown, or none of them can be read.
    """
    test_items = data.test_items(items, evaluation)
    places, clips = [], []
    for place in dict.fromkeys(np.linspace(0, len(items) - 1, NUM_CLIPS).round().astype(int).tolist()):
        try:
            frames = data.display(test_items.inputs(place, evaluation.views // 2))
        except DecodeError:
            continue
        if frames is None:
            return None
        places.append(place)
        clips.append(small(frames))
    return ShownClips(np.array(places), np.stack(clips)) if clips else None


def small(frames: Tensor) -> NDArray[np.uint8]:
    """Evenly spaced frames of a clip (F, 3, height, width), made small: (at most NUM_FRAMES, height, width, 3)."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(NUM_FRAMES, len(frames))).round().astype(int)]
    height, width = chosen.shape[-2:]
    ratio = min(1.0, LARGEST_SIDE / max(height, width))
    if ratio < 1:
        resized = F.interpolate(chosen.float(), (round(ratio * height), round(ratio * width)), mode="area")
        chosen = resized.round().to(chosen.dtype)
    return chosen.permute(0, 2, 3, 1).contiguous().numpy()  # (F, height, width, 3)
