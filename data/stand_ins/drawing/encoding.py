"""Encoding of frames as videos and pictures, and of masks. The bytes depend only on the arguments."""

import io
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Colours of the first indices in files without a palette: black background, then bright colours far from each other.
DEFAULT_PALETTE = [0, 0, 0, 200, 0, 0, 0, 170, 0, 200, 170, 0, 0, 0, 220, 200, 0, 200, 0, 180, 180, 160, 160, 160]
PALETTE_LENGTH = 3 * 256


def encoded_mp4(frames: NDArray[np.uint8], *, rate: int) -> bytes:
    """H.264 with B frames and a short group of pictures, as in published data sets, of RGB frames (T, h, w, 3)."""
    options: dict[str, object] = {
        "preset": "veryfast",
        "crf": "20",
        "g": "12",
        "bf": "2",
        "threads": "1",  # several threads may split slices differently
        # On pictures this small, mbtree reads uninitialised memory: the bytes would differ every time.
        "x264-params": "mbtree=0",
    }
    return _encoded(frames, rate, "mp4", "libx264", options)


def encoded_avi(frames: NDArray[np.uint8], *, rate: int) -> bytes:
    """MPEG-4 in AVI of RGB frames (T, h, w, 3)."""
    options: dict[str, object] = {"g": "12", "threads": "1", "flags": "+bitexact", "qmin": "5", "qmax": "5"}
    return _encoded(frames, rate, "avi", "mpeg4", options)


def _encoded(
    frames: NDArray[np.uint8], rate: int, container_format: str, codec: str, options: dict[str, object]
) -> bytes:
    import av  # here: configs name stand-ins, and tables are resolved without a decoder
    from av.video.stream import VideoStream

    num_frames, height, width, _ = frames.shape
    file = io.BytesIO()
    is_avi = container_format == "avi"
    flags = {"fflags": "+bitexact"} if is_avi else {}
    with av.open(file, "w", format=container_format, options=flags) as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        if is_avi:
            stream.bit_rate = 8 * width * height * rate  # the quantiser decides
        else:
            stream.time_base = Fraction(1, rate)
        stream.options = options
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def encoded_jpeg(picture: NDArray[np.uint8], quality: int) -> bytes:
    """JPEG file of a picture (h, w, 3)."""
    from PIL import Image  # only to generate

    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=quality)
    return file.getvalue()


def encoded_mask(mask: NDArray[np.uint8], palette: list[int]) -> bytes:
    """Indexed PNG of a mask (H, W) with a palette: red, green and blue of each index."""
    from PIL import Image

    image = Image.fromarray(mask)
    image.putpalette(palette + [0] * (PALETTE_LENGTH - len(palette)))  # a short one would change large indices
    file = io.BytesIO()
    image.save(file, format="PNG")
    return file.getvalue()


def palette_of(path: Path) -> list[int]:
    """Palette of an indexed PNG; that of a grey PNG is `DEFAULT_PALETTE`."""
    from PIL import Image

    with Image.open(path) as image:
        return image.getpalette() or DEFAULT_PALETTE
