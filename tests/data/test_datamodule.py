import os
from collections.abc import Iterable
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from torch import Tensor

from data.datamodule import DataModule
from data.datasets.own_videos import ListFile
from data.errors import DataError
from data.video_data import VideoData
from data.worker_processes import STOP_SIGNALS
from interface.batches import Batch
from interface.targets import ClassTarget
from tests.data.small_clips import DATA, data_module

NUM_TRAIN, NUM_TEST = 22, 5


def module(root: Path, data: VideoData = DATA, views: int = 2, crops: int = 3, **options: object) -> DataModule:
    return data_module(root, data, views, crops, **{"test_batch_size": 3, **options})


def epoch_of(datamodule: DataModule, epoch: int) -> list[Batch]:
    loader = datamodule.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


def are_equal(batches: Iterable[Batch], others: Iterable[Batch]) -> bool:
    pairs = list(zip(batches, others, strict=True))
    return all(
        torch.equal(x, y) for a, b in pairs for x, y in zip((*a.inputs, *a[1:6]), (*b.inputs, *b[1:6]), strict=True)
    )


def test_training_batches_have_the_configured_shapes(kinetics_root: Path) -> None:
    datamodule = module(kinetics_root)
    batches = epoch_of(datamodule, 0)
    assert len(batches) == NUM_TRAIN // 4
    assert len(datamodule.list_of("train")) == NUM_TRAIN
    for batch in batches:
        (clips,) = batch.inputs
        assert clips.shape == (4, 4, 3, 32, 32)
        assert clips.dtype == torch.uint8
        assert batch.targets.tolist() == [index % 3 for index in batch.items.tolist()]
        assert not batch.unreadable.any()
    seen = torch.cat([batch.items for batch in batches]).tolist()
    assert len(set(seen)) == 20


def test_batches_do_not_depend_on_the_number_of_workers(kinetics_root: Path) -> None:
    alone, helped = module(kinetics_root).train_dataloader(), module(kinetics_root, num_workers=2).train_dataloader()
    for epoch in (0, 1):
        alone.sampler.set_epoch(epoch)
        helped.sampler.set_epoch(epoch)
        assert are_equal(alone, helped)


