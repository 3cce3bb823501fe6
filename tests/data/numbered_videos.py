"""Small encoded videos whose frames show their number."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from torch import Tensor

HEIGHT, WIDTH, NUM_BITS, BIT_WIDTH = 48, 128, 8, 16

# Codec, its options, and suffix of the file.
B_FRAMES = {"g": "12", "bf": "3", "sc_threshold": "0"}
OPEN_GROUPS = {**B_FRAMES, "keyint_min": "4", "x264-params": "open-gop=1:scenecut=0:b-adapt=0"}
HEVC = {"x265-params": "keyint=12:bframes=3:open-gop=1:scenecut=0:log-level=none"}
REALTIME = {"g": "12", "deadline": "realtime", "cpu-used": "8"}
CODECS = {
    "h264": ("libx264", B_FRAMES, "mp4"),
    "h264 in matroska": ("libx264", B_FRAMES, "mkv"),
    "h264 with open groups": ("libx264", OPEN_GROUPS, "mp4"),
    "h264 in a transport stream": ("libx264", B_FRAMES, "ts"),
    "hevc": ("libx265", HEVC, "mp4"),
    "mpeg2 with open groups": ("mpeg2video", {"g": "12", "bf": "2"}, "mkv"),
    "mpeg4": ("mpeg4", {"g": "12", "bf": "2"}, "mp4"),
    "mpeg4 in avi": ("mpeg4", {"g": "12", "bf": "2"}, "avi"),
    "mpeg4 without B frames": ("mpeg4", {"g": "12"}, "avi"),
    "vp8": ("libvpx", REALTIME, "webm"),
    "vp9": ("libvpx-vp9", REALTIME, "webm"),
}
ENCODED: dict[str, bytes] = {}  # content of videos, by their settings


def numbered_image(number: int) -> NDArray[np.uint8]:
    """Image of a binary number: black and white columns, most significant bit first, above a grey area."""
    bits = [number >> (NUM_BITS - 1 - bit) & 1 for bit in range(NUM_BITS)]
    image = np.repeat(np.array(bits, np.uint8) * 255, BIT_WIDTH)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    image[HEIGHT // 2 :] = 90
    return image


def write_video(
    path: Path,
    num_frames: int = 40,
    *,
    rate: int = 30,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    times: Sequence[int] | None = None,
    with_sound: bool = False,
) -> Path:
    """Encode frames 0, 1, ... `times`: presentation times in milliseconds; those of a constant rate if None.

    The same video is encoded once.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    key = repr((path.suffix, num_frames, rate, codec, options, container_options, times, with_sound))
    if key in ENCODED:
        path.write_bytes(ENCODED[key])
        return path
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000) if times else Fraction(1, rate)
        sound = container.add_stream("aac", rate=44100) if with_sound else None
        for number in range(num_frames):
            frame = VideoFrame.from_ndarray(numbered_image(number), format="rgb24")
            frame.pts = times[number] if times else number
            frame.time_base = Fraction(1, 1000) if times else Fraction(1, rate)
            container.mux(stream.encode(frame))
            if sound is not None:
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 1470), np.float32), format="fltp", layout="mono")
                silence.sample_rate, silence.pts = 44100, number * 1470
                container.mux(sound.encode(silence))
        container.mux(stream.encode(None))
        if sound is not None:
            container.mux(sound.encode(None))
    ENCODED[key] = path.read_bytes()
    return path


def numbers(frames: Tensor) -> list[int]:
    """Numbers shown by frames (F, 3, HEIGHT, WIDTH)."""
    row = frames.float().mean(1)[:, HEIGHT // 4]  # (F, WIDTH)
    bits = row.unflatten(1, (NUM_BITS, BIT_WIDTH)).mean(2) > 128  # (F, NUM_BITS)
    return [int("".join(str(int(bit)) for bit in frame), 2) for frame in bits]


def pixels(frames: Tensor) -> NDArray[np.uint8]:
    """Frames (F, height, width, 3) of (F, 3, height, width)."""
    return frames.permute(0, 2, 3, 1).numpy()


def all_frames(path: Path) -> NDArray[np.uint8]:
    """All frames (F, height, width, 3) of a file, decoded one after the other."""
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size or packet.dts is None]
        frames = [frame.to_ndarray(format="rgb24") for packet in packets for frame in packet.decode()]
    return np.stack(frames).astype(np.uint8, copy=False)
