"""Generated data sets of videos."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from data.synthetic.encoding import encoded_mp4
from data.synthetic.ensure import FIELD, StandIn
from data.synthetic.shapes import Camera, Floats
from interface.ranges import check_fields

MAX_SIDE, MAX_RATE = 4096, 1000


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

    height: int = 48
    width: int = 64
    rate: int = 15
    shake: float = 0.0  # standard deviation of the camera position
    noise: float = 0.0  # standard deviation of the sensor noise

    def check(self) -> None:
        super().check()
        check_fields(FIELD, self, "num_train", "num_val", least=1)
        check_fields(FIELD, self, "height", "width", least=2, most=MAX_SIDE)
        check_fields(FIELD, self, "frames", least=2)
        check_fields(FIELD, self, "rate", least=1, most=MAX_RATE)
        check_fields(FIELD, self, "shake", "noise", least=0)
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
