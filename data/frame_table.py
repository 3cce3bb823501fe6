"""Table of the frames of a video: one packet for each frame, in the order of presentation.

A frame is identified by the presentation time of its packet. The table depends on the file only, not on what is read.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from av.error import FFmpegError
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from data.bitstreams import is_hidden

# Largest size of the decoded frames that are kept if the numbering of the frames needs a full decode.
MAX_KEPT_BYTES = 256 * 2**20


class Run(NamedTuple):
    """Packets from a key frame to the last requested one, in file order."""

    start: int
    stop: int
    requested: set[int]


class FrameTable:
    """Packets of a video stream in file order, from the first key frame on, and the packets of its frames.

    Frames that are presented before the first key frame have no entry: they refer to packets that are not in the file.
    Neither have frames that an edit list hides.

    Args:
        packets: all packets of the stream, empty ones excluded.
    """

    def __init__(self, packets: Sequence[Packet], codec: VideoCodecContext) -> None:
        first = next((index for index, packet in enumerate(packets) if packet.is_keyframe), 0)
        self.packets = packets[first:]
        timed = [
            index
            for index, packet in enumerate(self.packets)
            if packet.pts is not None and not packet.is_discard and not is_hidden(packet, codec)
        ]
        start = self.packets[0].pts if self.packets else None
        shown = [index for index in timed if start is None or self.pts(index) >= start]
        self.shown = sorted(shown, key=self.pts)

    def __len__(self) -> int:
        return len(self.shown)

    def pts(self, index: int) -> int:
        """Presentation time of the packet with this index, in ticks."""
        pts = self.packets[index].pts
        assert pts is not None
        return pts

    @cached_property
    def keys(self) -> list[int]:
        """Indices of the packets of key frames."""
        return [i for i, packet in enumerate(self.packets) if packet.is_keyframe and packet.pts is not None]

    def runs(self, requested: Iterable[int]) -> list[Run]:
        """Runs of packets that are sufficient to decode the packets with these indices."""
        runs: list[Run] = []
        for index in sorted(requested):
            nearest = bisect_right(self.keys, index) - 1
            # Open group of pictures: a frame shown before its key frame refers to the group before.
            while nearest > 0 and self.pts(self.keys[nearest]) > self.pts(index):
                nearest -= 1
            start = self.keys[nearest] if nearest >= 0 else 0
            if runs and start < runs[-1].stop:
                runs[-1] = Run(min(start, runs[-1].start), index + 1, runs[-1].requested | {index})
            else:
                runs.append(Run(start, index + 1, {index}))
        return runs


def has_times(packets: Sequence[Packet], codec: VideoCodecContext, format_name: str) -> bool:
    """Whether the packets have valid presentation times. In AVI files with B frames, they are guesses."""
    shown = [packet for packet in packets if not is_hidden(packet, codec)]
    pts = [packet.pts for packet in shown if packet.pts is not None]
    if len(set(pts)) < len(shown):
        return False
    return format_name != "avi" if codec.has_b_frames else pts == sorted(pts)


class FullDecode(NamedTuple):
    """Indices of packets in the order of presentation, and their frames.

    There are no frames if an error occurred, or if they need too much memory. The time of a frame is its number.
    """

    order: list[int]
    frames: list[VideoFrame]


def full_decode(packets: Sequence[Packet], decoder: VideoCodecContext) -> FullDecode:
    """Decode all packets to find the order of their frames. Changes the presentation times of the packets."""
    order: dict[int, None] = {}
    kept: list[VideoFrame] = []
    is_kept = len(packets) * decoder.width * decoder.height * 3 <= MAX_KEPT_BYTES
    for index, packet in enumerate(packets):
        packet.pts = index
    for packet in (*packets, None):
        try:
            frames = decoder.decode(packet)
        except (FFmpegError, OSError):
            is_kept = False
            continue
        for frame in frames:
            if frame.pts is None or frame.pts in order:
                is_kept = False
                continue
            is_kept = is_kept and not frame.is_corrupt
            if is_kept:
                kept.append(frame)
            order[frame.pts] = None
            frame.pts = len(order) - 1
    return FullDecode(list(order), kept if is_kept else [])


def number_packets(packets: Sequence[Packet], order: Sequence[int]) -> None:
    """Replace presentation times by the numbers of frames. A packet that is not in the order gets no time."""
    for packet in packets:
        packet.pts = None
    for number, index in enumerate(order):
        packets[index].pts = number
