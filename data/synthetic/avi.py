"""Encoding of frames as MPEG-4 Part 2 in AVI."""

import io

import numpy as np
from numpy.typing import NDArray


def encoded_avi(frames: NDArray[np.uint8], *, rate: int, group: int = 12, quality: int = 5) -> bytes:
    """File of RGB frames (T, h, w, 3). The bytes depend only on the arguments.

    Args:
        quality: quantiser, from 2 (best) to 31.
    """
    import av  # only to generate

    num_frames, height, width, _ = frames.shape
    file = io.BytesIO()
    with av.open(file, "w", format="avi", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.bit_rate = 8 * width * height * rate  # the quantiser decides
        quantiser = {"qmin": str(quality), "qmax": str(quality)}
        stream.options = {"g": str(group), "threads": "1", "flags": "+bitexact", **quantiser}
        for index in range(num_frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(frames[index]), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()
