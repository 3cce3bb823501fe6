"""Frames of a video file by index, with a minimum of decoding.

The packets are read once and are never decoded to count frames. A clip is decoded from the key frame before it. H.264
frames that are neither requested nor referenced by another frame are not decoded. Only requested frames are converted
to RGB. For a part of a long video, only the packets around the part are read. F: requested frames.
"""

import os
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import takewhile
from types import TracebackType
from typing import NamedTuple

import av
import av.error
import numpy as np
import torch
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from torch import Tensor

from data.errors import DecodeError
from data.sampling import Timeline

LIBRARY_ERRORS = (av.error.FFmpegError, OSError)
# Formats without presentation times: the times of their packets are guesses.
UNTIMED_FORMATS = ("avi",)
# A file with less than this share of the length in its header is truncated. Edit lists may hide some frames.
MIN_COMPLETE_SHARE = 0.95
# Reading starts this many seconds before a part: seeking uses decoding times, which precede presentation times.
SEEK_MARGIN = 1.0


class VideoInfo(NamedTuple):
    """Properties of a video file. Sizes are after rotation. The duration is in seconds."""

    frames: int
    fps: float
    duration: float
    height: int
    width: int


class Run(NamedTuple):
    """Packets from a key frame to the last requested one, in file order."""

    start: int
    stop: int
    requested: set[int]


