"""Stand-ins of texts: papers that cite each other have words of a topic in common, and reviews words of one opinion."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from data.stand_ins.of_sequences import AanStandIn, ImdbStandIn
from data.synthetic.drawing import Drawing

TOPICS = (
    ("parser", "grammar", "syntax", "tree"),
    ("speech", "audio", "phoneme", "signal"),
    ("translation", "bilingual", "alignment", "phrase"),
    ("dialogue", "user", "turn", "intent"),
)
PAPER_WORDS = ("we", "the", "model", "data", "results", "of", "show", "a", "method", "for", "in", "paper", "and")
AAN_SPLITS = ("train", "eval", "test")


class AanDrawing(Drawing[AanStandIn, str]):
    def parts(self) -> Sequence[str]:
        return AAN_SPLITS

    def files(self, part: str) -> Iterator[tuple[Path, bytes]]:
        draw = random.Random(f"{self.settings.seed} {part}")
        count = self.settings.num_train if part == "train" else self.settings.num_val
        lines = (self.line(draw, number) for number in range(count))
        yield Path("tsv_data", f"new_aan_pairs.{part}.tsv"), "".join(lines).encode()

    def line(self, draw: random.Random, number: int) -> str:
        """Label, ids and texts of a pair. Half of the pairs cite each other."""
        topic = draw.randrange(len(TOPICS))
        other = topic if number % 2 else (topic + draw.randrange(1, len(TOPICS))) % len(TOPICS)
        texts = (" ".join(self.text(draw, TOPICS[index])) for index in (topic, other))
        return (
            "\t".join((f"{number % 2:.1f}", f"P{draw.randrange(10**6):06d}", f"W{draw.randrange(10**6):06d}", *texts))
            + "\n"
        )

    def text(self, draw: random.Random, topic: Sequence[str]) -> Iterator[str]:
        for _ in range(draw.randint(*self.settings.words)):
            yield draw.choice(topic if draw.random() < self.settings.topic_share else PAPER_WORDS)


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
        for _ in range(draw.randint(*self.settings.words)):
            if draw.random() >= self.settings.opinion_share:
                yield draw.choice(OTHER)
            else:
                yield draw.choice(GOOD if positive == (draw.random() >= self.settings.contrary_share) else BAD)
