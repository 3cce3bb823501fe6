"""Generated data sets of videos."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.synthetic.encoding import encoded_mp4
from data.synthetic.ensure import FIELD, StandIn
from data.synthetic.shapes import Camera, Floats
from interface.ranges import PositiveOrZero, Range

Side = Annotated[int, Range(least=2, most=4096)]
Rate = Annotated[int, Range(least=1, most=1000)]
FrameCounts = Annotated[tuple[int, int], Range(least=2, ascending=True)]


class Video(NamedTuple):
    """A video to generate. `seed` determines all its randomness."""

    split: str
    video_id: str
    label: int
    seed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class VideoStandIn(StandIn):
    """Generated data set of videos. Frames have an even height and width, as the codecs require.

    Subclasses have a field `frames`: the number of frames, or the smallest and the largest one.
    """

    height: Side = 48
    width: Side = 64
    rate: Rate = 15
    shake: PositiveOrZero = 0.0  # standard deviation of the camera position
    noise: PositiveOrZero = 0.0  # standard deviation of the sensor noise

    def check(self) -> None:
        super().check()
        for name in ("height", "width"):
            if getattr(self, name) % 2:
                raise ValueError(f"{FIELD}.{name} is {getattr(self, name)}; it must be even")

    @abstractmethod
    def videos(self) -> list[Video]:
        """Videos of all splits."""

    @abstractmethod
    def path(self, video: Video) -> Path:
        """Path of a video below the root: its file, or the folder of its pictures."""

    @abstractmethod
    def drawn(self, video: Video) -> NDArray[np.uint8]:
        """Frames (T, h, w, 3) of one video."""

    def encoded(self, video: Video) -> bytes:
        return encoded_mp4(self.drawn(video), rate=self.rate)

    def camera(self, center: Floats) -> Camera:
        """Camera whose centre follows a path (T, 2)."""
        return Camera(height=self.height, width=self.width, pixels_per_unit=0.45 * self.height, center=center)

    def parts(self) -> Sequence[object]:
        return self.videos()

    def files(self, part: object) -> Iterator[tuple[Path, bytes]]:
        assert isinstance(part, Video)
        yield self.path(part), self.encoded(part)
