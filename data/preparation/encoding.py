"""A video as small frames in short groups of pictures, at the times of its source; a folder of pictures as small ones.

A clip is decoded from the key frame before it: the shorter the groups, the fewer frames are decoded for nothing.
"""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fractions import Fraction
from math import lcm
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.video.stream import VideoStream
from PIL import Image

from data.datasets.videos import VideoRecord, is_frame
from data.errors import DecodeError, decoding
from data.leases import check_held, lease
from data.video.containers import reason
from data.video.copies import PREPARED
from data.video.decode import VideoFile
from data.video.frame_sources import FrameFolder, opened

GROUP = 4  # docs/data.md has the times and sizes by which codec and group were chosen
CODEC = "libx264"
OPTIONS = {"preset": "veryfast", "tune": "fastdecode", "crf": "21", "g": str(GROUP), "bf": "0", "threads": "1"}
COLOUR_TAGS = ("colorspace", "color_range", "color_primaries", "color_trc")
JPEG_QUALITY = 95
VIDEO_COMMENT, PICTURE_COMMENT = f"{PREPARED}h264 in mp4, groups of {GROUP}", f"{PREPARED}JPEG pictures"
TIME_TOLERANCE = 1e-6  # seconds, of times that differ by rounding alone


class PreparationError(OSError):
    """Copy that cannot be written. The message contains the remedy."""


def prepare(record: VideoRecord, target: Path, short_side: int) -> None:
    """Write the video of a record, or the part that it names; or all pictures of its folder, if it names no part.

    The file or folder appears when it is complete and compared with its source.

    Raises:
        DecodeError: if the source cannot be read, or has times that its copy cannot have.
        PreparationError: if it cannot be written.
    """
    with replacing(target) as partial:
        if target.exists():  # another command has written it
            return
        if record.span is None and os.path.isdir(record.path):
            shrink(Path(record.path), partial, short_side)
            return
        with opened(record) as source:
            encode(source, partial, short_side)
            with VideoFile(partial) as written:
                ours, theirs = written.timeline, source.timeline
                if ours.num_frames != theirs.num_frames or np.abs(ours.times - theirs.times).max() > TIME_TOLERANCE:
                    raise DecodeError(source.name, "its copy has other frames or times")


def encode(source: VideoFile | FrameFolder, path: Path, short_side: int) -> None:
    """Write the frames of a source, upright and resized."""
    timeline = source.timeline
    # A tick divides each time, and the length, from which readers compute the average rate.
    tick = Fraction(1, lcm(source.tick.denominator, timeline.seconds.denominator))
    times = [round(time / tick) for time in timeline.times]
    ends = [*times[1:], max(times[-1] + 1, round(timeline.seconds / tick))]
    durations = {time: end - time for time, end in zip(times, ends, strict=True)}
    with av.open(str(path), "w", format="mp4") as container:
        container.metadata["comment"] = VIDEO_COMMENT
        stream = container.add_stream(CODEC, rate=timeline.fps, options=OPTIONS)
        assert isinstance(stream, VideoStream)
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", tick
        for time, frame in zip(times, source.upright(), strict=True):
            if time == 0:
                stream.height, stream.width = resized(frame.height, frame.width, short_side)
                for tag in COLOUR_TAGS:
                    setattr(stream.codec_context, tag, getattr(frame, tag))
            frame = frame.reformat(stream.width, stream.height, "yuv420p", interpolation="BICUBIC", threads=1)
            frame.pts, frame.time_base = time, tick
            mux(container, stream.encode(frame), durations)
        mux(container, stream.encode(None), durations)


def mux(container: OutputContainer, packets: Sequence[Packet], durations: Mapping[int | None, int]) -> None:
    """Write packets. The encoder knows no duration of the last one."""
    for packet in packets:
        packet.duration = durations[packet.pts]
        container.mux(packet)


def shrink(folder: Path, target: Path, short_side: int) -> None:
    """Write the pictures of a folder, resized, under their names. Small ones are copied as they are."""
    target.mkdir(exist_ok=True)
    for name in filter(is_frame, os.listdir(folder)):
        with decoding(str(folder / name)), Image.open(folder / name) as picture:
            height, width = resized(picture.height, picture.width, short_side)
            small = picture.resize((width, height), Image.Resampling.BICUBIC) if height < picture.height else None
        if small is None:
            shutil.copyfile(folder / name, target / name)
        else:
            small.save(target / name, quality=JPEG_QUALITY, comment=PICTURE_COMMENT)


def resized(height: int, width: int, short_side: int) -> tuple[int, int]:
    """Height and width with a short side of at most this. Both are even, as the codec needs it."""
    share = min(1.0, short_side / min(height, width))
    return max(2, 2 * round(share * height / 2)), max(2, 2 * round(share * width / 2))


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Temporary file or folder, which becomes the target at the end of the block. Readers do not take its name.

    Another command that writes the same target waits for the end of the block.
    """
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with lease(target.with_name(f".{target.name}.lease")):
            try:
                yield partial
            except DecodeError:
                if partial.is_dir():
                    shutil.rmtree(partial)
                else:
                    partial.unlink(missing_ok=True)
                raise
            check_held()
            if partial.exists():  # else there was nothing to write
                partial.rename(target)
    except (OSError, FFmpegError) as error:
        raise PreparationError(
            f"{target}: cannot be written ({reason(error)}); free space there, or name another folder with --out"
        ) from None
