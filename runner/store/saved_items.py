"""Results of a test saved item by item: scores, from which a stopped test goes on, and files with the predictions."""

import shutil
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
import torch
from lightning import Callback, LightningModule, Trainer
from numpy.typing import NDArray

from data.datamodule import DataModule
from experiments.spec.run import RunConfig
from lightning_modules.module import TaskModule
from models.frozen import digest
from runner.machine.files import replacing
from runner.store.run_directory import RunDirectory

STATE = "test_of"  # array with the digest of weights and data that the scores belong to


class SavedItems(Callback):
    """Saves the results of each item of a test, and adds those that an earlier, stopped test has saved.

    Scores of other weights or other data are removed.
    """

    def __init__(self, run: RunConfig, directory: RunDirectory) -> None:
        self.run, self.directory = run, directory
        self.scores, self.results = directory.item_scores(run.eval_id), directory.result_files(run.eval_id)
        self.earlier: dict[int, Mapping[str, NDArray]] = {}
        self.digest = ""

    def prepare(self, module: TaskModule, datamodule: DataModule, *, released: bool, world_size: int) -> None:
        """Read the scores of an earlier test of the same weights and data. Its items are not tested again.

        Args:
            released: whether released weights are tested.
            world_size: number of processes that share the test.
        """
        self.scores = self.directory.item_scores(self.run.eval_id, released=released)
        self.results = self.directory.result_files(self.run.eval_id, released=released)
        self.digest = f"{digest(module.model.state_dict())} {datamodule.fingerprint().test}"
        files = sorted(self.scores.glob("*.npz"), key=lambda path: path.name)
        self.earlier = {int(path.stem): arrays for path in files if (arrays := self.read(path)) is not None}
        for index in repeated_items(self.earlier, datamodule.num_test, world_size):
            del self.earlier[index]
        datamodule.tested_items = frozenset(self.earlier)

    def read(self, path: Path) -> Mapping[str, NDArray] | None:
        """Scores in a file; None if they are damaged, or of other weights or data, in which case it is removed."""
        try:
            with np.load(path, allow_pickle=False) as arrays:
                if path.stem.isdigit() and str(arrays[STATE]) == self.digest:
                    return {name: arrays[name] for name in arrays.files if name != STATE}
        except Exception:  # damaged archives raise errors of many types
            pass
        path.unlink(missing_ok=True)
        return None

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
            for path, content in self.run.data.result_files(datamodule.test_list, index, prediction):
                with replacing(self.results / path) as partial:
                    partial.write_bytes(content)
        items = getattr(batch, "items", None)
        assert isinstance(items, torch.Tensor)
        for index in items.tolist():
            with replacing(self.scores / f"{index}.npz") as partial:
                arrays = {**pl_module.scores.of_item(index), STATE: np.array(self.digest)}
                np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType]: no name equals an option of savez

    def on_test_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Add the results of the earlier test. The module merges the processes after this."""
        assert isinstance(pl_module, TaskModule)
        for index, arrays in self.earlier.items():
            pl_module.scores.add_saved(index, arrays)

    def remove(self) -> None:
        shutil.rmtree(self.scores, ignore_errors=True)


def repeated_items(saved: Collection[int], num_items: int, world_size: int) -> list[int]:
    """Saved items that are tested again: the last ones, if fewer items than processes are left.

    Lightning starts no test in a process without items, and the others would wait for its scores.
    """
    num_repeated = max(0, world_size - (num_items - len(saved)))
    return sorted(saved, reverse=True)[:num_repeated]
