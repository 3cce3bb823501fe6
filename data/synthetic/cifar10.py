"""Stand-in for CIFAR-10: a class has an orientation of stripes and a brightness, with noise, shifts and colours."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from data.stand_ins.of_sequences import Cifar10StandIn
from data.synthetic.drawing import Drawing

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
