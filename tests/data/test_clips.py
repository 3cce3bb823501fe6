import multiprocessing
import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from data.clips import FRAME_BYTES, ClipViews, FrameCache, PoseCache, RandomClips
from data.datasets.kinetics import Kinetics
from data.datasets.pose_videos import Poses, PoseVideoList
from data.datasets.videos import VideoRecord
from data.errors import DecodeError
from data.items import Draw
from data.sampling.base import Indices
from data.sampling.strides import DenseSampling
from data.stand_ins.drawing.ensure import ensure
from data.stand_ins.drawing.kinetics import KineticsDrawing
from data.stand_ins.of_videos import KineticsStandIn
from data.transforms.pixels import Augmentation
from data.video.decode import VideoFile
from data.video.decoded_videos import SharedVideos, Sharing
from data.video.frame_sources import opened
from interface.evaluation import EvalConfig
from tests.data.numbered_videos import numbers
from tests.data.small_clips import DATA

WHOLE = replace(DATA, crop=48, augmentation=Augmentation.Config())  # the height of the videos: crops are not scaled
PROTOCOL = EvalConfig(views=2, crops=3)


def joined(crops: Tensor) -> Tensor:
    """Whole frames, joined from three crops of 48 columns: 48 + 32 + 48."""
    left, middle, right = crops
    return torch.cat([left, middle[..., 8:40], right], -1)


def test_clips_can_be_pickled_for_spawned_workers(kinetics_root: Path) -> None:
    clips = DATA.train_items(DATA.dataset.build(kinetics_root, "train"), seed=0)
    assert torch.equal(pickle.loads(pickle.dumps(clips))[Draw(2, 3)].inputs[0], clips[Draw(2, 3)].inputs[0])


def test_test_views_have_the_frames_of_the_sampling(kinetics_root: Path) -> None:
    views = WHOLE.test_items(WHOLE.dataset.build(kinetics_root, "val"), PROTOCOL)
    assert len(views) == 10
    for place in range(len(views)):
        item = views[place]
        length = 20 + 5 * item.place
        start = int(np.ceil(max(length - 16, 0) * item.view / 2))
        assert numbers(joined(item.inputs[0])) == [min(start + step, length - 1) for step in (0, 5, 10, 15)]


