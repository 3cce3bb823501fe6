"""Table of the frames of a video: one packet for each frame, in the order of presentation.

A frame is identified by the presentation time of its packet. The table depends on the file only, not on what is read.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

from data.video.bitstreams import is_hidden, is_unreferenced, mpeg4_order, nal_length_size

# Streams that may lose data anywhere: what the decoder shows after a gap depends on all that it was given before.
LOSSY_FORMATS = ("mpegts", "mpeg", "mpegvideo", "m4v")


class Run(NamedTuple):
    """Packets from a key frame to the last requested one, in file order."""

    start: int
    stop: int
    requested: set[int]


class FrameTable:
    """Packets of a video stream in file order, from the first key frame on, and the packets of its frames.

    Frames that an edit list hides have no entry. Frames that are presented before the first key frame have one only if
    all frames are numbered: most of them refer to packets that are not in the file.

    Args:
        packets: all packets of the stream, empty ones excluded.
    """

    def __init__(self, packets: Sequence[Packet], codec: VideoCodecContext) -> None:
        first = next((index for index, packet in enumerate(packets) if packet.is_keyframe), 0)
        self.packets = packets[first:]
        self.times: Sequence[int | None] = [packet.pts for packet in self.packets]
        timed = [
            index
            for index, packet in enumerate(self.packets)
            if packet.pts is not None and not packet.is_discard and not is_hidden(packet, codec)
        ]
        start = self.packets[0].pts if self.packets else None
        shown = [index for index in timed if start is None or self.pts(index) >= start]
        self.starts_at_key = len(shown) == len(timed)
        self.shown: Sequence[int] = sorted(shown, key=self.pts)

    def __len__(self) -> int:
        return len(self.shown)

    def number(self, num_frames: int) -> None:
        """Number the frames in the order in which the decoder gives them, if the packets do not tell their times."""
        self.times = self.shown = range(num_frames)
        self.keys = [0]

    def pts(self, index: int) -> int:
        """Presentation time of the packet with this index, in ticks."""
        pts = self.times[index]
        assert pts is not None
        return pts

    @cached_property
    def keys(self) -> list[int]:
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
    """Whether each packet is a frame, which is presented at the time of the packet.

    The times are guesses in AVI files with B frames and in their copies, where they often are in the order of the file.
    Packets of MPEG-4 may contain two pictures or none. Joined files start again at an earlier time.
    """
    if format_name in LOSSY_FORMATS:
        return False
    shown = [packet for packet in packets if not is_hidden(packet, codec)]
    pts = [packet.pts for packet in shown if packet.pts is not None]
    dts = [packet.dts for packet in packets if packet.dts is not None]
    if len(set(pts)) < len(shown) or dts != sorted(dts):
        return False
    if codec.name == "mpeg4":
        order = mpeg4_order(packets)
        return order is not None and order == sorted(order, key=lambda index: packets[index].pts or 0)
    if pts != sorted(pts):
        return codec.has_b_frames and format_name != "avi"
    if not codec.has_b_frames:
        return True
    return nal_length_size(codec) is not None and not any(is_unreferenced(packet, codec) for packet in packets)
