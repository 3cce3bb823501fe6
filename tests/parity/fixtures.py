"""Parity fixtures: the outputs of published code for weights and clips that are computed from names (README.md).

F: frames of a clip.
"""

import hashlib
import json
import math
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FOLDER = Path(__file__).parent
TOLERANCE = 2e-5  # largest difference of an output; the README says which errors exceed it


def names(prefix: str) -> list[str]:
    """Names of the fixtures that start with a prefix."""
    return sorted(file.stem for file in FOLDER.glob(f"{prefix}*.json"))


class Fixture:
    """A fixture file, with the tensors that it describes."""

    def __init__(self, name: str) -> None:
        self.content = json.loads((FOLDER / f"{name}.json").read_text())
        self.config = self.content["config"]

    @cached_property
    def tensors(self) -> dict[str, Tensor]:
        """Weights or inputs under the authors' names, float32."""
        return {name: self._tensor(name, *rule) for name, rule in self.content["tensors"].items()}

    def _tensor(self, name: str, shape: list[int], centre: float, half_width: float) -> Tensor:
        numbers = uniform(f"{self.content['seed']}/{name}", math.prod(shape))
        values = centre + half_width * (2 * numbers - 1)
        return torch.from_numpy(values.astype(np.float32)).reshape(shape)

    @cached_property
    def clip(self) -> Tensor:
        """Normalised clip: (1, F, 3, size, size), float32."""
        pixels = torch.from_numpy(clip(*(self.content["clip"][key] for key in ("seed", "frames", "size"))))
        mean, std = (torch.tensor(self.content["clip"][key]) for key in ("mean", "std"))
        return ((pixels / 255 - mean) / std).permute(0, 3, 1, 2).unsqueeze(0)

    def output(self, name: str) -> Tensor:
        """Expected output with this name."""
        return torch.tensor(self.content["outputs"][name])

    def indices_of_samples(self, output: str) -> Tensor:
        """Positions of the stored values in a flattened output that is too large to be stored."""
        sampled = self.content["outputs"][output]
        numbers = uniform(f"{self.content['seed']}/positions of {output}", len(sampled["values"]))
        return torch.from_numpy((math.prod(sampled["shape"]) * numbers).astype(np.int64))


def uniform(text: str, count: int) -> NDArray[np.float64]:
    """Numbers in [0, 1) that depend on a text alone: (count,)."""
    return hashed(text, 4 * count).view("<u4") / 2.0**32


def hashed(text: str, count: int) -> NDArray[np.uint8]:
    """First bytes of the SHAKE-256 hash of a text: (count,)."""
    return np.frombuffer(hashlib.shake_256(text.encode()).digest(count), np.uint8)


def clip(seed: int, frames: int, size: int) -> NDArray[np.uint8]:
    """Two moving waves, a moving disc and noise: (frames, size, size, 3), RGB."""
    t, y, x, channel = np.ogrid[:frames, :size, :size, :3]
    wave = triangle(3 * x + 2 * y + 8 * t + 40 * channel + 7 * seed, 96)
    counter_wave = triangle(2 * y - x - 5 * t - 3 * channel * t, 64)
    column, row = triangle(13 * t + 31 * seed, 190), triangle(9 * t + 57 * seed, 170)
    disc = (1600 - (x - column) ** 2 - (y - row) ** 2).clip(min=0) // 25  # (frames, size, size, 1)
    bytes_of_frames = np.stack([hashed(f"{seed}/noise/{frame}", 3 * size * size) for frame in range(frames)])
    noise = bytes_of_frames.reshape(frames, size, size, 3) % 32
    return (wave + counter_wave + disc + noise).astype(np.uint8)


def triangle(n: NDArray[np.int64], height: int) -> NDArray[np.int64]:
    """Triangle wave of period 2 * height between 0 and height."""
    return abs(n % (2 * height) - height)
