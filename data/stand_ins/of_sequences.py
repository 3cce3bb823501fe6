"""Settings of the generated sequences of tokens: texts, expressions and pictures."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from data.stand_ins.stand_in import FIELD, StandIn
from interface.ranges import Count, CountOrZero, Range, Share, ShareAboveZero

LEVELS = {6: "curv_baseline", 9: "curv_contour_length_9", 14: "curv_contour_length_14"}  # by paddles of a long snake
NumReviews = Annotated[int, Range(least=2)]
NumWords = Annotated[tuple[int, int], Range(least=1, most=100_000, ascending=True)]
Pixels = Annotated[int, Range(least=1, most=16)]
Factor = Annotated[float, Range(above=0, most=100)]


@dataclass(frozen=True, kw_only=True)
class ListOpsStandIn(StandIn):
    """Expressions. The defaults are those of the published data set."""

    name = "listops"

    num_train: Count = 96_000
    num_val: Count = 2_000
    """Number of expressions of the validation split, and of the test split."""
    length: Annotated[tuple[int, int], Range(least=1, most=1_000_000, ascending=True)] = (500, 2000)
    """An expression has more tokens than the first number and fewer than the second."""
    max_depth: Annotated[int, Range(least=2, most=100)] = 10
    """Largest depth of a tree, whose root has depth 1."""
    max_arguments: Annotated[int, Range(least=2, most=1000)] = 10
    """Largest number of arguments of an operator; the smallest is 2."""
    operator_share: ShareAboveZero = 0.25
    """Probability of an operator in place of a digit."""

    @property
    def is_original(self) -> bool:
        return self == ListOpsStandIn(seed=self.seed, version=self.version)


@dataclass(frozen=True, kw_only=True)
class AanStandIn(StandIn):
    name = "aan"

    num_train: Count = 3000
    num_val: Count = 500
    """Number of pairs of the validation split, and of the test split."""
    words: NumWords = (10, 22)
    topic_share: Share = 0.4
    """Share of words of the topic."""


@dataclass(frozen=True, kw_only=True)
class ImdbStandIn(StandIn):
    name = "imdb"

    num_train: NumReviews = 3000
    num_val: NumReviews = 500
    words: NumWords = (12, 24)
    opinion_share: Share = 0.2
    """Share of words with an opinion."""
    contrary_share: Share = 0.2
    """Share of these that are of the other opinion."""


@dataclass(frozen=True, kw_only=True)
class Cifar10StandIn(StandIn):
    name = "cifar10"

    num_train: Count = 2700
    """Number of pictures of the training split; the training batches have a ninth more, for validation."""
    num_val: Count = 500
    noise: Annotated[float, Range(least=0, most=1000)] = 30.0
    """Standard deviation of the noise of a pixel."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.num_train % 9:  # five batches hold ten ninths of it
            raise ValueError(f"{FIELD}.num_train is {self.num_train}; it must be a multiple of 9")


@dataclass(frozen=True, kw_only=True)
class PathfinderStandIn(StandIn):
    """Pictures of snakes. The defaults are those of the published data set."""

    name = "pathfinder32"

    num_train: Count = 160_000
    num_val: Count = 20_000
    """Number of pictures of the validation split, and of the test split: an eighth of the training split."""
    side: Annotated[int, Range(least=16, most=512)] = 32
    """Number of rows and columns of a picture."""
    padding: CountOrZero = 1
    """Width of the border without paddles."""
    antialias: Pixels = 2
    """Factor by which paddles are drawn larger before they are reduced."""
    margin: Pixels = 1
    """Space between paddles. Those of a snake are two margins apart."""
    paddle_length: Pixels = 2
    paddle_thickness: Factor = 0.5
    contour: int = 14
    """Number of paddles of a long snake; a short one has a third of them."""
    marker_radius: Factor = 1.5
    """Radius of the discs."""
    seed_distance: CountOrZero = 7
    """Distance between the first paddles of the long snakes."""
    continuity: Factor = 1.0
    """Factor of turns: the larger it is, the straighter are the snakes."""
    contrast: Factor = 2.0
    """Brightness of all snakes, before the pictures are stretched to the full range."""
    paddle_contrast: Factor = 0.75
    """Factor of the brightness of long snakes."""
    single_paddles: bool = False
    """Whether single paddles fill the room between the snakes."""
    stretches: bool = True
    """Whether the brightest pixel of a picture is 255."""
    first_paddles: Literal["as released", "any"] = field(default="as released", metadata={"omit_if": "any"})
    """Paddles that start a snake, other than the second long one: as in the released code, which finds places only at
    orientations of -150 to -121 degrees, or any that have room."""

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("padding", "seed_distance"):
            if (pixels := getattr(self, name)) > self.side // 4:
                raise ValueError(f"{FIELD}.{name} is {pixels}; it must be between 0 and {self.side // 4}")
        if self.contour not in LEVELS:
            raise ValueError(f"{FIELD}.contour is {self.contour}; it is one of {', '.join(map(str, LEVELS))}")
        if self.num_train != 8 * self.num_val:
            raise ValueError(f"{FIELD}.num_train is {self.num_train}; it must be 8 x num_val, {8 * self.num_val}")

    @property
    def is_original(self) -> bool:
        return self == PathfinderStandIn(seed=self.seed, version=self.version)
