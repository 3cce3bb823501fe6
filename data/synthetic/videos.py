"""Generated data sets of videos, with one encoded file per video."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from data.synthetic.ensure import StandIn


class Video(NamedTuple):
    """A video to generate. `seed` determines all its randomness."""

    split: str
    video_id: str
    label: int
    seed: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class VideoStandIn(StandIn):
    """Generated data set of videos."""

    @abstractmethod
    def videos(self) -> list[Video]:
        """Videos of all splits."""

    @abstractmethod
    def path(self, video: Video) -> Path:
        """Path of a video below the root."""

    @abstractmethod
    def encoded(self, video: Video) -> bytes:
        """Content of the video file."""

    def parts(self) -> Sequence[object]:
        """All videos."""
        return self.videos()

    def files(self, part: object) -> Iterator[tuple[Path, bytes]]:
        """File of a video."""
        assert isinstance(part, Video)
        yield self.path(part), self.encoded(part)
