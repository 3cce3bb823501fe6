"""Stand-ins of texts and small pictures, of which the sequences of tokens are made.

Papers that cite each other have words of a topic in common, and reviews words of one opinion. A class of pictures has
an orientation of stripes and a brightness, with noise, shifts and colours.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from data.stand_ins.drawing.base import Drawing
from data.stand_ins.of_sequences import AanStandIn, Cifar10StandIn, ImdbStandIn

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
        fields = (f"{number % 2:.1f}", f"P{draw.randrange(10**6):06d}", f"W{draw.randrange(10**6):06d}", *texts)
        return "\t".join(fields) + "\n"

    def text(self, draw: random.Random, topic: Sequence[str]) -> Iterator[str]:
        for _ in range(draw.randint(*self.settings.words)):
            yield draw.choice(topic if draw.random() < self.settings.topic_share else PAPER_WORDS)


GOOD = ("great", "moving", "superb", "funny", "lovely", "brilliant")
BAD = ("awful", "boring", "weak", "silly", "dull", "terrible")
OTHER = ("the", "a", "film", "plot", "actor", "was", "and", "scene", "with", "it", "music", "end", "first", "of", "in")


class ImdbDrawing(Drawing[ImdbStandIn, tuple[str, int]]):
    def parts(self) -> Sequence[tuple[str, int]]:
        """Splits and numbers of the reviews. Those of odd numbers are positive."""
        sizes = (("train", self.settings.num_train), ("test", self.settings.num_val))
        return [(split, number) for split, size in sizes for number in range(size)]

    def files(self, part: tuple[str, int]) -> Iterator[tuple[Path, bytes]]:
        """File of a review. Its name ends with a number of stars, as in the real data set."""
        split, number = part
        draw = random.Random(f"{self.settings.seed} {split} {number}")
        folder, stars = ("pos", 9) if number % 2 else ("neg", 2)
        yield Path(split, folder, f"{number}_{stars}.txt"), " ".join(self.text(draw, bool(number % 2))).encode()

    def text(self, draw: random.Random, positive: bool) -> Iterator[str]:
        for _ in range(draw.randint(*self.settings.words)):
            if draw.random() >= self.settings.opinion_share:
                yield draw.choice(OTHER)
            else:
                yield draw.choice(GOOD if positive == (draw.random() >= self.settings.contrary_share) else BAD)


SIDE, NUM_CLASSES, NUM_BATCHES = 32, 10, 5


class Cifar10Drawing(Drawing[Cifar10StandIn, str]):
    def annotations(self) -> Mapping[str, str | bytes]:
        names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
        return {"cifar-10-batches-bin/batches.meta.txt": "\n".join(names) + "\n"}

    def parts(self) -> Sequence[str]:
        return (*(f"data_batch_{number}" for number in range(1, NUM_BATCHES + 1)), "test_batch")

    def files(self, part: str) -> Iterator[tuple[Path, bytes]]:
        index = self.parts().index(part)
        count = self.settings.num_val if part == "test_batch" else self.settings.num_train * 10 // 9 // NUM_BATCHES
        rng = np.random.default_rng([self.settings.seed, index])
        pictures = (self.record(rng, int(label)) for label in rng.permutation(np.arange(count) % NUM_CLASSES))
        yield Path("cifar-10-batches-bin", f"{part}.bin"), b"".join(pictures)

    def record(self, rng: np.random.Generator, label: int) -> bytes:
        rows, columns = np.mgrid[:SIDE, :SIDE]
        angle = np.pi * (label % 5) / 5
        wave = np.sin((rows * np.sin(angle) + columns * np.cos(angle)) * 0.8 + rng.uniform(0, 2 * np.pi))
        level = (90 if label < 5 else 150) + 50 * wave
        colours = rng.uniform(0.8, 1.2, 3)[:, None, None] * level + rng.normal(0, self.settings.noise, (3, SIDE, SIDE))
        return bytes([label]) + np.clip(colours, 0, 255).astype(np.uint8).tobytes()
