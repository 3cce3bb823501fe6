"""Stand-in for CIFAR-10: a class has an orientation of stripes and a brightness, with noise, shifts and colours."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np

from data.synthetic.ensure import FIELD, StandIn
from interface.ranges import Count, Range

SIDE, NUM_CLASSES, NUM_BATCHES = 32, 10, 5


@dataclass(frozen=True, kw_only=True)
class Cifar10StandIn(StandIn):
    """All settings that determine the pixels.

    Args:
        num_train: number of pictures of the training split; the training batches have a ninth more, for validation.
        noise: standard deviation of the noise of a pixel.
    """

    name = "cifar10"

    num_train: Count = 2700
    num_val: Count = 500
    noise: Annotated[float, Range(least=0, most=1000)] = 30.0

    def check(self) -> None:
        super().check()
        if self.num_train % 9 or self.num_train * 10 // 9 % NUM_BATCHES:
            raise ValueError(f"{FIELD}.num_train is {self.num_train}; it must be a multiple of 45")

    def annotations(self) -> Mapping[str, str | bytes]:
        names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
        return {"cifar-10-batches-bin/batches.meta.txt": "\n".join(names) + "\n"}

    def parts(self) -> Sequence[object]:
        return (*(f"data_batch_{number}" for number in range(1, NUM_BATCHES + 1)), "test_batch")

    def files(self, part: object) -> Iterator[tuple[Path, bytes]]:
        index = self.parts().index(part)
        count = self.num_val if part == "test_batch" else self.num_train * 10 // 9 // NUM_BATCHES
        rng = np.random.default_rng([self.seed, index])
        pictures = (self.record(rng, int(label)) for label in rng.permutation(np.arange(count) % NUM_CLASSES))
        yield Path("cifar-10-batches-bin", f"{part}.bin"), b"".join(pictures)

    def record(self, rng: np.random.Generator, label: int) -> bytes:
        """Label and colour planes of a picture."""
        rows, columns = np.mgrid[:SIDE, :SIDE]
        angle = np.pi * (label % 5) / 5
        wave = np.sin((rows * np.sin(angle) + columns * np.cos(angle)) * 0.8 + rng.uniform(0, 2 * np.pi))
        level = (90 if label < 5 else 150) + 50 * wave
        colours = rng.uniform(0.8, 1.2, 3)[:, None, None] * level + rng.normal(0, self.noise, (3, SIDE, SIDE))
        return bytes([label]) + np.clip(colours, 0, 255).astype(np.uint8).tobytes()
