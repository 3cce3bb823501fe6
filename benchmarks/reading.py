"""Time the decoding of clips by ours and by other libraries, in turns, and compare the pixels.

`python -m benchmarks reading VIDEO ...` opens a video and decodes the frames of a clip at a random place to uint8 RGB.
Times are CPU time of one thread. torchcodec and decord take part where they are installed. F: frames of a clip.
"""

import argparse
import importlib
import random
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import av
import numpy as np
import torch
from numpy.typing import NDArray
from tabulate import tabulate

from data.video.decode import VideoFile
from runner.store.provenance import commit, cores

Reader = Callable[[str, Sequence[int]], NDArray[np.uint8]]
"""Frames (F, height, width, 3) of a video at ascending indices."""
# Frames and stride of the clips of Motionformer, of CAST and MSCA, and of a test of ten views.
CLIPS = {"8 x 8": (8, 8), "16 x 4": (16, 4), "32 x 2": (32, 2)}
TURNS = 7


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks reading", description=__doc__)
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO", help="file of at least 64 frames")
    parser.add_argument("--save", type=Path, metavar="FILE", help="Markdown file for the table")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    readers = available()
    rows = [row for path in options.videos for row in rows_of(path, readers)]
    header = ["video", "clip", *readers, "largest difference"]
    facts = [
        "- CPU milliseconds of opening a file and decoding a clip, frames x stride, to uint8 RGB, with one thread: "
        f"median of {TURNS} places, in brackets how many times as long as ours.",
        "- Difference: the largest of any pixel to ours, in grey levels.",
        f"- {cores()}; commit {commit()}; " + ", ".join(versions()),
    ]
    table = tabulate(rows, header, tablefmt="pipe", disable_numparse=True)
    text = "\n\n".join(["# Decoding of clips", table, "\n".join(facts)]) + "\n"
    print(text)
    if options.save is not None:
        options.save.write_text(text)
    return 0


def rows_of(path: Path, readers: Mapping[str, Reader]) -> list[list[str]]:
    """A line for each kind of clip."""
    with VideoFile(path) as video:
        num_frames, name = len(video.table), f"{path.name}, {video.stream.codec_context.name}"
        size = f"{video.width} x {video.height}"
    rows = []
    for clip, (frames, stride) in CLIPS.items():
        draws = random.Random(0)
        starts = [draws.randint(0, num_frames - 1 - (frames - 1) * stride) for _ in range(TURNS)]
        of_readers: dict[str, list[float]] = {name: [] for name in readers}
        differences: dict[str, list[int]] = {name: [] for name in readers}
        for start in starts:
            indices = [start + stride * number for number in range(frames)]
            ours = readers["ours"](str(path), indices)
            for reader, read in readers.items():
                began = time.process_time()
                pixels = read(str(path), indices)
                of_readers[reader].append(1e3 * (time.process_time() - began))
                differences[reader].append(int(np.abs(pixels.astype(int) - ours).max()))
        own = statistics.median(of_readers["ours"])
        times = [f"{(median := statistics.median(found)):.0f} ({median / own:.1f})" for found in of_readers.values()]
        apart = ", ".join(f"{reader} {max(found)}" for reader, found in differences.items() if max(found))
        rows.append([f"{name}, {size}", clip, *times, apart or "0"])
        print(*rows[-1], sep=" | ", file=sys.stderr)
    return rows


def available() -> dict[str, Reader]:
    """Readers by name; those whose library is missing are named and left out."""
    found: dict[str, Reader] = {"ours": ours, "PyAV": plain_pyav, "pytorchvideo": pytorchvideo}
    for name, module, reader in (("torchcodec", "torchcodec.decoders", torchcodec), ("decord", "decord", decord)):
        try:
            importlib.import_module(module)
        except (ImportError, RuntimeError) as error:  # RuntimeError: torchcodec without FFmpeg's libraries
            print(f"{name} is left out: {str(error).splitlines()[0]}", file=sys.stderr)
        else:
            found[name] = reader
    return found


def ours(path: str, indices: Sequence[int]) -> NDArray[np.uint8]:
    with VideoFile(path) as video:
        return video.frames(indices).permute(0, 2, 3, 1).numpy()


def plain_pyav(path: str, indices: Sequence[int]) -> NDArray[np.uint8]:
    """Seek to the key frame before the first frame, decode up to the last one, and convert the wanted ones."""
    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        assert stream.average_rate is not None and stream.time_base is not None
        ticks = 1 / (stream.average_rate * stream.time_base)
        wanted = {(stream.start_time or 0) + round(index * ticks) for index in indices}
        container.seek(min(wanted), stream=stream)
        images = []
        for frame in container.decode(stream):
            if frame.pts in wanted:
                images.append(frame.to_ndarray(format="rgb24"))
            if frame.pts is not None and frame.pts >= max(wanted):
                break
        return np.stack(images)


def pytorchvideo(path: str, indices: Sequence[int]) -> NDArray[np.uint8]:
    """Part of the video, all of whose frames it decodes and converts to float."""
    from pytorchvideo.data.encoded_video import EncodedVideo

    video = EncodedVideo.from_path(path, decode_audio=False)
    rate = float(video._container.streams.video[0].average_rate)
    clip = video.get_clip((indices[0] - 0.25) / rate, (indices[-1] + 0.25) / rate)["video"]
    video.close()
    return clip[:, :: indices[1] - indices[0]].to(torch.uint8).permute(1, 2, 3, 0).numpy()


def torchcodec(path: str, indices: Sequence[int]) -> NDArray[np.uint8]:
    from torchcodec.decoders import VideoDecoder  # pyright: ignore[reportMissingImports]

    return VideoDecoder(path, dimension_order="NHWC", num_ffmpeg_threads=1).get_frames_at(list(indices)).data.numpy()


def decord(path: str, indices: Sequence[int]) -> NDArray[np.uint8]:
    from decord import VideoReader  # pyright: ignore[reportMissingImports]

    return VideoReader(path, num_threads=1).get_batch(list(indices)).asnumpy()


def versions() -> list[str]:
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in ("av", "pytorchvideo", "torchcodec", "decord"):
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return found