def test_loading_draws_nothing_from_the_global_generator(kinetics_root: Path) -> None:
    before = torch.get_rng_state()
    datamodule = module(kinetics_root)
    list(datamodule.train_dataloader())
    list(datamodule.test_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


# Unreadable videos


def corrupt(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_bytes(b"not a video")


def test_unreadable_training_videos_are_replaced_and_counted(kinetics_root: Path) -> None:
    corrupt(kinetics_root, "train/3.mp4")
    (kinetics_root / "train/8.mp4").unlink()
    datamodule = module(kinetics_root, allow_bad=2, batch_size=11)
    batches = [*epoch_of(datamodule, 0), *epoch_of(datamodule, 1)]
    assert sum(batch.unreadable.sum().item() for batch in batches) == 4
    for batch in batches:
        assert not {3, 8} & set(batch.items.tolist())
        assert batch.targets.tolist() == [index % 3 for index in batch.items.tolist()]
    unreadable = datamodule.unreadable_in("train")
    assert unreadable.files == [str(kinetics_root / "train/3.mp4"), str(kinetics_root / "train/8.mp4")]
    assert (len(unreadable), unreadable.num_missing) == (2, 1)
    assert datamodule.num_replaced() == 2
    assert are_equal(epoch_of(module(kinetics_root, allow_bad=2, batch_size=11, num_workers=2), 0), batches[:2])


def test_a_resumed_training_keeps_its_unreadable_items(kinetics_root: Path) -> None:
    corrupt(kinetics_root, "train/3.mp4")
    first = module(kinetics_root, allow_bad=1, batch_size=11)
    epoch_of(first, 0)
    resumed = module(kinetics_root, allow_bad=1, batch_size=11)
    resumed.load_state_dict(first.state_dict())  # pyright: ignore[reportArgumentType]
    assert resumed.num_replaced() == 1
    assert resumed.unreadable_in("train").reasons == first.unreadable_in("train").reasons
    assert module(kinetics_root).num_replaced() == 0
    assert module(kinetics_root).state_dict() == {}


@pytest.mark.parametrize("knows_items", [True, False])
def test_a_training_resumes_at_the_same_item_with_batches_of_another_size(
    kinetics_root: Path, knows_items: bool
) -> None:
    first = module(kinetics_root, batch_size=4 if knows_items else 2).train_dataloader()
    batches = iter(first)
    for _ in range(3):
        next(batches)
    state = first.state_dict()
    if not knows_items:
        del state["items"]  # as before the size was saved: batches of the same size are assumed
    resumed = module(kinetics_root, batch_size=2).train_dataloader()
    resumed.load_state_dict(state)
    whole = [batch.items.tolist() for batch in module(kinetics_root, batch_size=2).train_dataloader()]
    assert [batch.items.tolist() for batch in resumed] == whole[6 if knows_items else 3 :]


def test_unreadable_test_videos_are_never_replaced(kinetics_root: Path) -> None:
    corrupt(kinetics_root, "val/1.mp4")
    (kinetics_root / "val/4.mp4").unlink()
    datamodule = module(kinetics_root, allow_bad=2)
    batches = list(datamodule.test_dataloader())
    states = {
        place[:2]: place[2:]
        for batch in batches
        for place in zip(
            *(t.tolist() for t in (batch.items, batch.views, batch.unreadable, batch.missing)), strict=True
        )
    }
    readable, failed, missing = (False, False), (True, False), (True, True)
    expected = {0: readable, 1: failed, 2: readable, 3: readable, 4: missing}
    assert states == {(item, view): state for item, state in expected.items() for view in (0, 1)}
    for batch in batches:
        assert batch.targets.tolist() == [item % 3 for item in batch.items.tolist()]
        assert not batch.inputs[0][batch.unreadable].any()
        assert batch.inputs[0][~batch.unreadable].flatten(1).any(1).all()
    assert datamodule.unreadable_in("test").num_missing == 1


def test_more_than_one_percent_of_unreadable_items_stop_the_run(
    kinetics_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corrupt(kinetics_root, "val/1.mp4", "val/3.mp4")
    with pytest.raises(DataError) as caught:
        list(module(kinetics_root).test_dataloader())
    assert str(caught.value) == (
        f"1 of 5 test videos cannot be read; the limit is 0: repair them, or raise the limit with "
        f"--allow-bad N: {kinetics_root}/val/1.mp4 (Invalid data found when processing input)"
    )
    with pytest.raises(DataError, match=r"2 of 5 test videos .* the limit is 1: .*val/1\.mp4 .*val/3\.mp4"):
        list(module(kinetics_root, allow_bad=1).test_dataloader())
    list(module(kinetics_root, allow_bad=2).test_dataloader())
    corrupt(kinetics_root, "train/0.mp4")
    with pytest.raises(DataError, match=r"1 of 22 train videos cannot be read"):
        list(module(kinetics_root, batch_size=11).train_dataloader())
    assert f"unreadable train item {kinetics_root}/train/0.mp4: Invalid data" in caplog.text


# Testing


def test_test_items_are_views_with_all_their_crops(kinetics_root: Path) -> None:
    batches = list(module(kinetics_root).test_dataloader())
    assert [batch.inputs[0].shape for batch in batches] == [(3, 3, 4, 3, 32, 32)] * 3 + [(1, 3, 4, 3, 32, 32)]
    seen = [pair for batch in batches for pair in zip(batch.items.tolist(), batch.views.tolist(), strict=True)]
    assert seen == [(item, view) for item in range(NUM_TEST) for view in (0, 1)]


def test_real_clips_go_through_reader_decoder_and_views(clips: Path, tmp_path: Path) -> None:
    names = ["test.mp4", "test_video_structuralize.mp4", "part_0.mp4", "test.avi"]
    (tmp_path / "list.txt").write_text("\n".join(f"{clips.resolve() / name} {i}" for i, name in enumerate(names)))
    data = VideoData(dataset=ListFile.Config(predicted=ClassTarget(4)))
    datamodule = module(tmp_path / "list.txt", data, views=10, crops=3, test_batch_size=10)
    batches = list(datamodule.test_dataloader())
    assert [batch.inputs[0].shape for batch in batches] == [(10, 3, 16, 3, 224, 224)] * 4
    assert not any(batch.unreadable.any() for batch in batches)
    assert len(datamodule.list_of("test")) == 4
    for batch in (batches[0], batches[1], batches[3]):
        assert len({clip.float().mean().item() for clip in batch.inputs[0]}) == 10
    short = batches[2].inputs[0]  # about one second: all views are equal, and the last frame is repeated
    assert (short == short[:1]).all()
    assert torch.equal(short[0, 0, 8], short[0, 0, 15])
    assert not torch.equal(short[0, 0, 0], short[0, 0, 7])


# With Lightning


class Recorder(pl.LightningModule):
    """Short training that records its batches."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)
        self.seen: list[tuple[int, int, list[int], float]] = []
        self.num_tested = 0

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        (clips,) = batch.inputs
        assert clips.dtype == torch.float32
        assert -1 <= clips.min() <= clips.max() <= 1
        self.seen.append((self.current_epoch, batch_idx, batch.items.tolist(), clips.sum().item()))
        return torch.nn.functional.cross_entropy(self.linear(clips.mean((1, 3, 4))), batch.targets)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        assert batch.inputs[0].dtype == torch.float32
        self.num_tested += len(batch.targets)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        # As in recipes: Lightning then sets up its loaders before it loads the checkpoint, and does not restore them.
        assert self.trainer.estimated_stepping_batches == 15
        return torch.optim.SGD(self.parameters(), 0.1)


class SaveAlways(pl.Callback):
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: object, batch: object, batch_idx: int
    ) -> None:
        trainer.save_checkpoint(self.folder / f"step{trainer.global_step}.ckpt")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.save_checkpoint(self.folder / f"epoch{trainer.current_epoch}.ckpt")


def trained(root: Path, callbacks: list[pl.Callback], checkpoint: Path | None = None, num_workers: int = 0) -> Recorder:
    torch.manual_seed(0)
    recorder = Recorder()
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=3,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
        num_sanity_val_steps=0,
        callbacks=callbacks,
    )
    trainer.fit(recorder, module(root, num_workers=num_workers), ckpt_path=checkpoint, weights_only=False)
    return recorder


@pytest.mark.filterwarnings("ignore")
def test_training_resumes_bit_for_bit_from_any_batch(kinetics_root: Path, tmp_path: Path) -> None:
    whole = trained(kinetics_root, [SaveAlways(tmp_path)])
    assert len(whole.seen) == 15
    cases = [("step2", 2, 0), ("step5", 5, 0), ("epoch0", 5, 0), ("step6", 6, 2)]
    for name, start, num_workers in cases:
        resumed = trained(kinetics_root, [], tmp_path / f"{name}.ckpt", num_workers)
        assert resumed.seen == whole.seen[start:], name
        assert torch.equal(resumed.linear.weight, whole.linear.weight), name


def test_a_validation_of_a_part_takes_some_items(kinetics_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data.loaders.LEAST_PART", 1)
    batches = list(module(kinetics_root, validation_parts=3).val_dataloader())
    items = [item for batch in batches for item in batch.items.tolist()]
    assert len(set(items)) == len(items) == -(-NUM_TEST // 3)


def test_workers_ignore_the_signals_of_a_cluster_and_are_shut_down(kinetics_root: Path) -> None:
    datamodule = module(kinetics_root, num_workers=2)
    loader = datamodule.train_dataloader()
    batches = iter(loader)
    found, workers = [next(batches)], loader.loader._iterator._workers  # type: ignore[union-attr]
    for number in STOP_SIGNALS * 2:
        for worker in workers:
            os.kill(worker.pid, number)
    assert are_equal([*found, *batches], epoch_of(module(kinetics_root), 0))
    assert all(worker.is_alive() for worker in workers)
    datamodule.teardown("fit")
    assert not any(worker.is_alive() for worker in workers)
