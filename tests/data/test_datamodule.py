import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import torch

from data.datamodule import DataModule
from data.errors import DataError
from data.video_data import VideoData
from data.worker_processes import STOP_SIGNALS
from interface.batches import Batch
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


def test_unreadable_training_videos_are_replaced_and_counted(
    kinetics_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
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
    assert datamodule.num_replaced() == caplog.text.count("unreadable train item") == 2
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


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_training_resumes_with_the_same_batches(kinetics_root: Path, num_workers: int) -> None:
    first = module(kinetics_root)
    loader = first.train_dataloader()
    loader.sampler.set_epoch(1)
    batches = iter(loader)
    next(batches), next(batches)
    resumed = module(kinetics_root, num_workers=num_workers)
    resumed.load_state_dict(first.state_dict())  # pyright: ignore[reportArgumentType]
    rest = epoch_of(resumed, 1)
    resumed.teardown("fit")
    assert are_equal(rest, epoch_of(module(kinetics_root), 1)[2:]) and are_equal(rest, batches)


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
    found = []
    for batch in datamodule.test_dataloader():
        found += zip(*(field.tolist() for field in (batch.items, batch.unreadable, batch.missing)), strict=True)
        assert batch.targets.tolist() == [item % 3 for item in batch.items.tolist()]
        assert not batch.inputs[0][batch.unreadable].any()
        assert batch.inputs[0][~batch.unreadable].flatten(1).any(1).all()
    assert found[::2] == found[1::2]  # two views each
    assert found[::2] == [(0, False, False), (1, True, False), *((i, False, False) for i in (2, 3)), (4, True, True)]
    assert datamodule.unreadable_in("test").files == [f"{kinetics_root}/val/{number}.mp4" for number in (1, 4)]
    assert datamodule.unreadable_in("test").num_missing == 1


def test_more_than_one_percent_of_unreadable_items_stop_the_run(
    kinetics_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    corrupt(kinetics_root, "val/1.mp4", "val/3.mp4")
    with pytest.raises(DataError, match=r"^1 of 5 test videos .* the limit is 0: .*/val/1\.mp4 \(Invalid data"):
        list(module(kinetics_root).test_dataloader())
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


# Validations and workers


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
