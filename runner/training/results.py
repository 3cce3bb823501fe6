"""Files of a finished training and of a finished test: records, scores per item and view, and a few clips."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

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
from runner.machine.files import read_record, replacing
from runner.store.data_record import data_of_result
from runner.store.records import (
    Hits,
    ImportedWeights,
    ItemCounts,
    Provenance,
    ReleasedStart,
    ReleasedStarts,
    TestRecord,
    TrainingRecord,
    read_training,
    write_record,
    write_test,
)
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores, named_categories, named_counts, read_scores, save_scores
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
    """Write the record of a finished training.

    Args:
        sessions: provenance of its processes.
        replaced: number of replaced items.
        weights: digest of its weights.
        splits: splits of its batches over devices and accumulated steps, in the order of the training.
    """
    starts = read_record(directory.started_from, ReleasedStarts)
    fields = {
        "device_hours": device_seconds / 3600,
        "replaced_in_training": replaced,
        "weights_digest": weights,
        "batch_splits": splits,
        "started_from": starts.released if starts is not None else (),
        "sessions": sessions,
    }
    write_record(directory.training, msgspec.convert(fields, TrainingRecord))


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
    session: Provenance,
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
        data: fingerprint of the data before the test.
        categories: categories of the classes, by kind of label.
        seconds: wall time of the process.
        parents: provenance of the trainings of the parents.
        starts: released weights of parents that a run without training was tested with.
        released: record of the released weights that were tested; None for the run's own weights.
    """
    test.scores.check(len(test.ids))
    check_readable(run, test)  # each process checked the limit for its own items only
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
        predictions_sha256=save_scores(directory.scores(run.eval_id), run, test),
        categories=named_categories(categories, run.data.targets.classes, test.class_names),
        replaced_in_training=trained.replaced_in_training,
        device_hours=training.device_hours if training is not None else None,
        started_from=trained.started_from,
        weights_digest=released.weights_digest if released is not None else trained.weights_digest,
        batch_splits=trained.batch_splits,
        released_weights=released.released_file if released is not None else None,
    )
    write_test(directory.metrics(run.eval_id), record)


def scored(run: RunConfig, test: SavedScores) -> dict:
    """Fields of a result that follow from its protocol and its scores."""
    result, correct, names = test.scores.result(), test.scores.correct(), test.class_names
    hits = test.scores.hits_by_class()
    return {
        "train_id": run.train_id,
        "eval_id": run.eval_id,
        "metrics": result.metrics,
        "seed": run.seed,
        "views": run.evaluation.views,
        "crops": run.evaluation.crops,
        "videos": ItemCounts(result.evaluated, result.failed, result.missing),
        "classes": {names[n] if n < len(names) else str(n): counts for n, counts in hits.items()},
        "class_counts": named_counts(test.scores.counts_by_class(), run.data.targets.classes, names),
        "hits": Hits.of(correct, test.ids) if correct else None,
    }


def check_readable(run: RunConfig, test: SavedScores) -> None:
    """Refuse a test with more unreadable items than accepted."""
    result = test.scores.result()
    if (unreadable := result.failed + result.missing) > test.allowed:
        raise DataError(
            f"{unreadable} of {len(test.ids)} test {run.data.dataset.unit} cannot be read; the limit is "
            f"{test.allowed}: repair those that the log names, or raise the limit with --allow-bad N"
        )


def rescore(run: RunConfig, directory: RunDirectory) -> bool:
    """Write the result of a test from the scores of one of the same weights with more views, if there is one."""
    found = saved_test(run, directory)
    if found is not None:
        test, record = found
        test.scores.check(len(test.ids))
        again = msgspec.structs.replace(record, **scored(run, test), rescored_from=record.eval_id)
        write_test(directory.metrics(run.eval_id), again)
    return found is not None


def saved_test(run: RunConfig, directory: RunDirectory) -> tuple[SavedScores, TestRecord] | None:
    """Scores of a test that are part of those of another test of the same weights, and the record of the latter."""
    for path in directory.saved_scores():
        saved = read_scores(path, run)
        if saved is not None and saved.evaluation is not None:
            other = replace(run, evaluation=saved.evaluation)
            if path == directory.scores(other.eval_id) and (record := directory.result(other)) is not None:
                return saved, record
    return None


def decoded_clips(data: DataConfig, evaluation: EvalConfig, items: ItemList) -> dict[int, NDArray[np.uint8]]:
    """Frames from the middle views of items that are evenly spaced in the test, by their indices.

    Unreadable items have none, nor have those that cannot be shown.
    """
    test_items = data.test_items(items, evaluation)
    clips = {}
    for place in dict.fromkeys(np.linspace(0, len(items) - 1, NUM_CLIPS).round().astype(int).tolist()):
        try:
            frames = data.display(test_items.inputs(place, evaluation.views // 2))
        except DecodeError:
            continue
        if frames is not None:
            clips[place] = small(frames)
    return clips


def small(frames: Tensor) -> NDArray[np.uint8]:
    """Evenly spaced frames of a clip (F, 3, height, width), made small: (at most NUM_FRAMES, height, width, 3)."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(NUM_FRAMES, len(frames))).round().astype(int)]
    height, width = chosen.shape[-2:]
    ratio = min(1.0, LARGEST_SIDE / max(height, width))
    if ratio < 1:
        resized = F.interpolate(chosen.float(), (round(ratio * height), round(ratio * width)), mode="area")
        chosen = resized.round().to(chosen.dtype)
    return chosen.permute(0, 2, 3, 1).contiguous().numpy()  # (F, height, width, 3)
