"""Frame sources of a record: a video file, a part of a video file, or a folder of numbered pictures.

A folder of a longer video contains `frame_0000000001.jpg`, `frame_0000000002.jpg`, ..., like the published
EPIC-Kitchens. The folder of a listed video contains `img_00001.jpg`, `img_00002.jpg`, ..., or the names that its reader
has found. F: requested frames.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from fractions import Fraction
from functools import cached_property

import numpy as np
import torch
from av.video.frame import VideoFrame
from numpy.typing import NDArray
from PIL import Image
from simplejpeg import decode_jpeg
from torch import Tensor

from data.config import VideoFacts
from data.datasets.videos import Pictures, Span, VideoRecord, is_frame
from data.errors import DecodeError
from data.sampling.base import Timeline
from data.video.decode import VideoFile

# File names of the published pictures first. Pictures that users extract themselves have fewer digits.
PICTURE_NAMES = ("frame_{:010d}.jpg", "frame_{:06d}.jpg", "frame_{:05d}.jpg", "frame_{:010d}.png")


class FrameFolder:
    """Pictures of one span of a video, with the interface of `VideoFile`.

    The span has the frames round(start * fps) to round(stop * fps) - 1, counted from 0. Pictures count from 1.
    """

    remedy = ""  # of a missing picture

    def __init__(self, path: str, span: Span) -> None:
        self.path = path
        self.name = f"{path} from {span.start:.2f} to {span.stop:.2f} s"
        self.fps = span.fps
        self.first = round(span.start * span.fps)
        self.num_frames = max(1, round(span.stop * span.fps) - self.first)

    @cached_property
    def timeline(self) -> Timeline:
        return Timeline(np.arange(self.num_frames) / self.fps, Fraction(self.fps).limit_denominator(1001))

    @cached_property
    def num_bytes(self) -> int:
        with self.opened_picture(0) as image:
            return self.num_frames * 3 * image.width * image.height

    def check(self) -> None:
        sizes = {self.picture(index).shape for index in range(self.num_frames)}
        if len(sizes) > 1:
            raise DecodeError(self.name, "its pictures differ in size")

    @property
    def tick(self) -> Fraction:
        """Seconds of a frame, of which all presentation times are multiples."""
        return 1 / self.timeline.fps

    def upright(self) -> Iterator[VideoFrame]:
        return (VideoFrame.from_ndarray(self.picture(index), format="rgb24") for index in range(self.num_frames))

    def frames(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        indices = [min(int(index), self.num_frames - 1) for index in indices]
        pictures = {index: self.picture(index) for index in set(indices)}
        if len({picture.shape for picture in pictures.values()}) > 1:
            raise DecodeError(self.name, "its pictures differ in size")
        clip = np.stack([pictures[index] for index in indices])  # (F, height, width, 3)
        return torch.from_numpy(clip).permute(0, 3, 1, 2)

    @property
    def ends(self) -> tuple[str, str]:
        return self.picture_path(0), self.picture_path(self.num_frames - 1)

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Picture (height, width, 3) of a frame of the span.

        simplejpeg decodes JPEG to the pixels of Pillow in half the time. What it refuses is left to Pillow.
        """
        with suppress(OSError, ValueError), open(self.picture_path(index), "rb") as file:
            return decode_jpeg(file.read(), fastdct=False, fastupsample=False)
        with self.opened_picture(index) as image:
            return np.asarray(image.convert("RGB"))

    def picture_path(self, index: int) -> str:
        return os.path.join(self.path, self.picture_name.format(self.first + index + 1))

    @contextmanager
    def opened_picture(self, index: int) -> Iterator[Image.Image]:
        """File of the picture of a frame of the span, which is decoded on demand."""
        path = self.picture_path(index)
        picture = os.path.basename(path)
        try:
            with Image.open(path) as image:
                yield image
        except FileNotFoundError:
            raise DecodeError(self.name, f"{picture}: no such file{self.remedy}", missing=True) from None
        # Of a damaged header, Pillow raises one of the last three.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DecodeError(self.name, f"{picture}: {error}") from error

    @cached_property
    def picture_name(self) -> str:
        for name in PICTURE_NAMES:
            if os.path.exists(os.path.join(self.path, name.format(self.first + 1))):
                return name
        return PICTURE_NAMES[0]


class ListedFolder(FrameFolder):
    """Pictures of a video, whose number a list states."""

    def __init__(self, path: str, pictures: Pictures) -> None:
        super().__init__(path, Span(0.0, pictures.number / pictures.fps, pictures.fps))
        self.name, self.num_frames, self.picture_name = path, pictures.number, pictures.name
        self.remedy = f", but {pictures.number} frames are annotated: extract them again, or correct the annotation"

    def check(self) -> None:
        try:
            present = set(filter(is_frame, os.listdir(self.path)))
        except OSError as error:
            raise DecodeError(self.name, f"the folder cannot be read ({error.strerror})") from error
        listed = {self.picture_name.format(number) for number in range(1, self.num_frames + 1)}
        if present != listed:
            absent = f" without {min(listed - present)}" if listed - present else ""
            raise DecodeError(self.name, f"{len(present)} pictures{absent}{self.remedy}")
        super().check()


def folder_of(record: VideoRecord) -> FrameFolder | None:
    """Pictures of a record; None for a video file."""
    if record.pictures is not None:
        return ListedFolder(record.path, record.pictures)
    return FrameFolder(record.path, record.span) if record.span is not None and os.path.isdir(record.path) else None


def opened(record: VideoRecord) -> AbstractContextManager[VideoFile | FrameFolder]:
    if (folder := folder_of(record)) is not None:
        return nullcontext(folder)
    if reader := os.environ.get("VIDEO_READER"):
        from data.video.torchcodec_reader import TorchcodecFile

        return TorchcodecFile(record.path, record.part, reader)
    return VideoFile(record.path, record.part)


def examined(record: VideoRecord) -> VideoFacts:
    """Properties of a video, after all of its frames were decoded."""
    with opened(record) as video:
        video.check()
        height, width = video.frames([0]).shape[-2:]
        return VideoFacts(video.timeline.num_frames, float(video.timeline.fps), min(height, width))


def files_of(record: VideoRecord) -> tuple[str, ...]:
    """Files that show whether a video has changed: its own, or the first and the last of its pictures."""
    folder = folder_of(record)
    return (record.path,) if folder is None else folder.ends
