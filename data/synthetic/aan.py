"""Stand-in for pairs of papers: papers that cite each other have a topic, and thus words, in common."""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from data.stand_ins.of_sequences import AanStandIn
from data.synthetic.drawing import Drawing

TOPICS = (
    ("parser", "grammar", "syntax", "tree"),
    ("speech", "audio", "phoneme", "signal"),
    ("translation", "bilingual", "alignment", "phrase"),
    ("dialogue", "user", "turn", "intent"),
)
OTHER = ("we", "the", "model", "data", "results", "of", "show", "a", "method", "for", "in", "paper", "and")
SPLITS = ("train", "eval", "test")


class AanDrawing(Drawing[AanStandIn, str]):
    def parts(self) -> Sequence[str]:
        return SPLITS

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
        """Words of a text."""
        for _ in range(draw.randint(*self.settings.words)):
            yield draw.choice(topic if draw.random() < self.settings.topic_share else OTHER)