class VideoFile:
    """Open video file, or a part of one with the same interface; a context manager.

    Args:
        part: start and stop of the part in seconds; the whole file if None.

    Raises:
        DecodeError: from every method, with the path and the first error.
    """

    def __init__(self, path: str | os.PathLike[str], part: tuple[float, float] | None = None) -> None:
        self.path = os.fspath(path)
        self.part = part
        self.name = self.path if part is None else f"{self.path} from {part[0]:.2f} to {part[1]:.2f} s"
        try:
            if os.path.getsize(self.path) == 0:
                raise DecodeError(self.name, "the file is empty")
            self.container = av.open(self.path, metadata_errors="ignore")
        except LIBRARY_ERRORS as error:
            missing = isinstance(error, FileNotFoundError)
            raise DecodeError(self.name, "no such file" if missing else reason(error), missing) from error
        try:
            self.open_stream()
        except BaseException:
            self.close()
            raise

    def open_stream(self) -> None:
        """Read the packets of the first video stream."""
        if not self.container.streams.video:
            kinds = ", ".join(sorted({stream.type for stream in self.container.streams})) or "nothing"
            raise DecodeError(self.name, f"no video stream, only {kinds}")
        self.stream = self.container.streams.video[0]
        # Frame threads may hang if decoding stops early. One thread: the loader workers already use all cores.
        self.stream.codec_context.thread_type = "SLICE"
        self.stream.codec_context.thread_count = 1
        self.reformatter = VideoReformatter()
        try:
            self.packets = [packet for packet in self.demuxed() if packet.size]
        except LIBRARY_ERRORS as error:
            raise DecodeError(self.name, reason(error)) from error
        pts = [packet.pts for packet in self.packets]
        is_timed = self.container.format.name not in UNTIMED_FORMATS
        self.is_indexed = is_timed and None not in pts and len(set(pts)) == len(pts)
        if self.is_indexed:
            shown = [index for index, packet in enumerate(self.packets) if not packet.is_discard]
            self.shown = sorted(shown, key=lambda index: self.pts(index))
        else:
            self.shown = list(range(len(self.packets)))
        if self.part is None:
            self.check_complete()
        else:
            self.keep_part(*self.part)

    def demuxed(self) -> Iterable[Packet]:
        """Packets of the video stream. Those of a part start at a key frame before it."""
        if self.part is None:
            return self.container.demux(self.stream)
        start, stop = (self.start_pts + int(seconds / self.tick_seconds) for seconds in self.part)
        packets: list[Packet] = []
        # Seeking goes too far in some formats: then read from the start.
        for position in (start - int(SEEK_MARGIN / self.tick_seconds), self.start_pts):
            self.container.seek(max(position, self.start_pts), stream=self.stream)
            following = self.container.demux(self.stream)
            packets = list(takewhile(lambda packet: packet.dts is None or packet.dts < stop, following))
            if any(packet.is_keyframe and packet.pts is not None and packet.pts <= start for packet in packets):
                break
        return packets

    def keep_part(self, start: float, stop: float) -> None:
        """Keep only the frames round(start * fps) to round(stop * fps) - 1."""
        if not self.is_indexed:
            raise DecodeError(self.name, "the file has no presentation times; convert it to mp4")
        half_frame = 0.5 / float(self.fps)
        times = {index: (self.pts(index) - self.start_pts) * self.tick_seconds for index in self.shown}
        self.shown = [index for index in self.shown if start - half_frame <= times[index] < stop - half_frame]
        if not self.shown:
            raise DecodeError(self.name, "the video has no frames there")
        if times[self.shown[-1]] - start < MIN_COMPLETE_SHARE * (stop - start) - 1:
            raise DecodeError(self.name, f"truncated: the video ends after {times[self.shown[-1]]:.2f} seconds")

    def check_complete(self) -> None:
        """Reject a file without frames, or one that is shorter than the length in its header."""
        if not self.shown:
            raise DecodeError(self.name, "the video stream has no frames")
        if len(self.shown) < MIN_COMPLETE_SHARE * self.stream.frames:
            expected = f"{self.stream.frames} frames in its header"
            raise DecodeError(self.name, f"truncated: {len(self.shown)} of the {expected}")
        # Matroska has no frame count. Without other streams, its duration is that of the video.
        length = self.container.duration
        if not self.stream.frames and length and len(self.container.streams) == 1 and self.is_indexed:
            seconds = float(self.times[-1] + 1 / self.fps)
            if seconds < MIN_COMPLETE_SHARE * length / av.time_base - 1:
                raise DecodeError(self.name, f"truncated: {seconds:.1f} of {length / av.time_base:.1f} seconds")

    def close(self) -> None:
        """Close the file."""
        self.container.close()

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def fps(self) -> Fraction:
        """Average frame rate."""
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(30)

    @cached_property
    def tick_seconds(self) -> float:
        """Duration of a tick of the file's time base in seconds."""
        return float(self.stream.time_base or 1 / self.fps)

    @property
    def start_pts(self) -> int:
        """Presentation time of the first frame in ticks."""
        return self.stream.start_time or 0

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Presentation time of each frame, in seconds from the first one."""
        if not self.is_indexed or self.stream.time_base is None:
            return np.arange(len(self.shown)) / float(self.fps)
        pts = np.array([self.pts(index) for index in self.shown])
        return (pts - pts[0]) * self.tick_seconds

    @property
    def num_bytes(self) -> int:
        """Size of all decoded frames in bytes."""
        return len(self.shown) * self.stream.width * self.stream.height * 3

    @cached_property
    def timeline(self) -> Timeline:
        """Presentation times of the frames, for the sampling."""
        return Timeline(self.times, self.fps)

    @cached_property
    def info(self) -> VideoInfo:
        """Frame count, frame rate, duration and size. Decodes the first frame for its rotation."""
        height, width = self.frames([0]).shape[-2:]
        num_frames = len(self.shown)
        return VideoInfo(num_frames, float(self.fps), float(num_frames / self.fps), height, width)

    def frames(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Frames in the order of the indices: uint8 RGB (F, 3, height, width), channels last in memory.

        Indices beyond the last frame give the last frame.
        """
        indices = [min(int(index), len(self.shown) - 1) for index in indices]
        try:
            images = self.indexed_images(set(indices)) if self.is_indexed else None
            if images is None and self.part is not None:
                raise DecodeError(self.name, "some of its frames cannot be decoded")
            images = self.counted_images(set(indices)) if images is None else images
        except LIBRARY_ERRORS as error:
            raise DecodeError(self.name, reason(error)) from error
        clip = np.stack([images[index] for index in indices])  # (F, height, width, 3)
        return torch.from_numpy(clip).permute(0, 3, 1, 2)

    def indexed_images(self, indices: set[int]) -> dict[int, NDArray[np.uint8]] | None:
        """Images by frame index, found by presentation time; None if the decoded times differ from the packets'."""
        index_of_pts = {self.pts(self.shown[index]): index for index in indices}
        images: dict[int, NDArray[np.uint8]] = {}
        for run in self.runs(self.shown[index] for index in indices):
            num_left = len(run.requested)
            for frame in self.decoded(run):
                index = None if frame.pts is None else index_of_pts.get(frame.pts)
                if index is not None and index not in images:
                    images[index] = self.image(frame)
                    num_left -= 1
                if num_left == 0:
                    break
            self.stream.codec_context.flush_buffers()
        return images if len(images) == len(indices) else None

    def counted_images(self, indices: set[int]) -> dict[int, NDArray[np.uint8]]:
        """Images by frame index, found by decoding and counting, for files without usable presentation times."""
        all_packets = Run(0, len(self.packets), set(range(len(self.packets))))
        images: dict[int, NDArray[np.uint8]] = {}
        last: VideoFrame | None = None
        for index, frame in enumerate(self.decoded(all_packets)):
            last = frame
            if index in indices:
                images[index] = self.image(frame)
            if len(images) == len(indices):
                break
        self.stream.codec_context.flush_buffers()
        if last is None:
            raise DecodeError(self.name, "not one frame can be decoded")
        if len(images) < len(indices):
            last_image = self.image(last)
            images |= {index: last_image for index in indices if index not in images}
        return images

    def runs(self, requested: Iterable[int]) -> list[Run]:
        """Runs of packets that are sufficient to decode the packets with these indices."""
        key_indices = [index for index, packet in enumerate(self.packets) if packet.is_keyframe]
        runs: list[Run] = []
        for index in sorted(requested):
            nearest = bisect_right(key_indices, index) - 1
            # Open group of pictures: a frame shown before its key frame refers to the group before.
            while nearest > 0 and self.pts(key_indices[nearest]) > self.pts(index):
                nearest -= 1
            start = key_indices[nearest] if nearest >= 0 else 0
            if runs and start < runs[-1].stop:
                runs[-1] = Run(min(start, runs[-1].start), index + 1, runs[-1].requested | {index})
            else:
                runs.append(Run(start, index + 1, {index}))
        return runs

    def decoded(self, run: Run) -> Iterable[VideoFrame]:
        """Frames of a run in presentation order."""
        codec = self.stream.codec_context
        for index in range(run.start, run.stop):
            if index in run.requested or not self.is_disposable(self.packets[index]):
                yield from codec.decode(self.packets[index])
        yield from codec.decode(None)

    def is_disposable(self, packet: Packet) -> bool:
        """Whether no other frame refers to the frame of this packet."""
        if self.nal_length_size is None:
            return False
        return all_disposable(bytes(packet), self.nal_length_size)

    @cached_property
    def nal_length_size(self) -> int | None:
        """Bytes of the length field of each NAL unit of an H.264 packet; None for other codecs and packings."""
        extradata = self.stream.codec_context.extradata
        if self.stream.codec_context.name != "h264" or not extradata or len(extradata) < 7 or extradata[0] != 1:
            return None
        return (extradata[4] & 3) + 1

    def pts(self, index: int) -> int:
        """Presentation time of the packet with this index."""
        pts = self.packets[index].pts
        assert pts is not None
        return pts

    def image(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Rotated RGB image (height, width, 3) of a frame. All images of a file have the size of the first one."""
        rgb = self.reformatter.reformat(frame, self.stream.width, self.stream.height, "rgb24")
        return np.rot90(rgb.to_ndarray().astype(np.uint8, copy=False), round(frame.rotation / 90))


def all_disposable(packet: bytes, length_size: int) -> bool:
    """Whether every picture of an H.264 packet has nal_ref_idc 0."""
    offset, has_picture = 0, False
    while offset + length_size < len(packet):
        header = packet[offset + length_size]
        if 1 <= header & 31 <= 5:
            if header >> 5 & 3:
                return False
            has_picture = True
        offset += length_size + int.from_bytes(packet[offset : offset + length_size], "big")
    return has_picture


def reason(error: Exception) -> str:
    """Message of a library's error, without the path that the library adds."""
    if isinstance(error, EOFError):
        return "no frames before the end of the file"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
