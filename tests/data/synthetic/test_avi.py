import io

import av
import numpy as np

from data.synthetic.avi import encoded_avi

FRAMES = np.kron(np.random.default_rng(0).integers(0, 256, (14, 4, 5, 3), np.uint8), np.ones((1, 8, 8, 1), np.uint8))


def test_an_avi_file_has_the_frames() -> None:
    with av.open(io.BytesIO(encoded_avi(FRAMES, rate=12)), "r") as container:
        stream = container.streams.video[0]
        frames = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(stream)])
        assert (container.format.name, stream.codec_context.name, stream.average_rate) == ("avi", "mpeg4", 12)
    assert frames.shape == FRAMES.shape
    luma = [part.mean(-1).astype(float) for part in (frames, FRAMES)]
    assert np.abs(luma[0] - luma[1]).mean() < 12  # the colours of neighbouring blocks are mixed


def test_bytes_depend_only_on_the_arguments() -> None:
    assert encoded_avi(FRAMES, rate=12) == encoded_avi(FRAMES, rate=12)
    assert encoded_avi(FRAMES, rate=12) != encoded_avi(FRAMES, rate=15)
