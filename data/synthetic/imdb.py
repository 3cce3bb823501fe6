"""Stand-in for the reviews of IMDb: words of one opinion occur more often than those of the other."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

from data.synthetic.ensure import StandIn
from interface.ranges import Range, Share

GOOD = ("great", "moving", "superb", "funny", "lovely", "brilliant")
BAD = ("awful", "boring", "weak", "silly", "dull", "terrible")
OTHER = ("the", "a", "film", "plot", "actor", "was", "and", "scene", "with", "it", "music", "end", "first", "of", "in")


class Review(NamedTuple):
    """A review to generate."""

    split: str
    number: int
    positive: bool


NumReviews = Annotated[int, Range(least=2)]


@dataclass(frozen=True, kw_only=True)
class ImdbStandIn(StandIn):
    """All settings that determine the reviews.

    Args:
        words: smallest and largest number of words.
        opinion_share: share of words with an opinion.
        contrary_share: share of these that are of the other opinion.
    """

    name = "imdb"

    num_train: NumReviews = 3000
    num_val: NumReviews = 500
    words: Annotated[tuple[int, int], Range(least=1, most=100_000, ascending=True)] = (12, 24)
    opinion_share: Share = 0.2
    contrary_share: Share = 0.2

    def parts(self) -> Sequence[object]:
        sizes = (("train", self.num_train), ("test", self.num_val))
        return [Review(split, number, number % 2 == 1) for split, size in sizes for number in range(size)]

    def files(self, part: object) -> Iterator[tuple[Path, bytes]]:
        """File of a review. Its name ends with a number of stars, as in the real data set."""
        assert isinstance(part, Review)
        draw = random.Random(f"{self.seed} {part.split} {part.number}")
        folder, stars = ("pos", 9) if part.positive else ("neg", 2)
        name = f"{part.number}_{stars}.txt"
        yield Path(part.split, folder, name), " ".join(self.text(draw, part.positive)).encode()

    def text(self, draw: random.Random, positive: bool) -> Iterator[str]:
        """Words of a review."""
        for _ in range(draw.randint(*self.words)):
            if draw.random() >= self.opinion_share:
                yield draw.choice(OTHER)
            else:
                yield draw.choice(GOOD if positive == (draw.random() >= self.contrary_share) else BAD)
