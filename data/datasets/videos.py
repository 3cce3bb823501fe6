"""Labelled videos of one split, the result of every reader of videos, and the base of the configs of data sets."""

import re
from abc import abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data.config import DatasetConfig, Split
from data.datasets.folders import checked_root
from data.labels import hashed

FRAME_NAME = re.compile(r"(frame_.*|(img_|image_)?\d{5,})\.(jpg|jpeg|png)", re.IGNORECASE | re.ASCII)


def is_frame(name: str) -> bool:
    """Whether a file is a numbered frame of a video, such as `frame_0000000001.jpg` or `img_00001.jpg`."""
    return FRAME_NAME.fullmatch(name) is not None


class Span(NamedTuple):
    """Part of a longer video, in seconds. `fps` is the frame rate of the pictures of a video stored as pictures."""

    start: float
    stop: float
    fps: float


class Pictures(NamedTuple):
    """Pictures of a whole video, counted from 1. `name` is the pattern of their names, e.g. `img_{:05d}.jpg`."""

    name: str
    number: int
    fps: float


class VideoRecord(NamedTuple):
    """One labelled video.

    `path`: a video file; with a span, a longer video file or a folder of its pictures; with pictures, their folder.
    `label`: a class, or one of each kind of label, such as a verb and a noun.
    `video_id`: the name in the annotation file, the same on every machine.
    `is_cut`: whether the file holds the span alone.
    """

    path: str
    label: int | tuple[int, ...]
    video_id: str
    span: Span | None = None
    pictures: Pictures | None = None
    is_cut: bool = False

    @property
    def part(self) -> tuple[float, float] | None:
        """Start and stop of the span in the file, in seconds; None for the whole file."""
        return None if self.span is None or self.is_cut else (self.span.start, self.span.stop)

    @property
    def extent(self) -> str:
        """What the annotation file states of the length of the video, for fingerprints; empty for a video file."""
        if self.pictures is not None:
            return f"\t{self.pictures.number} pictures at {self.pictures.fps}"
        return f"\t{self.span.start} {self.span.stop}" if self.span else ""


@dataclass(frozen=True)
class VideoList:
    """Videos of one split in the order of its annotation file."""

    records: tuple[VideoRecord, ...]
    class_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.records)

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(record.video_id for record in self.records)

    def label(self, index: int) -> int | tuple[int, ...]:
        return self.records[index].label

    @property
    def fingerprint(self) -> str:
        return hashed(f"{record.video_id}\t{record.label}{record.extent}" for record in self.records)


@dataclass(frozen=True, kw_only=True)
class VideoDataset(DatasetConfig):
    unit = "videos"

    def build(self, root: Path, split: Split) -> VideoList:
        return self.read(checked_root(root, self.name), split)

    def segment_file(self, record: VideoRecord) -> str | None:
        """Path below the root at which `read` finds a file of the span of a record alone; None if it finds none."""
        return None

    @abstractmethod
    def read(self, root: Path, split: Split) -> VideoList:
        """Videos of a split below an absolute path of a folder that is not empty; raises as `build`."""
