"""Properties of packets that only their bitstream tells: whether and when their frame is shown, or referred to."""

from collections.abc import Sequence

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext

MPEG4_PICTURE_START = b"\x00\x00\x01\xb6"
HEVC_CONFIGURATION_BYTES = 23
# A shorter MPEG-4 packet may be a picture that is not coded: nothing is shown.
MIN_MPEG4_BYTES = 20


def nal_length_size(codec: VideoCodecContext) -> int | None:
    """Bytes of the length field of each NAL unit of an H.264 packet; None for other codecs and packings."""
    extradata = codec.extradata
    if codec.name != "h264" or not extradata or len(extradata) < 7 or extradata[0] != 1:
        return None
    return (extradata[4] & 3) + 1


def is_disposable(packet: Packet, length_size: int) -> bool:
    """Whether every picture of an H.264 packet has nal_ref_idc 0: no other frame refers to it.

    Follows ITU-T H.264, section 7.4.1.

    Args:
        length_size: bytes of the length field of each NAL unit.
    """
    content = bytes(packet)
    offset, has_picture = 0, False
    while offset + length_size < len(content):
        header = content[offset + length_size]
        if 1 <= header & 31 <= 5:
            if header >> 5 & 3:
                return False
            has_picture = True
        offset += length_size + int.from_bytes(content[offset : offset + length_size], "big")
    return has_picture


def is_unreferenced(packet: Packet, codec: VideoCodecContext) -> bool:
    """Whether no other frame refers to that of an H.264 or HEVC packet, as far as its header tells.

    Nothing can be left out of VP8 and VP9: a frame continues from the probabilities and motion vectors before it.
    """
    if codec.name == "hevc":
        return is_hevc_leaf(packet, bytes(codec.extradata or b""))
    length_size = nal_length_size(codec)
    return length_size is not None and is_disposable(packet, length_size)


def is_hevc_leaf(packet: Packet, configuration: bytes) -> bool:
    """Whether every slice of an HEVC packet is a sub-layer non-reference picture of the highest sub-layer.

    Follows ITU-T H.265, section 7.4.2.2.

    Args:
        configuration: decoder configuration record (ISO/IEC 14496-15, section 8.3.2.1); other packings tell nothing.
    """
    if len(configuration) < HEVC_CONFIGURATION_BYTES or configuration[0] != 1:
        return False
    layers, length_size = configuration[21] >> 3 & 7, (configuration[21] & 3) + 1
    content = bytes(packet)
    offset, has_picture = 0, False
    while offset + length_size + 1 < len(content):
        kind, layer = content[offset + length_size] >> 1 & 63, content[offset + length_size + 1] & 7
        if kind < 32:  # a slice; odd kinds and those from 16 on are referred to
            if kind > 14 or kind % 2 or layer != layers:
                return False
            has_picture = True
        offset += length_size + int.from_bytes(content[offset : offset + length_size], "big")
    return has_picture


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
