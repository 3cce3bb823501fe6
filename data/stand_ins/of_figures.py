"""Settings of the generated videos of articulated figures with joints."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from data.stand_ins.of_videos import Rate, Side, VideoStandIn
from data.stand_ins.stand_in import FIELD
from interface.ranges import Count, PositiveOrZero, Range, Share

NumVideos = Annotated[int, Range(least=1, most=100_000)]
NumFigures = Annotated[int, Range(least=0, most=100)]


@dataclass(frozen=True, kw_only=True)
class FigureStandIn(VideoStandIn):
    """All settings that determine pixels and joints. All videos have the same number of frames."""

    num_classes: ClassVar[int] = 13

    num_train: NumVideos = 1000
    num_val: NumVideos = 600
    height: Side = 64
    width: Side = 64
    frames: Annotated[int, Range(least=2, most=1000)] = 24
    rate: Rate = 12
    ending: Count = 4  # number of last frames that tell two of the classes apart
    passers: NumFigures = 1  # strangers that walk by
    clutter: NumFigures = 5  # small dull things
    shake: PositiveOrZero = 0.08
    noise: PositiveOrZero = 0.03
    jitter: PositiveOrZero = 0.4  # standard deviation of the annotated places, in pixels
    gaps: Share = 0.1  # probability that a joint has no place in some of the frames, and all of them in one frame

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ending >= self.frames:
            raise ValueError(f"{FIELD}.ending is {self.ending}; it must be between 1 and {self.frames - 1}")


@dataclass(frozen=True, kw_only=True)
class PennActionStandIn(FigureStandIn):
    name = "penn-action"


@dataclass(frozen=True, kw_only=True)
class NtuStandIn(FigureStandIn):
    name = "ntu60"

    ghosts: Share = 0.1
    """Share of videos with a second body, small and still, which the sensor found in the furniture."""


@dataclass(frozen=True, kw_only=True)
class FineGymStandIn(FigureStandIn):
    name = "gym99"
