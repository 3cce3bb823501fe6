"""Cache of joints: files are read once where the joints fit, and results do not change."""

from typing import ClassVar

import numpy as np
import pytest

from data.datasets.pose_videos import PoseVideoList
from data.datasets.videos import VideoRecord
from data.errors import DecodeError
from data.items.pose_clips import DEFAULT_BYTES, PoseCache
from data.poses import Poses

BYTES_OF_A_FRAME = 2 * 13 * 2 * 4  # two people of 13 joints, x and y


class Counted(PoseVideoList):
    """Videos of as many frames as their index plus one, whose reads are counted. The fourth cannot be read."""

    reads: ClassVar[list[int]] = []

    def stored_poses(self, index: int) -> Poses:
        self.reads.append(index)
        if index == 3:
            raise DecodeError("a.mat", "cut short")
        return Poses(np.full((index + 1, 2, 13, 2), float(index), np.float32), 64.0, 64.0)


def videos() -> Counted:
    Counted.reads.clear()
    records = tuple(VideoRecord(f"{index}.mp4", 0, str(index)) for index in range(4))
    return Counted(records, ("a",), ("a.mat",) * 4, 2)


def test_joints_that_fit_are_read_once() -> None:
    made = videos()
    cache = PoseCache(made)
    for _ in range(3):
        for index in (0, 2):
            assert cache.poses(index).places.shape == (index + 1, 2, 13, 2)
            assert (cache.poses(index).places == index).all()
    assert made.reads == [0, 2]


def test_joints_beyond_their_share_are_read_each_time() -> None:
    made = videos()
    cache = PoseCache(made, 4 * 2 * BYTES_OF_A_FRAME)
    for _ in range(3):
        for index in (1, 2):
            cache.poses(index)
    assert made.reads == [1, 2, 2, 2]


def test_errors_are_raised_each_time() -> None:
    made = videos()
    cache = PoseCache(made)
    for _ in range(2):
        with pytest.raises(DecodeError, match="cut short"):
            cache.poses(3)
    assert made.reads == [3, 3]


def test_the_memory_is_bounded() -> None:
    assert PoseCache(videos()).share == DEFAULT_BYTES // 4
