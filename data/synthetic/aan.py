"""Stand-in for pairs of papers: papers that cite each other have a topic, and thus words, in common."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from data.synthetic.ensure import StandIn
from interface.ranges import Count, Range, Share

TOPICS = (
    ("parser", "grammar", "syntax", "tree"),
    ("speech", "audio", "phoneme", "signal"),
    ("translation", "bilingual", "alignment", "phrase"),
    ("dialogue", "user", "turn", "intent"),
)
OTHER = ("we", "the", "model", "data", "results", "of", "show", "a", "method", "for", "in", "paper", "and")
SPLITS = ("train", "eval", "test")


@dataclass(frozen=True, kw_only=True)
class AanStandIn(StandIn):
    """All settings that determine the texts.

    Args:
        num_val: number of pairs of the validation split, and of the test split.
        words: smallest and largest number of words of a text.
        topic_share: share of words of the topic.
    """

    name = "aan"

    num_train: Count = 3000
    num_val: Count = 500
    words: Annotated[tuple[int, int], Range(least=1, most=100_000, ascending=True)] = (10, 22)
    topic_share: Share = 0.4

    def parts(self) -> Sequence[object]:
        return SPLITS

    def files(self, part: object) -> Iterator[tuple[Path, bytes]]:
        draw = random.Random(f"{self.seed} {part}")
        count = self.num_train if part == "train" else self.num_val
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
        """Words of a text."""
        for _ in range(draw.randint(*self.words)):
            yield draw.choice(topic if draw.random() < self.topic_share else OTHER)
