"""Frames of a video file by index, with a minimum of decoding.

The packets are read once, and give the table of frames. A frame is found by the presentation time of its packet only:
an index always gives the same frame, or an error. A clip is decoded from the key frame before it. H.264 and HEVC frames
that are neither requested nor referenced by another frame are not decoded. Only requested frames are converted to RGB.
For a part of a long video, only the packets around the part are read. If the packets do not tell which frames they give
and when, the frames are numbered in the order in which the decoder gives them from the start. F: requested frames.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import chain, takewhile
from types import TracebackType

import av.error
import numpy as np
import torch
from av.packet import Packet
from av.stream import Disposition
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray
from torch import Tensor

from data.errors import DecodeError
from data.sampling.base import Timeline
from data.video.bitstreams import is_unreferenced
from data.video.containers import FORMATS, MIN_COMPLETE_SHARE, opened_container, reason, truncation
from data.video.frame_table import FrameTable, Run, has_times

LIBRARY_ERRORS = (av.error.FFmpegError, OSError)
# Reading starts this many seconds before a part: seeking uses decoding times, which precede presentation times.
SEEK_MARGIN = 1.0
# Largest size of the decoded frames that are kept if they have to be decoded for their numbers.
MAX_KEPT_BYTES = 256 * 2**20


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
            self.container = opened_container(self.path)
        except DecodeError:
            raise
        except av.error.ArgumentError as error:
            raise DecodeError(self.name, f"not a video file in one of the formats {FORMATS}") from error
        except (*LIBRARY_ERRORS, ValueError) as error:  # ValueError: a NUL character in the path
            missing = isinstance(error, FileNotFoundError)
            raise DecodeError(self.name, "no such file" if missing else reason(error), missing) from error
        try:
            self.open_stream()
        except LIBRARY_ERRORS as error:
            self.close()
            raise DecodeError(self.name, reason(error)) from error
        except BaseException:
            self.close()
            raise

    def open_stream(self) -> None:
        """Read the packets of the first video stream, and make the table of frames."""
        streams = self.container.streams.video
        if not streams:
            kinds = ", ".join(sorted({stream.type for stream in self.container.streams})) or "nothing"
            raise DecodeError(self.name, f"no video stream, only {kinds}")
        # A cover picture is a video stream, too.
        self.stream = next((s for s in streams if not s.disposition & Disposition.attached_pic), streams[0])
        if self.stream.codec_context is None:
            raise DecodeError(self.name, "no decoder for the codec of its video stream; convert it to H.264")
        # Decoding may change the size of the stream.
        self.width, self.height = self.stream.width, self.stream.height
        self.reformatter = VideoReformatter()
        self.tick = self.stream.time_base or 1 / self.fps  # seconds of a tick of the presentation times
        packets = list(self.demuxed())
        if self.part is None:
            available = truncation(self.path, self.container, self.stream, packets)
            if available is not None:
                raise DecodeError(self.name, f"truncated: {available}")
        packets = [packet for packet in packets if packet.size]
        codec = self.stream.codec_context
        self.table = FrameTable(packets, codec)
        self.kept_frames: list[VideoFrame] = []
        self.is_numbered = not has_times(packets, codec, self.container.format.name)
        self.is_numbered |= self.part is None and not self.table.starts_at_key
        if self.is_numbered:
            self.number_frames()
        if not self.table:
            raise DecodeError(self.name, "the video stream has no frames")
        if self.part is not None:
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

    def number_frames(self) -> None:
        """Decode all frames to count them. They are kept if their size allows."""
        if self.part is not None:
            raise DecodeError(self.name, "the file has no valid presentation times; convert it to H.264 in mp4")
        packets = self.table.packets
        self.tick = 1 / self.fps
        self.table.number(len(packets))  # for messages
        for index, packet in enumerate(packets):
            packet.pts = index
        is_kept = len(packets) * self.width * self.height * 3 <= MAX_KEPT_BYTES
        num_frames = 0
        for frame in self.numbered():
            num_frames += 1
            if is_kept:
                self.kept_frames.append(frame)
        self.table.number(num_frames)

    def numbered(self) -> Iterator[VideoFrame]:
        """All frames in the order in which the decoder gives them, with their numbers as times."""
        for number, frame in enumerate(self.decoded(self.table.packets, self.lenient_decoder)):
            frame.pts = number
            yield frame

    def keep_part(self, start: float, stop: float) -> None:
        """Keep only the frames round(start * fps) to round(stop * fps) - 1."""
        half_frame = 0.5 / float(self.fps)
        table = self.table
        times = {index: (table.pts(index) - self.start_pts) * self.tick_seconds for index in table.shown}
        table.shown = [index for index in table.shown if start - half_frame <= times[index] < stop - half_frame]
        if not table:
            raise DecodeError(self.name, "the video has no frames there")
        end = times[table.shown[-1]]
        if end - start < MIN_COMPLETE_SHARE * (stop - start) - 1:
            raise DecodeError(self.name, f"truncated: the video ends after {end:.2f} seconds")

    def close(self) -> None:
        self.container.close()

    def __enter__(self) -> "VideoFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def fps(self) -> Fraction:
        return self.stream.average_rate or self.stream.guessed_rate or Fraction(30)

    @property
    def tick_seconds(self) -> float:
        return float(self.tick)

    @property
    def start_pts(self) -> int:
        return self.stream.start_time or 0

    @cached_property
    def times(self) -> NDArray[np.float64]:
        """Presentation time of each frame, in seconds from the first one."""
        pts = np.array([self.table.pts(index) for index in self.table.shown])
        return (pts - pts[0]) * self.tick_seconds

    @property
    def num_bytes(self) -> int:
        """Size of all decoded frames in bytes."""
        return len(self.table) * self.width * self.height * 3

    @cached_property
    def timeline(self) -> Timeline:
        """Presentation times of the frames, for the sampling."""
        return Timeline(self.times, self.fps)

    def check(self) -> None:
        """Decode all frames, without keeping their images.

        Raises:
            DecodeError: with the first frame that cannot be decoded.
        """
        if not self.is_numbered:  # they were decoded to be numbered
            deque(self.decoded_in_order(), maxlen=0)

    def upright(self) -> Iterator[VideoFrame]:
        """All frames in the order of presentation, rotated as the file asks for it."""
        for frame in self.decoded_in_order():
            is_rotated = frame.rotation or (frame.width, frame.height) != (self.width, self.height)
            yield VideoFrame.from_ndarray(self.image(frame), format="rgb24") if is_rotated else frame

    def decoded_in_order(self) -> Iterator[VideoFrame]:
        """All frames in the order of presentation."""
        if self.is_numbered:
            yield from self.kept_frames or self.numbered()
            return
        remaining: set[int | None] = {self.table.pts(index) for index in self.table.shown}
        frames = self.decoded(self.table.packets, self.lenient_decoder)
        try:
            while remaining and (frame := next(frames, None)) is not None:
                if frame.pts in remaining:
                    remaining.discard(frame.pts)
                    yield frame
        except LIBRARY_ERRORS as error:
            raise DecodeError(self.name, reason(error)) from error
        if remaining:
            raise DecodeError(
                self.name, f"{self.place(min(pts for pts in remaining if pts is not None))} cannot be decoded"
            )

    def frames(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """Frames in the order of the indices: uint8 RGB (F, 3, height, width), channels last in memory.

        Indices beyond the last frame give the last frame.
        """
        requested = [self.table.shown[min(int(index), len(self.table) - 1)] for index in indices]
        images: dict[int, NDArray[np.uint8]] = {}
        for run in self.table.runs(set(requested)):
            images |= self.images(run)
        clip = np.stack([images[index] for index in requested])  # (F, height, width, 3)
        return torch.from_numpy(clip).permute(0, 3, 1, 2)

    def images(self, run: Run) -> dict[int, NDArray[np.uint8]]:
        """Images of the requested packets of a run by index.

        After any error, for example at a frame that is wrongly marked as a key frame, all packets are decoded.
        """
        if self.is_numbered:
            return self.decoded_images(run.requested, iter(self.kept_frames or self.numbered()))
        try:
            return self.decoded_images(run.requested, self.sparsely_decoded(run))
        except DecodeError:
            return self.decoded_images(run.requested, self.decoded(self.table.packets, self.lenient_decoder))

    def decoded_images(self, requested: set[int], frames: Iterator[VideoFrame]) -> dict[int, NDArray[np.uint8]]:
        """Images of the requested packets by index, from decoded frames."""
        index_of_pts = {self.table.pts(index): index for index in requested}
        images: dict[int, NDArray[np.uint8]] = {}
        try:
            for frame in frames:
                index = None if frame.pts is None else index_of_pts.pop(frame.pts, None)
                if index is not None:
                    images[index] = self.image(frame)
                if not index_of_pts:
                    return images
        except LIBRARY_ERRORS as error:
            raise DecodeError(self.name, reason(error)) from error
        raise DecodeError(self.name, f"{self.place(min(index_of_pts))} cannot be decoded")

    def sparsely_decoded(self, run: Run) -> Iterator[VideoFrame]:
        """Frames of a run in presentation order, without most of those that no requested frame refers to."""
        key_pts = self.table.packets[run.start].pts
        for frame in self.decoded(self.needed(run), self.strict_decoder):
            if frame.pts == key_pts and not frame.key_frame:
                raise DecodeError(self.name, f"{self.place(frame.pts)} is no key frame")
            yield frame

    def needed(self, run: Run) -> Iterator[Packet]:
        """Packets of a run without those to which no requested frame refers, as far as their headers tell."""
        key_pts, codec = self.table.packets[run.start].pts, self.stream.codec_context
        for index in range(run.start, run.stop):
            packet = self.table.packets[index]
            if index in run.requested or not (is_before(packet, key_pts) or is_unreferenced(packet, codec)):
                yield packet

    def decoded(self, packets: Iterable[Packet], decoder: VideoCodecContext) -> Iterator[VideoFrame]:
        """Frames of the packets in presentation order. A damaged frame is an error."""
        decoder.flush_buffers()
        for packet in chain(packets, [None]):
            for frame in decoder.decode(packet):
                if frame.is_corrupt:
                    raise DecodeError(self.name, f"{self.place(frame.pts)} is damaged")
                yield frame

    @cached_property
    def strict_decoder(self) -> VideoCodecContext:
        """Decoder that stops at the first error. An H.264 group may release frames of a group that is not decoded."""
        codec = self.stream.codec_context
        return single_threaded(codec, {} if codec.name == "h264" else {"err_detect": "explode"})

    @cached_property
    def lenient_decoder(self) -> VideoCodecContext:
        """Decoder that tolerates deviations from the standard, with the default settings of the library."""
        codec = opened_container(self.path).streams[self.stream.index].codec_context
        assert isinstance(codec, VideoCodecContext)
        return single_threaded(codec, {})

    def place(self, pts: int | None) -> str:
        """Frame with this presentation time, in words."""
        seconds = "?" if pts is None else f"{(pts - self.table.pts(self.table.shown[0])) * self.tick_seconds:.2f}"
        return f"the frame at {seconds} seconds"

    def image(self, frame: VideoFrame) -> NDArray[np.uint8]:
        """Rotated RGB image (height, width, 3) of a frame. All images of a file have the size of the first one."""
        # One thread, as for decoding: the hand-over to threads takes longer than a small frame, and the cores are busy.
        rgb = self.reformatter.reformat(frame, self.width, self.height, "rgb24", threads=1)
        return np.rot90(rgb.to_ndarray().astype(np.uint8, copy=False), round(frame.rotation / 90))


def single_threaded(decoder: VideoCodecContext, options: dict[str, str]) -> VideoCodecContext:
    """Decoder with these options and one thread: the loader workers already use all cores."""
    decoder.thread_type = "SLICE"  # frame threads may hang if decoding stops early
    decoder.thread_count = 1
    decoder.options = options
    return decoder


def is_before(packet: Packet, pts: int | None) -> bool:
    """Whether a packet is shown before a time."""
    return packet.pts is not None and pts is not None and packet.pts < pts
