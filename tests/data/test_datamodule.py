import pickle
import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from data import held_frames
from data.clips import FAILED, MISSING, OK, Draw, TrainBatch, TrainClips
from data.clips import TestBatch as BatchOfViews
from data.clips import TestViews as ViewsOfVideos
from data.config import DataConfig, EvalConfig
from data.datamodule import VideoDataModule
from data.datasets.epic100 import Epic100
from data.datasets.kinetics import Kinetics
from data.errors import DataError
from data.loaders import EpochBatches, UnrepeatedVideos
from data.sampling import DenseSampling, SegmentSampling
from data.transforms import Augmentation

WriteVideo = Callable[..., Path]
FrameNumbers = Callable[[Tensor], list[int]]

NUM_TRAIN, NUM_TEST = 22, 5
DATA = DataConfig(
    dataset=Kinetics.Config(num_classes=3),
    frames=4,
    crop=32,
    sampling=DenseSampling.Config(stride=4),
    augmentation=Augmentation.Config(short_side=(36, 48)),
)
PROTOCOL = EvalConfig(views=2, crops=3)


@pytest.fixture
def root(tmp_path: Path, write_video: WriteVideo) -> Path:
    """A Kinetics list of videos of 20 to 45 frames."""
    for split, count in (("train", NUM_TRAIN), ("val", NUM_TEST)):
        lines = []
        for number in range(count):
            name = f"{split}/{number}.mp4"
            if number < 6:
                write_video(tmp_path / name, 20 + 5 * number, options={"g": "12", "preset": "ultrafast"})
            else:
                shutil.copy(tmp_path / split / f"{number % 6}.mp4", tmp_path / name)
            lines.append(f"{name} {number % 3}")
        (tmp_path / f"{split}.csv").write_text("\n".join(lines))
    return tmp_path


def module(root: Path, data: DataConfig = DATA, protocol: EvalConfig = PROTOCOL, **options: int) -> VideoDataModule:
    arguments = {"seed": 0, "batch_size": 4, "test_batch_size": 3, "num_workers": 0, **options}
    return VideoDataModule(data, protocol, root=root, **arguments)


def epoch_of(datamodule: VideoDataModule, epoch: int) -> list[TrainBatch]:
    loader = datamodule.train_dataloader()
    loader.sampler.set_epoch(epoch)
    return list(loader)


def are_equal(batches: Iterable[TrainBatch], others: Iterable[TrainBatch]) -> bool:
    pairs = list(zip(batches, others, strict=True))
    return all(torch.equal(x, y) for batch, other in pairs for x, y in zip(batch, other, strict=True))


def test_training_batches_have_the_promised_shapes(root: Path) -> None:
    datamodule = module(root)
    batches = epoch_of(datamodule, 0)
    assert len(batches) == datamodule.steps_per_epoch == NUM_TRAIN // 4
    assert datamodule.num_train == NUM_TRAIN
    for batch in batches:
        assert batch.clips.shape == (4, 4, 3, 32, 32)
        assert batch.labels.tolist() == [index % 3 for index in batch.indices.tolist()]
        assert not batch.replaced.any()
    seen = torch.cat([batch.indices for batch in batches]).tolist()
    assert len(set(seen)) == 20


def test_number_of_workers_changes_nothing(root: Path) -> None:
    alone, helped = module(root).train_dataloader(), module(root, num_workers=2).train_dataloader()
    for epoch in (0, 1):
        alone.sampler.set_epoch(epoch)
        helped.sampler.set_epoch(epoch)
        assert are_equal(alone, helped)


