"""Small encoded videos whose frames show their number, and the real clips if they are available."""

import os
import shutil
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray
from torch import Tensor

HEIGHT, WIDTH, NUM_BITS, BIT_WIDTH = 48, 128, 8, 16

WriteVideo = Callable[..., Path]
ENCODED: dict[str, bytes] = {}  # content of videos, by their settings


def numbered_image(number: int) -> NDArray[np.uint8]:
    """Image of a binary number: black and white columns, most significant bit first, above a grey area."""
    bits = [number >> (NUM_BITS - 1 - bit) & 1 for bit in range(NUM_BITS)]
    image = np.repeat(np.array(bits, np.uint8) * 255, BIT_WIDTH)[None, :, None].repeat(HEIGHT, 0).repeat(3, 2)
    image[HEIGHT // 2 :] = 90
    return image


def write_numbered_video(
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


@pytest.fixture
def write_video() -> WriteVideo:
    return write_numbered_video


@pytest.fixture
def kinetics_root(tmp_path: Path) -> Path:
    """Kinetics list of 22 training and 5 validation videos of 20 to 45 frames; video i has the label i % 3."""
    for split, count in (("train", 22), ("val", 5)):
        lines = []
        for number in range(count):
            name = f"{split}/{number}.mp4"
            if number < 6:
                write_numbered_video(tmp_path / name, 20 + 5 * number, options={"g": "12", "preset": "ultrafast"})
            else:
                shutil.copy(tmp_path / split / f"{number % 6}.mp4", tmp_path / name)
            lines.append(f"{name} {number % 3}")
        (tmp_path / f"{split}.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def frame_numbers() -> Callable[[Tensor], list[int]]:
    return numbers


@pytest.fixture
def clips() -> Path:
    folder = Path(os.environ.get("VIDEO_CLIPS") or Path(__file__).parents[2] / "../shared/clips")
    if not (folder / "test.mp4").exists():
        pytest.skip("the real clips are not here: set VIDEO_CLIPS to their folder")
    return folder
