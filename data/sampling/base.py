"""Frame sampling of clips: what all samplings share."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from interface.evaluation import EvalConfig
from interface.ranges import CheckedConfig

Indices = NDArray[np.int64]

PART_EACH = "one of each of as many equal parts of the video"  # description of samplings


@dataclass(frozen=True)
class Timeline:
    """Presentation times of the frames of a video in seconds from the first, ascending; and their average rate."""

    times: NDArray[np.float64]
    fps: Fraction

    @property
    def num_frames(self) -> int:
        return len(self.times)

    @property
    def seconds(self) -> Fraction:
        return self.num_frames / self.fps


class Sampling(ABC):
    """Frame sampling of clips of F frames."""

    def __init__(self, frames: int) -> None:
        self.frames = frames

    @abstractmethod
    def random(self, timeline: Timeline) -> Indices:
        """Frame indices of a training clip, drawn from the state of `random`."""

    @abstractmethod
    def views(self, timeline: Timeline, num_views: int) -> list[Indices]:
        """Frame indices of each test view. A single view is the middle of the video."""


@dataclass(frozen=True, kw_only=True)
class SamplingConfig(CheckedConfig, ABC):
    config_path: ClassVar[str] = "data.sampling"

    @property
    @abstractmethod
    def text(self) -> str:
        """The sampled frames in words."""

    @abstractmethod
    def build(self, frames: int) -> Sampling:
        """Sampling of clips with this number of frames."""

    @abstractmethod
    def for_test(self, evaluation: EvalConfig) -> "SamplingConfig":
        """Settings under a test protocol; a `ValueError` for one that this sampling does not support."""

    @property
    def expected_fps(self) -> int | None:
        """Frame rate for which the settings are meant; None if there is none."""
        return None

    def view_starts(self, num_views: int) -> tuple[Fraction, ...]:
        """Start of each test view, as a share of the video's duration minus the clip's duration."""
        return (Fraction(1, 2),) if num_views == 1 else tuple(Fraction(view, num_views) for view in range(num_views))