@pytest.mark.parametrize("world_size", [2, 4])
def test_number_of_devices_changes_nothing(world_size: int) -> None:
    one = list(EpochBatches(64, 8, seed=3))
    parts = [list(EpochBatches(64, 8 // world_size, 3, rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert [list(chain.from_iterable(batches)) for batches in zip(*parts, strict=True)] == one


def test_clips_depend_on_seed_epoch_and_video_alone(root: Path) -> None:
    videos = DATA.dataset.build(root, "train")
    clips = TrainClips(videos, DATA, seed=0)
    first = clips[Draw(0, 5)].clip
    torch.rand(3)
    assert torch.equal(TrainClips(videos, DATA, seed=0)[Draw(0, 5)].clip, first)
    assert torch.equal(clips[Draw(0, 5)].clip, first)
    assert not torch.equal(clips[Draw(1, 5)].clip, first)
    assert not torch.equal(TrainClips(videos, DATA, seed=1)[Draw(0, 5)].clip, first)


def test_order_depends_on_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[int]:
        batches = EpochBatches(64, 8, seed)
        batches.set_epoch(epoch)
        return [draw.video for batch in batches for draw in batch]

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4
    assert sorted(order(0, 1)) == list(range(64))


def test_an_epoch_has_whole_steps_only(root: Path) -> None:
    assert module(root, accumulate=2).steps_per_epoch == 4
    with pytest.raises(DataError, match="22 training videos are fewer than one batch of 24; use a smaller batch"):
        module(root, batch_size=24).train_dataloader()


def test_loading_draws_nothing_from_the_trainings_generator(root: Path) -> None:
    before = torch.get_rng_state()
    datamodule = module(root)
    list(datamodule.train_dataloader())
    list(datamodule.test_dataloader())
    assert torch.equal(torch.get_rng_state(), before)


def test_held_frames_give_the_clips_that_decoding_gives(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = module(root)
    held = module(root)
    held_loader = held.train_dataloader()
    list(held_loader)
    assert len(held_loader.loader.dataset.held_frames.videos) == 20  # pyright: ignore[reportAttributeAccessIssue]
    held_loader.sampler.set_epoch(1)
    monkeypatch.setattr(held_frames.HeldFrames.__init__, "__defaults__", (0,))
    decoding_loader = decoded.train_dataloader()
    assert decoding_loader.loader.dataset.held_frames.share == 0  # pyright: ignore[reportAttributeAccessIssue]
    decoding_loader.sampler.set_epoch(1)
    assert are_equal(held_loader, decoding_loader)


def test_data_sets_travel_to_spawned_workers(root: Path) -> None:
    clips = TrainClips(DATA.dataset.build(root, "train"), DATA, seed=0)
    assert torch.equal(pickle.loads(pickle.dumps(clips))[Draw(2, 3)].clip, clips[Draw(2, 3)].clip)


# Unreadable videos


def spoil(root: Path, *names: str) -> None:
    for name in names:
        (root / name).write_bytes(b"not a video")


def test_unreadable_training_videos_are_replaced_and_counted(root: Path) -> None:
    spoil(root, "train/3.mp4")
    (root / "train/8.mp4").unlink()
    datamodule = module(root, allow_bad=2, batch_size=11)
    batches = [*epoch_of(datamodule, 0), *epoch_of(datamodule, 1)]
    assert sum(batch.replaced.sum().item() for batch in batches) == 4
    for batch in batches:
        assert not {3, 8} & set(batch.indices.tolist())
        assert batch.labels.tolist() == [index % 3 for index in batch.indices.tolist()]
    bad = datamodule.bad["train"]
    assert bad.files == [str(root / "train/3.mp4"), str(root / "train/8.mp4")]
    assert (len(bad), bad.num_missing) == (2, 1)
    assert are_equal(epoch_of(module(root, allow_bad=2, batch_size=11, num_workers=2), 0), batches[:2])


def test_unreadable_test_videos_are_never_replaced(root: Path) -> None:
    spoil(root, "val/1.mp4")
    (root / "val/4.mp4").unlink()
    datamodule = module(root, allow_bad=2)
    batches = list(datamodule.test_dataloader())
    status = {
        (video, view): state
        for batch in batches
        for video, view, state in zip(batch.videos.tolist(), batch.view.tolist(), batch.status.tolist(), strict=True)
    }
    expected = {0: OK, 1: FAILED, 2: OK, 3: OK, 4: MISSING}
    assert status == {(video, view): state for video, state in expected.items() for view in (0, 1)}
    for batch in batches:
        assert batch.labels.tolist() == [video % 3 for video in batch.videos.tolist()]
        assert not batch.clips[batch.status != OK].any()
    assert datamodule.bad["test"].num_missing == 1


def test_a_segment_counts_once_however_many_of_its_pictures_are_missing(tmp_path: Path) -> None:
    lines = ["narration_id,video_id,start_timestamp,stop_timestamp,verb_class,noun_class"]
    lines += [f"{n},P01_01,00:00:{n}0.00,00:00:{n}0.50,0,0" for n in range(NUM_TEST)]
    (tmp_path / "EPIC_100_validation.csv").write_text("\n".join(lines))
    folder = tmp_path / "P01" / "rgb_frames" / "P01_01"
    folder.mkdir(parents=True)
    for first in (600 * number for number in (0, 1, 3, 4)):  # none of the pictures of segment 2
        for number in range(first + 1, first + 31):
            Image.new("RGB", (40, 40)).save(folder / f"frame_{number:010d}.jpg")
    data = replace(DATA, dataset=Epic100.Config(), sampling=DenseSampling.Config(stride=1))
    datamodule = module(tmp_path, data, EvalConfig(views=10, crops=1), allow_bad=1)
    assert sum((batch.status == MISSING).sum().item() for batch in datamodule.test_dataloader()) == 10
    bad = datamodule.bad["test"]
    assert bad.files == [f"{folder} from 20.00 to 20.50 s"]
    assert (len(bad), bad.num_missing) == (1, 1)


def test_more_than_one_percent_stops_the_run_with_the_files(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    spoil(root, "val/1.mp4", "val/3.mp4")
    with pytest.raises(DataError) as caught:
        list(module(root).test_dataloader())
    assert str(caught.value) == (
        f"1 of 5 test videos cannot be read, more than the 0 that may be; repair them or allow more with "
        f"--allow-bad N: {root}/val/1.mp4 (Invalid data found when processing input)"
    )
    with pytest.raises(DataError, match=r"2 of 5 test videos .* more than the 1 .*val/1\.mp4 .*val/3\.mp4"):
        list(module(root, allow_bad=1).test_dataloader())
    list(module(root, allow_bad=2).test_dataloader())
    spoil(root, "train/0.mp4")
    with pytest.raises(DataError, match=r"1 of 22 train videos cannot be read"):
        list(module(root, batch_size=11).train_dataloader())
    assert f"unreadable train video {root}/train/0.mp4: Invalid data" in caplog.text


def test_a_set_of_which_nothing_can_be_read_stops(root: Path) -> None:
    spoil(root, *(f"train/{number}.mp4" for number in range(NUM_TRAIN)))
    with pytest.raises(
        DataError, match=r"11 training videos in a row cannot be read, the first: .*\.mp4: Invalid data"
    ):
        list(module(root, allow_bad=100).train_dataloader())


# Testing


def test_test_items_are_views_with_all_their_crops(root: Path) -> None:
    batches = list(module(root).test_dataloader())
    assert [batch.clips.shape for batch in batches] == [(3, 3, 4, 3, 32, 32)] * 3 + [(1, 3, 4, 3, 32, 32)]
    seen = [pair for batch in batches for pair in zip(batch.videos.tolist(), batch.view.tolist(), strict=True)]
    assert seen == [(video, view) for video in range(NUM_TEST) for view in (0, 1)]


def test_test_views_show_the_frames_that_the_sampling_names(root: Path, frame_numbers: FrameNumbers) -> None:
    data = replace(DATA, crop=48)  # the height of the videos: crops are cut, not scaled
    views = ViewsOfVideos(data.dataset.build(root, "val"), data, PROTOCOL)
    for item in range(len(views)):
        view = views[item]
        length = 20 + 5 * view.video
        start = int(np.ceil(max(length - 16, 0) * view.view / 2))
        whole = torch.cat([view.clips[0], view.clips[1][..., 8:40], view.clips[2]], -1)  # 48 + 32 + 48 columns
        assert frame_numbers(whole) == [min(start + step, length - 1) for step in (0, 5, 10, 15)]


def test_stride_of_the_protocol_wins(root: Path, frame_numbers: FrameNumbers) -> None:
    data = replace(DATA, crop=48)
    views = ViewsOfVideos(data.dataset.build(root, "val"), data, EvalConfig(views=1, crops=3, stride=2))
    clips = views[3].clips
    whole = torch.cat([clips[0], clips[1][..., 8:40], clips[2]], -1)
    assert frame_numbers(whole) == [14, 16, 18, 21]  # the middle of 35 frames


def test_span_of_the_protocol_wins_over_strides_and_segments(root: Path, frame_numbers: FrameNumbers) -> None:
    expected = {
        (DenseSampling.Config(stride=4), 1.0): [0, 11, 22, 34],
        (SegmentSampling.Config(nominal_fps=None), 1.0): [4, 12, 21, 30],
        (SegmentSampling.Config(nominal_fps=None), 0.5): [10, 15, 19, 23],
    }
    for (sampling, span), numbers in expected.items():
        data = replace(DATA, crop=48, sampling=sampling)
        protocol = EvalConfig(views=1, crops=3, span=span)
        clips = ViewsOfVideos(data.dataset.build(root, "val"), data, protocol)[3].clips
        assert frame_numbers(torch.cat([clips[0], clips[1][..., 8:40], clips[2]], -1)) == numbers


def test_protocols_that_the_sampling_does_not_have_are_refused(root: Path) -> None:
    data = replace(DATA, sampling=SegmentSampling.Config())
    with pytest.raises(ValueError, match=r"segment sampling has one view, the whole video; evaluation\.views is 2"):
        module(root, data).test_dataloader()
    with pytest.raises(ValueError, match=r"has no stride in frames: set evaluation\.span"):
        module(root, data, EvalConfig(views=1, stride=2)).test_dataloader()
    with pytest.raises(ValueError, match=r"span the whole video have one view; evaluation\.views is 2"):
        module(root, DATA, EvalConfig(views=2, span=1.0)).test_dataloader()
    with pytest.raises(ValueError, match="exclude each other"):
        EvalConfig(stride=2, span=0.5)
    assert len(list(module(root, data, EvalConfig(views=2, span=0.5)).test_dataloader())) == 4
    with pytest.raises(ValueError, match=r"evaluation\.views is 0; it must be 1 or more"):
        module(root, DATA, EvalConfig(views=0)).test_dataloader()
    assert len(list(module(root, data, EvalConfig(views=1)).test_dataloader())) == 2


def test_validation_shows_the_middle_of_each_video_once(root: Path) -> None:
    (batch,) = module(root, test_batch_size=2, protocol=PROTOCOL).val_dataloader()
    assert batch.clips.shape == (NUM_TEST, 1, 4, 3, 32, 32)
    assert batch.videos.tolist() == list(range(NUM_TEST))


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_devices_share_test_videos_without_repeating_any(root: Path, world_size: int) -> None:
    views = ViewsOfVideos(DATA.dataset.build(root, "val"), DATA, PROTOCOL)
    shares = [list(UnrepeatedVideos(views, rank=rank, world_size=world_size)) for rank in range(world_size)]
    assert sorted(chain.from_iterable(shares)) == list(range(2 * NUM_TEST))
    assert max(map(len, shares)) - min(map(len, shares)) <= 2
    assert all(len(UnrepeatedVideos(views, rank=r, world_size=world_size)) == len(s) for r, s in enumerate(shares))


def test_fingerprint_is_that_of_the_annotations(root: Path) -> None:
    before = module(root).fingerprint
    assert module(root, batch_size=2).fingerprint == before
    lines = (root / "train.csv").read_text()
    (root / "train.csv").write_text(lines.replace("train/3.mp4 0", "train/3.mp4 1"))
    assert module(root).fingerprint not in (before, None)
    (root / "train.csv").unlink()
    assert len(module(root).fingerprint) == 16  # a test alone needs no training list


def test_real_clips_go_through_reader_decoder_and_views(clips: Path, tmp_path: Path) -> None:
    names = ["test.mp4", "test_video_structuralize.mp4", "part_0.mp4", "test.avi"]
    (tmp_path / "list.txt").write_text("\n".join(f"{clips.resolve() / name} {i}" for i, name in enumerate(names)))
    data = DataConfig(dataset=Kinetics.Config(num_classes=4, root_is_list=True))
    datamodule = module(tmp_path / "list.txt", data, EvalConfig(views=10, crops=3), test_batch_size=10)
    batches = list(datamodule.test_dataloader())
    assert [batch.clips.shape for batch in batches] == [(10, 3, 16, 3, 224, 224)] * 4
    assert all((batch.status == OK).all() for batch in batches)
    assert datamodule.num_test_videos == 4
    for batch in (batches[0], batches[1], batches[3]):
        assert len({clip.float().mean().item() for clip in batch.clips}) == 10
    short = batches[2].clips  # about one second: all views are the same, its end is repeated
    assert (short == short[:1]).all()
    assert torch.equal(short[0, 0, 8], short[0, 0, 15])
    assert not torch.equal(short[0, 0, 0], short[0, 0, 7])


# With Lightning


class Recorder(pl.LightningModule):
    """Trains a little and remembers what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(3, 3)
        self.seen: list[tuple[int, int, list[int], float]] = []
        self.num_tested = 0

    def training_step(self, batch: TrainBatch, batch_idx: int) -> Tensor:
        assert batch.clips.dtype == torch.float32
        assert -1 <= batch.clips.min() <= batch.clips.max() <= 1
        self.seen.append((self.current_epoch, batch_idx, batch.indices.tolist(), batch.clips.sum().item()))
        return torch.nn.functional.cross_entropy(self.linear(batch.clips.mean((1, 3, 4))), batch.labels)

    def test_step(self, batch: BatchOfViews, batch_idx: int) -> None:
        assert batch.clips.dtype == torch.float32
        self.num_tested += len(batch.labels)

    def configure_optimizers(self) -> torch.optim.Optimizer:
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
def test_training_resumes_bit_for_bit_from_any_batch(root: Path, tmp_path: Path) -> None:
    whole = trained(root, [SaveAlways(tmp_path)])
    assert len(whole.seen) == 15
    cases = [("step2", 2, 0), ("step5", 5, 0), ("epoch0", 5, 0), ("step6", 6, 2)]
    for name, start, num_workers in cases:
        resumed = trained(root, [], tmp_path / f"{name}.ckpt", num_workers)
        assert resumed.seen == whole.seen[start:], name
        assert torch.equal(resumed.linear.weight, whole.linear.weight), name


@pytest.mark.filterwarnings("ignore")
def test_lightning_tests_every_view_once(root: Path) -> None:
    recorder = Recorder()
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_progress_bar=False, use_distributed_sampler=False)
    trainer.test(recorder, module(root), verbose=False)
    assert recorder.num_tested == 2 * NUM_TEST
