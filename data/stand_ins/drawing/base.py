"""What the drawing of every stand-in has in common: its units of work, and the files of each."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from data.stand_ins.drawing.encoding import encoded_mp4
from data.stand_ins.drawing.shapes import Camera, Floats
from data.stand_ins.of_videos import VideoStandIn
from data.stand_ins.stand_in import StandIn

PARTS_IN_ESTIMATE = 4
S = TypeVar("S", bound=StandIn)
V = TypeVar("V", bound=VideoStandIn)
Part = TypeVar("Part")


class Drawing(Generic[S, Part]):
    """Drawing of a stand-in. A part is a unit of work for the processes, e.g. a video, and can be pickled."""

    def __init__(self, settings: S) -> None:
        self.settings = settings

    def annotations(self) -> Mapping[str, str | bytes]:
        """Annotation files of all parts by path below the root. By default, there are none."""
        return {}

    @abstractmethod
    def parts(self) -> Sequence[Part]:
        """Units of work."""

    @abstractmethod
    def files(self, part: Part) -> Iterator[tuple[Path, bytes]]:
        """Files of a unit of work with their paths below the root."""

    def last_file(self, part: Part) -> Path | None:
        """Path of the last file of a unit of work, which is complete if that file is there; None if it is unknown."""
        return None

    def finish(self, root: Path) -> None:
        """Last step, in the folder of all files."""

    def estimated_bytes(self) -> int:
        """Estimated size of all files, from a few of the parts."""
        parts = self.parts()
        sample = parts[:: -(-len(parts) // PARTS_IN_ESTIMATE) or 1]
        sampled = sum(len(content) for part in sample for _, content in self.files(part))
        annotations = sum(len(content) for content in self.annotations().values())
        return annotations + round(sampled * len(parts) / max(len(sample), 1))


class Video(NamedTuple):
    """A video to generate. `seed` determines all its randomness."""

    split: str
    video_id: str
    label: int
    seed: tuple[int, ...]


class VideoDrawing(Drawing[V, Video]):
    @abstractmethod
    def path(self, video: Video) -> Path:
        """Path of a video below the root: its file, or the folder of its pictures."""

    @abstractmethod
    def drawn(self, video: Video) -> NDArray[np.uint8]:
        """Frames (T, h, w, 3) of one video."""

    def encoded(self, video: Video) -> bytes:
        return encoded_mp4(self.drawn(video), rate=self.settings.rate)

    def files(self, part: Video) -> Iterator[tuple[Path, bytes]]:
        yield self.path(part), self.encoded(part)

    def camera(self, center: Floats) -> Camera:
        """Camera whose centre follows a path (T, 2)."""
        height, width = self.settings.height, self.settings.width
        return Camera(height=height, width=width, pixels_per_unit=0.45 * height, center=center)
