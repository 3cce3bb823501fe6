"""Small videos that stay in memory with all frames: of one process, or shared by those that one process forks."""

import fcntl
import mmap
import os
import pickle
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from data.datasets.videos import VideoRecord
from data.sampling.base import Indices, Timeline

# Memory is taken as videos are added: the stand-ins of two data sets have 1.2 GB.
SHARED_BYTES = 1536 * 2**20


@dataclass(frozen=True)
class DecodedVideo:
    """All frames of a video, uint8 (F, height, width, 3), with the interface of an open one."""

    images: NDArray[np.uint8]
    timeline: Timeline

    @property
    def num_bytes(self) -> int:
        return self.images.nbytes

    def frames(self, indices: Indices) -> Tensor:
        """Frames (F, 3, height, width) at the indices. NumPy chooses small ones four times as fast as torch."""
        return torch.from_numpy(self.images[indices]).permute(0, 3, 1, 2)


class SharedVideos:
    """Memory of decoded videos, to which processes append, and its length in its first bytes.

    A process that is killed while it appends leaves the length as it was, and no lock.
    """

    def __init__(self, num_bytes: int = SHARED_BYTES) -> None:
        self.memory, self.lock = mmap.mmap(-1, num_bytes), os.memfd_create("lock of decoded videos")
        self.read_to = 8
        self.known: dict[VideoRecord, DecodedVideo] = {}

    def find(self, record: VideoRecord) -> DecodedVideo | None:
        end = int.from_bytes(self.memory[:8])
        while self.read_to < end:
            start = self.read_to + 8
            images = start + int.from_bytes(self.memory[self.read_to : start])
            found, shape, timeline = pickle.loads(self.memory[start:images])
            self.read_to = images + int(np.prod(shape))
            pixels = np.frombuffer(memoryview(self.memory)[images : self.read_to], np.uint8).reshape(shape)
            self.known[found] = DecodedVideo(pixels, timeline)
        return self.known.get(record)

    def add(self, record: VideoRecord, video: DecodedVideo) -> DecodedVideo:
        """The video in shared memory, or itself if that is full."""
        header = pickle.dumps((record, video.images.shape, video.timeline))
        added = len(header).to_bytes(8) + header + video.images.tobytes()
        fcntl.lockf(self.lock, fcntl.LOCK_EX)
        try:
            found = self.find(record)
            if found is None and self.read_to + len(added) <= len(self.memory):
                self.memory[self.read_to : self.read_to + len(added)] = added
                self.memory[:8] = (self.read_to + len(added)).to_bytes(8)
                found = self.find(record)
        finally:
            fcntl.lockf(self.lock, fcntl.LOCK_UN)
        return found or video


class Sharing:
    """Memory that this process shares with those that it forks, or with the one that forked it; None if alone."""

    videos: SharedVideos | None = None
