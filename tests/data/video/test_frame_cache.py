from pathlib import Path

import numpy as np
import pytest
import torch

from data.datasets.kinetics import Kinetics
from data.datasets.videos import VideoRecord
from data.items.items import Draw
from data.sampling.base import Indices, Timeline
from data.video import frame_cache
from data.video.frame_cache import DEFAULT_BYTES, FrameCache
from data.video.frame_sources import opened
from tests.data.small_clips import DATA

BYTES_OF_A_FRAME = 48 * 128 * 3


def first_and_last(timeline: Timeline) -> Indices:
    return np.array([0, timeline.num_frames - 1])


@pytest.fixture
def records(kinetics_root: Path) -> tuple[VideoRecord, ...]:
    """Videos of 20, 25, 30, ... frames."""
    return Kinetics.Config(num_classes=3).build(kinetics_root, "val").records


def test_cached_and_decoded_frames_give_equal_clips(kinetics_root: Path) -> None:
    videos = DATA.dataset.build(kinetics_root, "train")
    cached, decoded = DATA.train_items(videos, seed=0), DATA.train_items(videos, seed=0)
    decoded.frame_cache = FrameCache(len(videos), 0)
    for place in range(len(videos)):
        assert torch.equal(cached[Draw(0, place)].inputs[0], decoded[Draw(0, place)].inputs[0])
    assert (len(cached.frame_cache.videos), len(decoded.frame_cache.videos)) == (22, 0)
    for place in range(len(videos)):
        assert torch.equal(cached[Draw(1, place)].inputs[0], decoded[Draw(1, place)].inputs[0])


def test_a_video_is_decoded_once(records: tuple[VideoRecord, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    cache = FrameCache(2)
    first = cache.frames(records[1], first_and_last)
    with opened(records[1]) as video:
        assert torch.equal(first, video.frames([0, 24]))
    monkeypatch.setattr(frame_cache, "opened", None)
    assert torch.equal(cache.frames(records[1], first_and_last), first)


def test_a_video_larger_than_its_share_is_decoded_each_time(records: tuple[VideoRecord, ...]) -> None:
    cache = FrameCache(4, 4 * 25 * BYTES_OF_A_FRAME)
    for _ in range(2):
        for record in records:
            cache.frames(record, first_and_last)
    assert list(cache.videos) == list(records[:2])


def test_the_memory_is_shared_by_all_videos() -> None:
    assert FrameCache(1000).share == DEFAULT_BYTES // 1000
    assert FrameCache(0).share == DEFAULT_BYTES


@pytest.mark.parametrize("num_bytes", [0, DEFAULT_BYTES])
def test_sampled_frames_come_with_their_indices(records: tuple[VideoRecord, ...], num_bytes: int) -> None:
    cache = FrameCache(2, num_bytes)
    sampled = cache.sampled(records[1], first_and_last)
    assert (sampled.indices.tolist(), sampled.num_frames) == ([0, 24], 25)
    assert torch.equal(sampled.frames, cache.frames(records[1], first_and_last))
