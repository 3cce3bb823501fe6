"""What the copy of a data set is: containers, codecs and short sides of some of its videos, from their headers."""

import os
from collections import Counter
from collections.abc import Sequence

from av.error import FFmpegError

from data.datasets.videos import VideoRecord
from data.errors import DecodeError, number_of
from data.video.containers import opened_container
from data.video.frame_sources import folder_of

PREPARED = "prepared: "  # begins the comment in each file that `reproduce prepare` wrote, which says what it is
PROBED = 32  # videos, at even distances: a header takes a millisecond


def copy_text(records: Sequence[VideoRecord]) -> str:
    """Copy of videos in words, e.g. "mp4 with h264, short side 256 (32 videos)"; empty if none can be opened."""
    chosen = [records[place * len(records) // PROBED] for place in range(PROBED)]
    found = [header for record in dict.fromkeys(chosen) if (header := header_of(record)) is not None]
    if not found:
        return ""
    kinds = ", ".join(kind for kind, _ in Counter(kind for kind, _ in found).most_common())
    low, high = min(side for _, side in found), max(side for _, side in found)
    text = f"{kinds}, short side {low if low == high else f'{low} to {high}'} ({number_of(len(found), 'videos')})"
    reader = os.environ.get("VIDEO_READER")
    return f"{text}, read by {reader}" if reader else text


def header_of(record: VideoRecord) -> tuple[str, int] | None:
    """Container with codec, or type of the pictures, and short side of a video; None if it cannot be opened."""
    try:
        if (folder := folder_of(record)) is not None:
            with folder.opened_picture(0) as picture:
                comment = picture.info.get("comment")  # text or bytes, by the format
                if isinstance(comment, bytes) and comment.startswith(PREPARED.encode()):
                    return comment.decode(), min(picture.size)
                return f"{picture.format or 'picture'} pictures", min(picture.size)
        if not os.path.isfile(record.path):  # a named pipe would be waited for
            return None
        with opened_container(record.path) as container:
            stream = container.streams.video[0]
            if (comment := container.metadata.get("comment", "")).startswith(PREPARED):
                return comment, min(stream.width, stream.height)
            suffix = os.path.splitext(record.path)[1].lstrip(".").lower() or container.format.name
            return f"{suffix} with {stream.codec_context.name}", min(stream.width, stream.height)
    except (FFmpegError, OSError, DecodeError, IndexError):  # IndexError: no video stream
        return None  # the test counts it as unreadable
