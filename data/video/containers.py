"""Opening of video files without access to other files, messages of errors, and the check that a file is complete."""

from collections.abc import Sequence
from typing import NamedTuple

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

# Demuxers that read a single file. Others, such as those of playlists, open the files and addresses that a file names.
FORMATS = "mov,matroska,avi,mpeg,mpegvideo,mpegts,flv,asf,ogg,gif,ivf,nut,mxf,dv,rm,h264,hevc,m4v,mjpeg"
# A file with less than this share of its frames or bytes is truncated.
MIN_COMPLETE_SHARE = 0.95
EBML_HEADER, MATROSKA_SEGMENT = 0x1A45DFA3, 0x18538067
# EBML header and start of the segment of a Matroska file.
MATROSKA_START_BYTES = 4096


def opened_container(path: str) -> InputContainer:
    """Open video file, whose content cannot make the library open another file or an address.

    Raises:
        FFmpegError: if the file cannot be read; `ArgumentError` if its format is not one of `FORMATS`.
    """
    options = {"format_whitelist": FORMATS, "protocol_whitelist": "file"}
    return av.open(f"file:{path}", metadata_errors="ignore", options=options)


def reason(error: Exception) -> str:
    """Message of a library's error, without the path that the library adds."""
    if isinstance(error, EOFError):
        return "no frames before the end of the file"
    return (getattr(error, "strerror", None) or str(error) or type(error).__name__).strip()


def truncation(path: str, container: InputContainer, stream: VideoStream, packets: Sequence[Packet]) -> str | None:
    """Available part of a truncated file, in words; None for a complete file, or if the file does not tell.

    The index of an mp4 file has an entry for each packet, after the cuts of an edit list. The duration of a Matroska
    file may include a picture that is held at the end, but the file declares its size in bytes.
    """
    if "matroska" in container.format.name:
        end = matroska_end(path)
        is_truncated = end is not None and container.size < MIN_COMPLETE_SHARE * end
        return f"{container.size} of {end} bytes" if is_truncated else None
    if "mp4" in container.format.name:
        num_packets, num_expected = sum(packet.dts is not None for packet in packets), len(stream.index_entries)
        is_truncated = num_packets < MIN_COMPLETE_SHARE * num_expected
        return f"{num_packets} of the {num_expected} frames in its header" if is_truncated else None
    expected = expected_seconds(container, stream)
    ends = [(packet.dts if packet.pts is None else packet.pts, packet.duration or 0) for packet in packets]
    ticks = max((time + duration for time, duration in ends if time is not None), default=None)
    if expected is None or ticks is None or stream.time_base is None:
        return None
    ticks -= min(stream.start_time or 0, 0)  # times of a transport stream may be negative, and wrap
    seconds = float(ticks * stream.time_base)
    return f"{seconds:.1f} of {expected:.1f} seconds" if seconds < MIN_COMPLETE_SHARE * expected else None


def expected_seconds(container: InputContainer, stream: VideoStream) -> float | None:
    """End of a video according to the header of its file, in seconds, or None if the header does not tell."""
    if stream.frames and stream.average_rate and container.format.name != "ivf":  # there it may be the duration
        return float(stream.frames / stream.average_rate)
    # Other streams may be longer than the video.
    return container.duration / av.time_base if container.duration and len(container.streams) == 1 else None


class Element(NamedTuple):
    """Header of an EBML element: its id, the start of its content and the end (None if unknown), in bytes."""

    kind: int
    start: int
    end: int | None


def matroska_end(path: str) -> int | None:
    """Size of a Matroska file in bytes according to its header, or None if the header does not tell."""
    with open(path, "rb") as file:
        content = file.read(MATROSKA_START_BYTES)
    try:
        header = element(content, 0)
        segment = element(content, header.end or 0)
    except IndexError:
        return None
    return segment.end if (header.kind, segment.kind) == (EBML_HEADER, MATROSKA_SEGMENT) else None


def element(content: bytes, offset: int) -> Element:
    """Header of the EBML element at an offset.

    Raises:
        IndexError: if the content ends before.
    """
    id_length = number_length(content[offset])
    size_offset = offset + id_length
    size_length = number_length(content[size_offset])
    start = size_offset + size_length
    size = int.from_bytes(content[size_offset:start], "big") & ((1 << 7 * size_length) - 1)
    is_unknown = size == (1 << 7 * size_length) - 1
    return Element(int.from_bytes(content[offset:size_offset], "big"), start, None if is_unknown else start + size)


def number_length(first_byte: int) -> int:
    """Bytes of an EBML number: one more than the zero bits before its first one."""
    return 9 - first_byte.bit_length()
