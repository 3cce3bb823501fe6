"""LightningDataModule of a run: training, validation and test loaders of one data set.

Clips are transferred to the device as uint8, a quarter of the bytes of float32. There, `DataConfig.on_device` converts
a batch to model inputs. Works under DDP with `use_distributed_sampler=False`.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import lightning.pytorch as pl
import torch.distributed
from torch.utils.data import Sampler

from data.config import DataConfig, Split
from data.decoded_files import DecodedFiles
from data.fingerprint import DataFingerprint
from data.items import TestItems, TrainItems
from data.labels import ItemList
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
from interface.batches import Batch
from interface.evaluation import EvalConfig

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Loading:
    data: DataConfig
    evaluation: EvalConfig
    root: Path
    seed: int
    batch_size: int
    """Training items per device and batch."""
    test_batch_size: int
    """Test views per device and batch, each with all its crops."""
    num_workers: int
    allow_bad: int | None = None
    """Largest number of unreadable items of a split; 1 % of the split if None. More of them stop the run."""
    accumulate: int = 1
    """Batches per device and optimiser step."""
    rest_multiple: int | None = None
    """See `EpochBatches`."""
    device_jitter: bool = False
    """The colour jitter of a batch is computed on its device."""
    decoded: DecodedFiles | None = None
    """List of decoded items, of which those with an error count as unreadable without being opened."""
    validation_items: int | None = None
    """Items of a validation, which goes on where the last one stopped; the whole split if None."""
    validation_parts: int = 1
    """A validation takes one of this many parts of the validation items, always the same."""


class DataModule(pl.LightningDataModule):
    """Loaders of one data set under a test protocol."""

    def __init__(self, loading: Loading) -> None:
        super().__init__()
        self.loading, self.data, self.root = loading, loading.data, loading.root
        self.batch_size, self.accumulate = loading.batch_size, loading.accumulate
        self.lists: dict[Split, ItemList] = {}
        self.unreadable: dict[Split, UnreadableItems] = {}
        self.train_loader: TrainLoader | None = None
        self.loaders: list[TrainLoader | TestLoader] = []
        self.position: dict[str, int] | None = None
        self.continuing: ContinuingItems | None = None
        self.num_validated = 0
        self.jitters = False  # on the device
        self.sending: torch.cuda.Stream | None = None

    def train_dataloader(self) -> TrainLoader:
        """Augmented items of the training split, in an order fixed by (seed, epoch)."""
        items = self.data.train_items(self.list_of("train"), self.loading.seed)
        self.set_known_errors(items, "train")
        self.jitters = self.loading.device_jitter and self.data.leave_jitter(items)
        batches = EpochBatches(
            len(items),
            self.batch_size,
            self.loading.seed,
            rank=self.rank,
            world_size=self.world_size,
            accumulate=self.accumulate,
            rest_multiple=self.loading.rest_multiple,
        )
        unreadable, workers = self.unreadable_in("train"), self.loading.num_workers
        self.train_loader = TrainLoader(items, batches, unreadable, workers)
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
        if state_dict:
            self.position = state_dict["position"]
            self.unreadable_in("train").reasons.update(state_dict["unreadable"])
            self.num_validated = state_dict.get("validated", {"items": 0})["items"]
            if self.continuing is not None:
                self.continuing.num_drawn = self.num_validated

    def val_dataloader(self) -> TestLoader:
        """One unaugmented view of each validation item. With one crop each, a batch can have more items."""
        items = self.data.validation_items(self.list_of("val"))
        return self._test_loader(items, "val", self.loading.evaluation.crops, self.validation_order(items))

    def validation_order(self, items: TestItems) -> Sampler[int]:
        """Items of each validation: the same part, or a fixed number that goes on where the last validation stopped."""
        if self.loading.validation_items is None:
            chosen = random_part(len(self.list_of("val")), self.loading.validation_parts)
            return UnrepeatedItems(items, rank=self.rank, world_size=self.world_size, chosen=chosen)
        self.continuing = ContinuingItems(
            items, self.loading.validation_items, self.loading.seed, rank=self.rank, world_size=self.world_size
        )
        self.continuing.num_drawn = self.num_validated
        return self.continuing

    def test_dataloader(self) -> TestLoader:
        """All views of each test item, each view on one device only."""
        items = self.data.test_items(self.list_of("test"), self.loading.evaluation)
        order = UnrepeatedItems(items, rank=self.rank, world_size=self.world_size)
        return self._test_loader(items, "test", 1, order)

    def transfer_batch_to_device(self, batch: Batch, device: torch.device, dataloader_idx: int) -> Batch:
        """Send a batch to a GPU while it computes the batch before: the CPU is ahead of it by about a step."""
        if device.type != "cuda":
            return super().transfer_batch_to_device(batch, device, dataloader_idx)
        computing, self.sending = torch.cuda.current_stream(device), self.sending or torch.cuda.Stream(device)
        with torch.cuda.stream(self.sending):
            batch = super().transfer_batch_to_device(batch, device, dataloader_idx)
        computing.wait_stream(self.sending)
        for tensor in (*batch.inputs, *batch[1:6]):
            tensor.record_stream(computing)  # its memory is free when the computation has left it
        return batch

    def on_after_batch_transfer(self, batch: Batch, dataloader_idx: int) -> Batch:
        jitters = self.jitters and self.trainer is not None and self.trainer.training
        inputs = self.data.jittered(batch.inputs) if jitters else batch.inputs
        return batch._replace(inputs=self.data.on_device(inputs))

    def _test_loader(self, items: TestItems, split: Split, batch_factor: int, sampler: Sampler[int]) -> TestLoader:
        self.set_known_errors(items, split)
        size = self.loading.test_batch_size * batch_factor
        loader = TestLoader(items, sampler, self.unreadable_in(split), size, self.loading.num_workers)
        self.loaders.append(loader)
        return loader

    def teardown(self, stage: str) -> None:
        for loader in self.loaders:
            shut_down(loader.loader)
        self.loaders.clear()

    def on_exception(self, exception: BaseException) -> None:
        self.teardown("")

    def set_known_errors(self, items: TrainItems | TestItems, split: Split) -> None:
        """Mark the items of a split that could not be decoded before."""
        files = None if self.loading.decoded is None else self.data.files(items.items)
        if self.loading.decoded is not None and files is not None:
            items.known_errors = self.loading.decoded.errors(items.items.ids, files)
            if items.known_errors:
                count, path = len(items.known_errors), self.loading.decoded.path
                logger.warning("%d %s items count as unreadable: they are listed in %s", count, split, path)

    def list_of(self, split: Split) -> ItemList:
        """Items of a split, which are read once."""
        if split not in self.lists:
            self.lists[split] = self.data.dataset.build(self.root, split)
        return self.lists[split]

    def unreadable_in(self, split: Split) -> UnreadableItems:
        """Unreadable items of a split, collected over all epochs."""
        count, unit = len(self.list_of(split)), self.data.dataset.unit
        return self.unreadable.setdefault(split, UnreadableItems(split, count, self.loading.allow_bad, unit))

    def num_replaced(self) -> int:
        """Number of unreadable training items over all devices. Every process must call this method."""
        own = set(self.unreadable["train"].reasons) if "train" in self.unreadable else set()
        if self.world_size == 1:
            return len(own)
        all_processes: list[set[str]] = [own] * self.world_size
        torch.distributed.all_gather_object(all_processes, own)
        return len(set().union(*all_processes))

    def fingerprint(self) -> DataFingerprint:
        """Fingerprint of the data set at this moment, independent of its folder."""
        return DataFingerprint.of(self.data, self.list_of)

    @property
    def world_size(self) -> int:
        if self.trainer is not None:
            return self.trainer.world_size
        return torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1

    @property
    def rank(self) -> int:
        if self.trainer is not None:
            return self.trainer.global_rank
        return torch.distributed.get_rank() if torch.distributed.is_initialized() else 0
