"""Frames as an H.264 mp4 with B frames and a short group of pictures, as published data sets have."""

import io
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray


def encoded_mp4(frames: NDArray[np.uint8], *, rate: int, group: int = 12, quality: int = 20) -> bytes:
    """The file that holds (T, h, w, 3) RGB frames; the bytes depend on the arguments alone."""
    num_frames, height, width, _ = frames.shape
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, rate)
        stream.options = {
            "preset": "veryfast",
            "crf": str(quality),
            "g": str(group),
            "bf": "2",
            "threads": "1",  # more of them may cut slices elsewhere
            "x264-params": "mbtree=0",  # on pictures this small it reads memory never written: other bytes every time
        }
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
