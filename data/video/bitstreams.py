"""Properties of packets that only their bitstream tells: whether and when their frame is shown, or referred to."""

from collections.abc import Iterator, Sequence

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

MPEG4_PICTURE_START = b"\x00\x00\x01\xb6"
HEVC_RECORD_BYTES = 23
# A shorter MPEG-4 packet may be a picture that is not coded: nothing is shown.
MIN_MPEG4_BYTES = 20


def nal_length_size(codec: VideoCodecContext) -> int | None:
    """Bytes of the length field of each NAL unit of an H.264 packet; None for other codecs and packings."""
    extradata = codec.extradata
    if codec.name != "h264" or not extradata or len(extradata) < 7 or extradata[0] != 1:
        return None
    return (extradata[4] & 3) + 1


def is_unreferenced(packet: Packet, codec: VideoCodecContext) -> bool:
    """Whether no other frame refers to that of an H.264 or HEVC packet, as far as its headers tell.

    H.264 (ITU-T H.264, section 7.4.1): every picture has nal_ref_idc 0. HEVC (ITU-T H.265, section 7.4.2.2): each slice
    is a sub-layer non-reference picture of the highest sub-layer of the configuration record (ISO/IEC 14496-15, section
    8.3.2.1). Nothing can be left out of VP8 and VP9: a frame continues from the motion vectors before it.
    """
    if (length_size := nal_length_size(codec)) is not None:
        pictures = [first for first, _ in nal_headers(packet, length_size) if 1 <= first & 31 <= 5]
        return bool(pictures) and not any(first >> 5 & 3 for first in pictures)
    record = bytes(codec.extradata or b"")
    if codec.name != "hevc" or len(record) < HEVC_RECORD_BYTES or record[0] != 1:
        return False
    kinds = [(first >> 1 & 63, second & 7) for first, second in nal_headers(packet, (record[21] & 3) + 1)]
    slices = [(kind, layer) for kind, layer in kinds if kind < 32]
    # Odd kinds and those above 14 are referred to.
    return bool(slices) and all(kind in range(0, 15, 2) and layer == record[21] >> 3 & 7 for kind, layer in slices)


def nal_headers(packet: Packet, length_size: int) -> Iterator[tuple[int, int]]:
    """First two bytes of each NAL unit of a packet."""
    content, offset = bytes(packet), 0
    while offset + length_size + 1 < len(content):
        start = offset + length_size
        yield content[start], content[start + 1]
        offset = start + int.from_bytes(content[offset:start], "big")


def is_hidden(packet: Packet, codec: VideoCodecContext) -> bool:
    """Whether a VP8 packet is a reference for other frames only: its bit show_frame is 0 (RFC 6386, section 9.1)."""
    return codec.name == "vp8" and not bytes(packet)[0] & 0x10


def mpeg4_order(packets: Sequence[Packet]) -> list[int] | None:
    """Indices of MPEG-4 packets in the order of presentation; None if a picture is not coded or a packet has several.

    B pictures are shown at once, the others when the next one of them arrives (ISO/IEC 14496-2). B
    pictures that refer to a picture before the first packet are not shown.
    """
    order: list[int] = []
    references: list[int] = []
    for index, packet in enumerate(packets):
        content = bytes(packet)
        start = content.find(MPEG4_PICTURE_START)
        picture = start + len(MPEG4_PICTURE_START)
        is_single = start >= 0 and content.find(MPEG4_PICTURE_START, picture) < 0
        if len(content) < MIN_MPEG4_BYTES or not is_single or picture >= len(content):
            return None
        if content[picture] >> 6 != 2:  # not a B picture
            order += references[-1:]
            references.append(index)
        elif len(references) > 1:
            order.append(index)
    return order + references[-1:]
