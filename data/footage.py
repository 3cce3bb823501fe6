"""What a record's frames are read from: a video file, a part of one, or a folder of numbered pictures.

A folder holds `frame_0000000001.jpg`, `frame_0000000002.jpg`, ... as EPIC-Kitchens is published. F frames asked for.
"""

import os
from collections.abc import Sequence
from fractions import Fraction
from functools import cached_property
from types import TracebackType

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from data.datasets.videos import Span, VideoRecord
from data.decode import VideoFile
from data.errors import DecodeError
from data.sampling import Timeline

# Digits of a picture's number; pictures that people cut themselves have fewer.
PICTURE_NAMES = ("frame_{:010d}.jpg", "frame_{:06d}.jpg", "frame_{:05d}.jpg", "frame_{:010d}.png")


class FrameFolder:
    """The pictures of one span of a video, read like a `VideoFile`.

    The span's frames are round(start * fps) to the one before round(stop * fps), counted from 0; pictures from 1.

    Raises:
        DecodeError: from every method, with the path, the span and the first real error; a span counts as one video.
    """

    def __init__(self, path: str, span: Span) -> None:
        self.path = path
        self.name = f"{path} from {span.start:.2f} to {span.stop:.2f} s"
        self.fps = span.fps
        self.first = round(span.start * span.fps)
        self.num_frames = max(1, round(span.stop * span.fps) - self.first)

    def __enter__(self) -> "FrameFolder":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    @cached_property
    def timeline(self) -> Timeline:
        """What a sampling needs to know."""
        return Timeline(np.arange(self.num_frames) / self.fps, Fraction(self.fps))

    @cached_property
    def num_bytes(self) -> int:
        """What all its frames take when decoded."""
        return self.num_frames * self.picture(0).size

    def frames(self, indices: Sequence[int] | NDArray[np.int64]) -> Tensor:
        """The frames at these places, in this order, uint8 RGB (F, 3, height, width), channels last in storage.

        Places beyond the last frame are the last frame.
        """
        places = [min(int(index), self.num_frames - 1) for index in indices]
        pictures = {place: self.picture(place) for place in set(places)}
        if len({picture.shape for picture in pictures.values()}) > 1:
            raise DecodeError(self.name, "its pictures are not all of one size")
        clip = np.stack([pictures[place] for place in places])  # (F, height, width, 3)
        return torch.from_numpy(clip).permute(0, 3, 1, 2)

    def picture(self, place: int) -> NDArray[np.uint8]:
        """The picture (height, width, 3) of a frame of the span."""
        picture = self.picture_name.format(self.first + place + 1)
        try:
            with Image.open(os.path.join(self.path, picture)) as image:
                return np.asarray(image.convert("RGB"))
        except FileNotFoundError:
            raise DecodeError(self.name, f"{picture}: no such file", missing=True) from None
        except (OSError, UnidentifiedImageError, SyntaxError) as error:  # Pillow calls a broken PNG a syntax error
            raise DecodeError(self.name, f"{picture}: {error}") from error

    @cached_property
    def picture_name(self) -> str:
        """How this folder's pictures are called."""
        for name in PICTURE_NAMES:
            if os.path.exists(os.path.join(self.path, name.format(self.first + 1))):
                return name
        return PICTURE_NAMES[0]


def opened(record: VideoRecord) -> VideoFile | FrameFolder:
    """A record's footage, to be used as a context manager."""
    if record.span is None:
        return VideoFile(record.path)
    if os.path.isdir(record.path):
        return FrameFolder(record.path, record.span)
    return VideoFile(record.path, (record.span.start, record.span.stop))
