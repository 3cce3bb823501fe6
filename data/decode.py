"""Frames of a video file by their place in it, decoding no more than they need.

The packets are read once and never decoded to count frames. A clip is decoded from the key frame before it; H.264
frames that nobody wants and that no other frame refers to are never sent to the decoder. Only frames asked for are
converted to RGB. Of a part of a long video only the packets around it are read. F frames asked for.
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
# Formats that store no time of showing: what a packet says is a guess.
UNTIMED_FORMATS = ("avi",)
# Less than this part of what the header promises is a truncated file; edit lists may hide some frames.
COMPLETE = 0.95
# How long before a part reading starts, in seconds: files are searched by times of decoding, which run ahead.
LEAD = 1.0


class VideoInfo(NamedTuple):
    """What a file holds; sizes are as shown, after rotation; the duration is in seconds."""

    frames: int
    fps: float
    duration: float
    height: int
    width: int


class Run(NamedTuple):
    """Packets from a key frame to the last one wanted, in the file's order."""

    start: int
    stop: int
    wanted: set[int]


class VideoFile:
    """An open video file, or a part of one as if it were a file of its own; a context manager.

    Args:
        part: where it starts and stops, in seconds; the whole file if None.

    Raises:
        DecodeError: from every method, with the path and the first real error.
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
        """Read all packets of the first video stream."""
        if not self.container.streams.video:
            kinds = ", ".join(sorted({stream.type for stream in self.container.streams})) or "nothing"
            raise DecodeError(self.name, f"no video stream, only {kinds}")
        self.stream = self.container.streams.video[0]
        # Frame threads may hang when reading stops early; the workers fill the cores.
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
            shown = [place for place, packet in enumerate(self.packets) if not packet.is_discard]
            self.shown = sorted(shown, key=lambda place: self.pts(place))
        else:
            self.shown = list(range(len(self.packets)))
        if self.part is None:
            self.check_complete()
        else:
            self.keep_part(*self.part)

    def demuxed(self) -> Iterable[Packet]:
        """The packets of the video stream; those of a part from a key frame before it on."""
        if self.part is None:
            return self.container.demux(self.stream)
        start, stop = (self.origin + int(seconds / self.clock) for seconds in self.part)
        packets: list[Packet] = []
        for place in (start - int(LEAD / self.clock), self.origin):  # some formats go too far: then read from the start
            self.container.seek(max(place, self.origin), stream=self.stream)
            following = self.container.demux(self.stream)
            packets = list(takewhile(lambda packet: packet.dts is None or packet.dts < stop, following))
            if any(packet.is_keyframe and packet.pts is not None and packet.pts <= start for packet in packets):
                break
        return packets

    def keep_part(self, start: float, stop: float) -> None:
        """Leave the frames from round(start * fps) to the one before round(stop * fps)."""
        if not self.is_indexed:
            raise DecodeError(self.name, "the file does not say when its frames are shown; convert it to mp4")
        half = 0.5 / float(self.fps)
        times = {place: (self.pts(place) - self.origin) * self.clock for place in self.shown}
        self.shown = [place for place in self.shown if start - half <= times[place] < stop - half]
        if not self.shown:
            raise DecodeError(self.name, "the video has no frames there")
        if times[self.shown[-1]] - start < COMPLETE * (stop - start) - 1:
            raise DecodeError(self.name, f"truncated: the video ends after {times[self.shown[-1]]:.2f} seconds")

    def check_complete(self) -> None:
        """Raise when the file holds no frames or less than its header promises."""
        if not self.shown:
            raise DecodeError(self.name, "the video stream has no frames")
        if len(self.shown) < COMPLETE * self.stream.frames:
            promised = f"{self.stream.frames} frames its header promises"
            raise DecodeError(self.name, f"truncated: {len(self.shown)} of the {promised}")
        # Matroska has no count; its length is that of the video where there is nothing else.
        length = self.container.duration
        if not self.stream.frames and length and len(self.container.streams) == 1 and self.is_indexed:
            seconds = float(self.times[-1] + 1 / self.fps)
            if seconds < COMPLETE * length / av.time_base - 1:
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
        """Average frames a second."""
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(30)

    @cached_property
    def clock(self) -> float:
        """Seconds between two ticks of the file's own clock."""
        return float(self.stream.time_base or 1 / self.fps)

    @property
    def origin(self) -> int:
        """When the file's first frame is shown, in ticks."""
        return self.stream.start_time or 0

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """When each frame is shown, in seconds from the first one."""
        if not self.is_indexed or self.stream.time_base is None:
            return np.arange(len(self.shown)) / float(self.fps)
        pts = np.array([self.pts(place) for place in self.shown])
        return (pts - pts[0]) * self.clock

    @property
    def num_bytes(self) -> int:
        """What all its frames take when decoded."""
        return len(self.shown) * self.stream.width * self.stream.height * 3

    @cached_property
    def timeline(self) -> Timeline:
        """What a sampling needs to know."""
        return Timeline(self.times, self.fps)

    @cached_property
    def info(self) -> VideoInfo:
        """Counts and sizes; decodes the first frame for its rotation."""
        height, width = self.frames([0]).shape[-2:]
        num_frames = len(self.shown)
        return VideoInfo(num_frames, float(self.fps), float(num_frames / self.fps), height, width)

    def frames(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """The frames at these places, in this order, uint8 RGB (F, 3, height, width), channels last in storage.

        Places beyond the last frame are the last frame.
        """
        places = [min(int(index), len(self.shown) - 1) for index in indices]
        try:
            images = self.indexed_images(set(places)) if self.is_indexed else None
            if images is None and self.part is not None:
                raise DecodeError(self.name, "some of its frames cannot be decoded")
            images = self.counted_images(set(places)) if images is None else images
        except LIBRARY_ERRORS as error:
            raise DecodeError(self.name, reason(error)) from error
        clip = np.stack([images[place] for place in places])  # (F, height, width, 3)
        return torch.from_numpy(clip).permute(0, 3, 1, 2)

    def indexed_images(self, places: set[int]) -> dict[int, NDArray[np.uint8]] | None:
        """Images by place; None when the file shows other frames than its packets say."""
        index_of_pts = {self.pts(self.shown[place]): place for place in places}
        images: dict[int, NDArray[np.uint8]] = {}
        for run in self.runs(self.shown[place] for place in places):
            num_left = len(run.wanted)
            for frame in self.decoded(run):
                place = None if frame.pts is None else index_of_pts.get(frame.pts)
                if place is not None and place not in images:
                    images[place] = self.image(frame)
                    num_left -= 1
                if num_left == 0:
                    break
            self.stream.codec_context.flush_buffers()
        return images if len(images) == len(places) else None

    def counted_images(self, places: set[int]) -> dict[int, NDArray[np.uint8]]:
        """Images by place in a file whose packets do not tell which frame they hold: all are decoded and counted."""
        everything = Run(0, len(self.packets), set(range(len(self.packets))))
        images: dict[int, NDArray[np.uint8]] = {}
        last: VideoFrame | None = None
        for count, frame in enumerate(self.decoded(everything)):
            last = frame
            if count in places:
                images[count] = self.image(frame)
            if len(images) == len(places):
                break
        self.stream.codec_context.flush_buffers()
        if last is None:
            raise DecodeError(self.name, "not one frame can be decoded")
        if len(images) < len(places):
            end = self.image(last)
            images |= {place: end for place in places if place not in images}
        return images

    def runs(self, wanted: Iterable[int]) -> list[Run]:
        """The stretches of packets that hold what is needed for the packets at these places."""
        keys = [place for place, packet in enumerate(self.packets) if packet.is_keyframe]
        runs: list[Run] = []
        for place in sorted(wanted):
            nearest = bisect_right(keys, place) - 1
            # A frame shown before its key frame refers to the group before (an open group).
            while nearest > 0 and self.pts(keys[nearest]) > self.pts(place):
                nearest -= 1
            start = keys[nearest] if nearest >= 0 else 0
            if runs and start < runs[-1].stop:
                runs[-1] = Run(min(start, runs[-1].start), place + 1, runs[-1].wanted | {place})
            else:
                runs.append(Run(start, place + 1, {place}))
        return runs

    def decoded(self, run: Run) -> Iterable[VideoFrame]:
        """The frames of a run, in the order they are shown."""
        codec = self.stream.codec_context
        for place in range(run.start, run.stop):
            if place in run.wanted or not self.is_disposable(self.packets[place]):
                yield from codec.decode(self.packets[place])
        yield from codec.decode(None)

    def is_disposable(self, packet: Packet) -> bool:
        """Whether no other frame refers to this one."""
        if self.nal_length_size is None:
            return False
        return all_disposable(bytes(packet), self.nal_length_size)

    @cached_property
    def nal_length_size(self) -> int | None:
        """Bytes of the length before each unit of an H.264 packet; None for other codecs and other packings."""
        extradata = self.stream.codec_context.extradata
        if self.stream.codec_context.name != "h264" or not extradata or len(extradata) < 7 or extradata[0] != 1:
            return None
        return (extradata[4] & 3) + 1

    def pts(self, place: int) -> int:
        """When the packet at a place is shown."""
        pts = self.packets[place].pts
        assert pts is not None
        return pts

    def image(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """A frame as it is shown (height, width, 3), all of a file in the size of the first."""
        rgb = self.reformatter.reformat(frame, self.stream.width, self.stream.height, "rgb24")
        return np.rot90(rgb.to_ndarray().astype(np.uint8, copy=False), round(frame.rotation / 90))


def all_disposable(packet: bytes, length_size: int) -> bool:
    """Whether every picture of an H.264 packet has nal_ref_idc 0."""
    place, found = 0, False
    while place + length_size < len(packet):
        header = packet[place + length_size]
        if 1 <= header & 31 <= 5:
            if header >> 5 & 3:
                return False
            found = True
        place += length_size + int.from_bytes(packet[place : place + length_size], "big")
    return found


def reason(error: Exception) -> str:
    """The library's own words, without the path that it adds."""
    if isinstance(error, EOFError):
        return "no frames before the end of the file"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()