@pytest.mark.parametrize("num_bytes", [FRAME_BYTES, 0])
def test_the_views_of_a_batch_open_their_video_once(
    kinetics_root: Path, num_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data.clips.FRAME_BYTES", num_bytes)
    views = DATA.test_items(DATA.dataset.build(kinetics_root, "val"), EvalConfig(views=4, crops=3))
    assert isinstance(views.inputs, ClipViews)
    views.inputs.frame_cache = FrameCache(len(views), 0)
    alone, paths = [views[place] for place in range(2, 10)], list[str]()
    monkeypatch.setattr("data.clips.opened", lambda record: paths.append(record.path) or opened(record))
    together = views.__getitems__(range(2, 10))
    assert len(paths) == len(set(paths)) == 3
    for one, same in zip(alone, together, strict=True):
        assert (one.place, one.view, one.label) == (same.place, same.view, same.label)
        assert torch.equal(one.inputs[0], same.inputs[0])


@pytest.mark.parametrize("span", [None, 0.5])
def test_validation_uses_the_middle_clip_and_crop_of_the_training_sampling(
    kinetics_root: Path, span: float | None
) -> None:
    data = replace(WHOLE, sampling=DenseSampling.Config(stride=2, span=span))
    videos = data.dataset.build(kinetics_root, "val")
    shown, tested = data.validation_items(videos), data.test_items(videos, EvalConfig(views=1, crops=3))
    assert len(shown) == len(videos)
    for place in range(len(videos)):
        assert torch.equal(shown[place].inputs[0], tested[place].inputs[0][1:2])


def test_reversed_channels_are_blue_first_in_training_and_test(tmp_path: Path) -> None:
    coloured = KineticsStandIn(num_train=2, num_val=1)
    dataset = Kinetics.Config(num_classes=coloured.num_classes, stand_in=coloured)
    videos = dataset.build(ensure(KineticsDrawing(coloured), tmp_path, progress=False, workers=0), "train")
    plain = replace(DATA, dataset=dataset, augmentation=Augmentation.Config(short_side=(36, 48), color_jitter=0.0))
    reversed_ = replace(plain, reversed_channels=True)
    ours, theirs = (data.train_items(videos, seed=0)[Draw(0, 1)].inputs[0] for data in (plain, reversed_))
    assert not torch.equal(ours, theirs)
    assert torch.equal(ours, theirs.flip(1))
    ours, theirs = (data.test_items(videos, PROTOCOL)[3].inputs[0] for data in (plain, reversed_))
    assert torch.equal(ours, theirs.flip(2))


BYTES_OF_A_FRAME = 48 * 128 * 3


def first_and_last(cache: FrameCache, record: VideoRecord) -> Tensor:
    with cache.opened(record) as video:
        return video.frames(np.array([0, video.timeline.num_frames - 1]))


def test_cached_and_decoded_frames_give_equal_clips(kinetics_root: Path) -> None:
    videos = DATA.dataset.build(kinetics_root, "train")
    items, others = DATA.train_items(videos, 0), DATA.train_items(videos, 0)
    cached, decoded = items.inputs, others.inputs
    assert isinstance(cached, RandomClips) and isinstance(decoded, RandomClips)
    decoded.frame_cache = FrameCache(len(videos), 0)
    for draw in (Draw(epoch, place) for epoch in (0, 1) for place in range(len(videos))):
        assert torch.equal(items[draw].inputs[0], others[draw].inputs[0])
    assert (len(cached.frame_cache.videos), len(decoded.frame_cache.videos)) == (22, 0)


def test_a_video_that_fits_its_share_of_the_memory_is_decoded_once(
    kinetics_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Kinetics.Config(num_classes=3).build(kinetics_root, "val").records  # of 20, 25, 30, ... frames
    for cache in (FrameCache(2), FrameCache(4, 4 * 25 * BYTES_OF_A_FRAME)):
        first = first_and_last(cache, records[1])
        with opened(records[1]) as video:
            assert torch.equal(first, video.frames([0, 24]))
        with monkeypatch.context() as patch:
            patch.setattr("data.clips.opened", None)
            assert torch.equal(first_and_last(cache, records[1]), first)
    for record in records:
        first_and_last(cache, record)
    assert list(cache.videos) == [records[1], records[0]]  # longer ones are decoded each time
    assert (FrameCache(1000).share, FrameCache(0).share) == (FRAME_BYTES // 1000, FRAME_BYTES)


def test_a_video_with_a_damaged_frame_is_read_where_it_is_sound(
    kinetics_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records, frames = Kinetics.Config(num_classes=3).build(kinetics_root, "val").records, VideoFile.frames

    def damaged(video: VideoFile, indices: Indices) -> Tensor:
        if 12 in indices:
            raise DecodeError(video.name, "the frame at 0.48 seconds is damaged")
        return frames(video, indices)

    monkeypatch.setattr(VideoFile, "frames", damaged)
    cache = FrameCache(len(records))
    assert len(first_and_last(cache, records[0])) == 2 and not cache.videos
    with pytest.raises(DecodeError), cache.opened(records[0]) as video:
        video.frames(np.array([12]))


def test_processes_share_decoded_videos_until_their_memory_is_full(
    kinetics_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = Kinetics.Config(num_classes=3).build(kinetics_root, "val").records  # of 20, 25, 30, ... frames
    expected = [first_and_last(FrameCache(0), record) for record in records[:3]]
    monkeypatch.setattr(Sharing, "videos", SharedVideos(49 * BYTES_OF_A_FRAME))
    context = multiprocessing.get_context("fork")

    def decode(numbers: Sequence[int]) -> None:
        for number in numbers:
            assert torch.equal(first_and_last(FrameCache(1), records[number]), expected[number])

    both = [context.Process(target=decode, args=[numbers]) for numbers in ([0, 1], [1, 0])]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    opened_here = []
    monkeypatch.setattr("data.clips.opened", lambda record: opened_here.append(record) or opened(record))
    decode([0, 1, 2])
    assert opened_here == [records[2]]


def test_joints_that_fit_their_share_are_read_once_and_errors_are_raised_each_time() -> None:
    reads = []

    def poses(path: str, video_id: str) -> Poses:
        """Joints of as many frames as the id plus one. Those of the fourth video cannot be read."""
        reads.append(index := int(video_id))
        if index == 3:
            raise DecodeError(path, "cut short")
        return Poses(np.full((index + 1, 2, 13, 2), float(index), np.float32), 64.0, 64.0)

    records = tuple(VideoRecord(f"{index}.mp4", 0, str(index)) for index in range(4))
    videos = PoseVideoList(records, ("a",), ("a.mat",) * 4, 2, poses)
    cache = PoseCache(videos, 4 * 2 * 2 * 13 * 2 * 4)  # two frames each
    for _ in range(3):
        for index in (1, 2):
            assert (cache.poses(index).places == index).all()
        with pytest.raises(DecodeError, match="cut short"):
            cache.poses(3)
    assert reads == [1, 2, 3, 2, 3, 2, 3]
