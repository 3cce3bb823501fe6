"""Settings of the generated videos of Kinetics, Something-Something, EPIC-Kitchens and DAVIS."""

from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from data.stand_ins.stand_in import FIELD, StandIn
from interface.ranges import Count, CountOrZero, PositiveOrZero, Range, Share

Side = Annotated[int, Range(least=2, most=4096)]
Rate = Annotated[int, Range(least=1, most=1000)]
FrameCounts = Annotated[tuple[int, int], Range(least=2, ascending=True)]
# Layouts of DAVIS and SSv2, which are written and read.
PICTURES, MASKS, LIST = "JPEGImages/480p", "Annotations/480p", "ImageSets/2017/val.txt"
SSV2_FOLDER = "20bn-something-something-v2"


def without_brackets(template: str) -> str:
    return template.replace("[", "").replace("]", "")


@dataclass(frozen=True, kw_only=True)
class VideoStandIn(StandIn):
    """Generated videos. Their height and width are even, as the codecs require.

    Subclasses have a field `frames`: the number of frames, or the smallest and the largest one.
    """

    height: Side = 48
    width: Side = 64
    rate: Rate = 15
    shake: PositiveOrZero = 0.0
    """Standard deviation of the camera position."""
    noise: PositiveOrZero = 0.0
    """Standard deviation of the sensor noise."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("height", "width"):
            if getattr(self, name) % 2:
                raise ValueError(f"{FIELD}.{name} is {getattr(self, name)}; it must be even")


@dataclass(frozen=True, kw_only=True)
class KineticsStandIn(VideoStandIn):
    """Videos whose appearance mostly determines the class. Each release has classes of its own."""

    releases: ClassVar[tuple[str, ...]] = ("kinetics400", "kinetics600")
    num_classes: ClassVar[int] = 10

    release: str = field(default="kinetics400", metadata={"omit_if": "kinetics400"})
    num_train: Count = 1000
    num_val: Count = 1000
    frames: FrameCounts = (28, 40)
    things: CountOrZero = 3  # objects of the class
    strangers: CountOrZero = 2  # objects of another class
    passers: CountOrZero = 1  # objects that pass in front
    hue_spread: PositiveOrZero = 0.06  # standard deviation of hues within a class
    shake: PositiveOrZero = 0.25
    noise: PositiveOrZero = 0.03

    @property
    def name(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        return self.release


@dataclass(frozen=True, kw_only=True)
class SSv2StandIn(VideoStandIn):
    """Videos of which only the motion of two warm-coloured objects determines the class."""

    name = "ssv2"
    num_classes: ClassVar[int] = 10

    num_train: Count = 1600
    num_val: Count = 1000
    rate: Rate = 12
    frames: FrameCounts = (20, 28)
    reach: Annotated[tuple[float, float], Range(above=0, most=1, ascending=True)] = (0.7, 1.0)
    """Share of its range that the moving coordinate covers."""
    roam: PositiveOrZero = 0.55  # largest distance of the midpoint from the origin, along x and along y
    distractors: CountOrZero = 2
    occluders: CountOrZero = 1
    shake: PositiveOrZero = 0.05
    noise: PositiveOrZero = 0.02


@dataclass(frozen=True, kw_only=True)
class Epic100StandIn(VideoStandIn):
    """Videos of hands that perform actions with objects. `num_train` and `num_val` count segments."""

    name = "epic100"
    num_verbs: ClassVar[int] = 8
    num_nouns: ClassVar[int] = 8
    has_categories: ClassVar[bool] = False
    """Whether the class file of the nouns names their categories."""

    num_train: Count = 1600
    num_val: Count = 1000
    frames: FrameCounts = (15, 28)  # of a segment
    idle: Annotated[tuple[int, int], Range(least=0, ascending=True)] = (2, 6)  # frames between segments
    strangers: CountOrZero = 2  # objects that are not touched
    hue_spread: PositiveOrZero = 0.03
    shake: PositiveOrZero = 0.15
    noise: PositiveOrZero = 0.02


@dataclass(frozen=True, kw_only=True)
class CategorisedEpic100StandIn(Epic100StandIn):
    """The same videos. It has a class of its own because a stand-in is recognised by its class."""

    has_categories: ClassVar[bool] = True


@dataclass(frozen=True, kw_only=True)
class DavisStandIn(StandIn):
    """Sequences of moving objects with their masks. Nothing is trained on them."""

    name = "davis2017"

    num_train: Annotated[int, Range(least=0, most=0)] = 0
    num_val: Count = 6
    height: Annotated[int, Range(least=16, most=4096)] = 128
    width: Annotated[int, Range(least=16, most=4096)] = 224
    frames: Annotated[int, Range(least=3, most=1000)] = 24
    noise: Share = 0.02  # standard deviation of the sensor noise
