"""LightningDataModule of a run: training, validation and test loaders of one data set.

Clips are transferred to the device as uint8, a quarter of the bytes of float32. There, `DataConfig.on_device` converts
a batch to model inputs. Works under DDP with `use_distributed_sampler=False`.
"""

import logging
from functools import cached_property
from pathlib import Path

import lightning.pytorch as pl
import torch.distributed
from torch.utils.data import Sampler

from data.config import DataConfig, Split
from data.decoded_files import DecodedFiles
from data.fingerprint import DataFingerprint
from data.items import Batch, ItemList, TestItems, TrainItems
from data.loaders import (
    ContinuingItems,
    EpochBatches,
    TestLoader,
    TrainLoader,
    UnreadableItems,
    UnrepeatedItems,
    random_part,
    shut_down,
)
from interface.evaluation import EvalConfig

logger = logging.getLogger(__name__)


class DataModule(pl.LightningDataModule):
    """Loaders of one data set under a test protocol.

    Args:
        batch_size: training items per device and batch.
        test_batch_size: test views per device and batch, each with all its crops.
        allow_bad: largest number of unreadable items of a split; 1 % of the split if None. More of them stop the run.
        accumulate: batches per device and optimiser step.
        rest_multiple: see `EpochBatches`.
        decoded: list of decoded items, of which those with an error count as unreadable without being opened.
        validation_items: items of a validation, which goes on where the last one stopped; the whole split if None.
        validation_parts: a validation takes one of this many parts of the validation items, always the same.
    """

    def __init__(
        self,
        data: DataConfig,
        evaluation: EvalConfig,
        *,
        root: Path,
        seed: int,
        batch_size: int,
        test_batch_size: int,
        num_workers: int,
        allow_bad: int | None = None,
        accumulate: int = 1,
        rest_multiple: int | None = None,
        decoded: DecodedFiles | None = None,
        validation_items: int | None = None,
        validation_parts: int = 1,
    ) -> None:
        super().__init__()
        self.data, self.evaluation, self.root, self.seed = data, evaluation, root, seed
        self.batch_size, self.test_batch_size, self.accumulate = batch_size, test_batch_size, accumulate
        self.rest_multiple = rest_multiple
        self.num_workers, self.allow_bad, self.decoded = num_workers, allow_bad, decoded
        self.validation_parts = validation_parts
        self.unreadable: dict[Split, UnreadableItems] = {}
        self.train_loader: TrainLoader | None = None
        self.loaders: list[TrainLoader | TestLoader] = []
        self.position: dict[str, int] | None = None
        self.validation_items = validation_items
        self.continuing: ContinuingItems | None = None
        self.num_validated = 0

    def train_dataloader(self) -> TrainLoader:
        """Augmented items of the training split, in an order fixed by (seed, epoch)."""
        items = self.data.train_items(self.train_list, self.seed)
        self.set_known_errors(items, "train")
        self.train_loader = TrainLoader(items, self.train_batches(), self.unreadable_in("train"), self.num_workers)
        if self.position is not None:
            self.train_loader.load_state_dict(self.position)
        self.loaders.append(self.train_loader)
        return self.train_loader

    def state_dict(self) -> dict[str, object]:
        """Position in the training data.

        Lightning does not restore loaders that it sets up before it loads the checkpoint, as a schedule requires.
        """
        if self.train_loader is None:
            return {}
        validated = {} if self.continuing is None else {"validated": {"items": self.continuing.num_drawn}}
        unreadable = dict(self.train_loader.unreadable.reasons)
        return {"position": self.train_loader.state_dict(), "unreadable": unreadable, **validated}

    def load_state_dict(self, state_dict: dict[str, dict]) -> None:
        """Continue from a saved position."""
        if state_dict:
            self.position = state_dict["position"]
            self.unreadable_in("train").reasons.update(state_dict["unreadable"])
            self.num_validated = state_dict.get("validated", {"items": 0})["items"]
            if self.continuing is not None:
                self.continuing.num_drawn = self.num_validated

    def val_dataloader(self) -> TestLoader:
        """One unaugmented view of each validation item. With one crop each, a batch can have more items."""
        items = self.data.validation_items(self.val_list)
        return self._test_loader(items, "val", self.evaluation.crops, self.validation_order(items))

    def validation_order(self, items: TestItems) -> Sampler[int]:
        """Items of each validation: the same part, or a fixed number that goes on where the last validation stopped."""
        if self.validation_items is None:
            chosen = random_part(len(self.val_list), self.validation_parts)
            return UnrepeatedItems(items, rank=self.rank, world_size=self.world_size, chosen=chosen)
        self.continuing = ContinuingItems(
            items, self.validation_items, self.seed, rank=self.rank, world_size=self.world_size
        )
        self.continuing.num_drawn = self.num_validated
        return self.continuing

    def test_dataloader(self) -> TestLoader:
        """All views of each test item, each view on one device only."""
        items = self.data.test_items(self.test_list, self.evaluation)
        order = UnrepeatedItems(items, rank=self.rank, world_size=self.world_size)
        return self._test_loader(items, "test", 1, order)

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        return batch._replace(inputs=self.data.on_device(batch.inputs))

    def _test_loader(self, items: TestItems, split: Split, batch_factor: int, sampler: Sampler[int]) -> TestLoader:
        self.set_known_errors(items, split)
        size = self.test_batch_size * batch_factor
        loader = TestLoader(items, sampler, self.unreadable_in(split), size, self.num_workers)
        self.loaders.append(loader)
        return loader

    def teardown(self, stage: str) -> None:
        """Shut down the workers."""
        for loader in self.loaders:
            shut_down(loader.loader)
        self.loaders.clear()

    def on_exception(self, exception: BaseException) -> None:
        self.teardown("")

    def set_known_errors(self, items: TrainItems | TestItems, split: Split) -> None:
        """Mark the items of a split that could not be decoded before."""
        files = None if self.decoded is None else self.data.files(items.items)
        if self.decoded is not None and files is not None:
            items.known_errors = self.decoded.errors(items.items.ids, files)
            if items.known_errors:
                count, path = len(items.known_errors), self.decoded.path
                logger.warning("%d %s items count as unreadable: they are listed in %s", count, split, path)

    def train_batches(self) -> EpochBatches:
        """Training batches in order."""
        return EpochBatches(
            self.num_train,
            self.batch_size,
            self.seed,
            rank=self.rank,
            world_size=self.world_size,
            accumulate=self.accumulate,
            rest_multiple=self.rest_multiple,
        )

    def list_of(self, split: Split) -> ItemList:
        """Items of a split."""
        match split:
            case "train":
                return self.train_list
            case "val":
                return self.val_list
        return self.test_list

    def unreadable_in(self, split: Split) -> UnreadableItems:
        """Unreadable items of a split, collected over all epochs."""
        count, unit = len(self.list_of(split)), self.data.dataset.unit
        return self.unreadable.setdefault(split, UnreadableItems(split, count, self.allow_bad, unit))

    def num_replaced(self) -> int:
        """Number of unreadable training items over all devices. Every process must call this method."""
        own = set(self.unreadable["train"].reasons) if "train" in self.unreadable else set()
        if self.world_size == 1:
            return len(own)
        all_processes: list[set[str]] = [own] * self.world_size
        torch.distributed.all_gather_object(all_processes, own)
        return len(set().union(*all_processes))

    @cached_property
    def train_list(self) -> ItemList:
        return self.data.dataset.build(self.root, "train")

    @cached_property
    def val_list(self) -> ItemList:
        return self.data.dataset.build(self.root, "val")

    @cached_property
    def test_list(self) -> ItemList:
        return self.data.dataset.build(self.root, "test")

    @property
    def num_train(self) -> int:
        return len(self.train_list)

    @property
    def num_test(self) -> int:
        return len(self.test_list)

    def fingerprint(self) -> DataFingerprint:
        """Fingerprint of the data set at this moment, independent of its folder."""
        return DataFingerprint.of(self.data, self.list_of)

    @property
    def world_size(self) -> int:
        """Number of processes that share the data."""
        if self.trainer is not None:
            return self.trainer.world_size
        return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1

    @property
    def rank(self) -> int:
        """Rank of this process."""
        if self.trainer is not None:
            return self.trainer.global_rank
        return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
