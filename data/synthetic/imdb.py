"""Stand-in for the reviews of IMDb: words of one opinion occur more often than those of the other."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.stand_ins.of_sequences import ImdbStandIn
from data.synthetic.drawing import Drawing

GOOD = ("great", "moving", "superb", "funny", "lovely", "brilliant")
BAD = ("awful", "boring", "weak", "silly", "dull", "terrible")
OTHER = ("the", "a", "film", "plot", "actor", "was", "and", "scene", "with", "it", "music", "end", "first", "of", "in")


class Review(NamedTuple):
    """A review to generate."""

    split: str
    number: int
    positive: bool


class ImdbDrawing(Drawing[ImdbStandIn, Review]):
    def parts(self) -> Sequence[Review]:
        sizes = (("train", self.settings.num_train), ("test", self.settings.num_val))
        return [Review(split, number, number % 2 == 1) for split, size in sizes for number in range(size)]

    def files(self, part: Review) -> Iterator[tuple[Path, bytes]]:
        """File of a review. Its name ends with a number of stars, as in the real data set."""
        draw = random.Random(f"{self.settings.seed} {part.split} {part.number}")
        folder, stars = ("pos", 9) if part.positive else ("neg", 2)
        name = f"{part.number}_{stars}.txt"
        yield Path(part.split, folder, name), " ".join(self.text(draw, part.positive)).encode()

    def text(self, draw: random.Random, positive: bool) -> Iterator[str]:
        """Words of a review."""
        for _ in range(draw.randint(*self.settings.words)):
            if draw.random() >= self.settings.opinion_share:
                yield draw.choice(OTHER)
            else:
                yield draw.choice(GOOD if positive == (draw.random() >= self.settings.contrary_share) else BAD)
