"""Properties of packets that only their bitstream tells: whether their frame is shown, or referred to."""

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext


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


def is_hidden(packet: Packet, codec: VideoCodecContext) -> bool:
    """Whether a VP8 packet is a reference for other frames only: its bit show_frame is 0 (RFC 6386, section 9.1)."""
    return codec.name == "vp8" and not bytes(packet)[0] & 0x10
