"""Files of a finished test: predictions, the result from the scores of another test, and a few clips."""

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
from data.labels import ItemList
from experiments.spec.run import RunConfig
from interface.evaluation import EvalConfig
from lightning_modules.module import TaskModule
from runner.machine.files import replacing
from runner.store.records import Provenance, TestRecord, read_training, write_test
from runner.store.run_directory import RunDirectory
from runner.store.saved_scores import SavedScores, read_scores, scored
from runner.store.store import RunStore

NUM_CLIPS = 8
NUM_FRAMES = 4
LARGEST_SIDE = 112  # in pixels


class PredictionFiles(Callback):
    """Writes the predictions of a test that the data store as files, item by item."""

    def __init__(self, data: DataConfig, folder: Path) -> None:
        self.data, self.folder = data, folder

    def on_test_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, *args: object, **keywords: object
    ) -> None:
        assert isinstance(pl_module, TaskModule)
        datamodule = trainer.datamodule  # pyright: ignore[reportAttributeAccessIssue]: set by `Trainer.test`
        assert isinstance(datamodule, DataModule)
        for index, prediction in pl_module.scores.take_predictions().items():
            for path, content in self.data.result_files(datamodule.list_of("test"), index, prediction):
                with replacing(self.folder / path) as partial:
                    partial.write_bytes(content)


def parent_sessions(run: RunConfig, store: RunStore) -> list[Provenance]:
    """Distinct provenance of the processes that trained the parents of a run, their own parents first."""
    found: list[Provenance] = []
    for parent in run.parents:
        training = read_training(store.run(parent.run.train_id).training)
        found += parent_sessions(parent.run, store) + list(training.sessions if training is not None else ())
    return [session for index, session in enumerate(found) if session not in found[:index]]


def check_complete(run: RunConfig, test: SavedScores) -> None:
    """Refuse a test without some views, or with more unreadable items than accepted by all processes together."""
    test.scores.check(len(test.ids))
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
            (inputs,) = test_items.inputs(place, [evaluation.views // 2])
        except DecodeError:
            continue
        if (frames := data.display(inputs)) is not None:
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
