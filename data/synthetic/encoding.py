"""Encoding of frames as H.264 mp4 with B frames and a short group of pictures, as in published data sets."""

import io
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray


def encoded_mp4(frames: NDArray[np.uint8], *, rate: int, group: int = 12, quality: int = 20) -> bytes:
    """File of RGB frames (T, h, w, 3). The bytes depend only on the arguments."""
    import av  # here: configs name stand-ins, and tables are resolved without a decoder

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
            "threads": "1",  # several threads may split slices differently
            # On pictures this small, mbtree reads uninitialised memory: the bytes would differ every time.
            "x264-params": "mbtree=0",
        }
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
