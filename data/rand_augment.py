"""RandAugment as the released recipes name it (`rand-m20-mstd0.5-inc1`), one draw per clip.

Follows the timm policy that the Motionformer code carries. Two of its accidents decide what a clip sees: any magnitude
above 10 acts as 10, and one coin decides for both operations, so that half of the clips are left alone. Both are kept.
# Differs from the released code: its first frame gets other operations than the rest; here all frames get the same.
# Differs from the released code: posterising keeps one bit at least; none would make the clip black.
"""

import random
from dataclasses import dataclass

from torch import Tensor

MAX_LEVEL = 10


class RandAugment:
    """Draws some operations with replacement for a clip of uint8 frames (F, 3, height, width)."""

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """`rand-m{magnitude}-mstd{deviation}-inc1`."""

        magnitude: float = 20.0
        deviation: float = 0.5
        num_operations: int = 2
        probability: float = 0.5

        def build(self) -> "RandAugment":
            """The augmentation."""
            return RandAugment(self)

    def __init__(self, config: Config) -> None:
        from data.operations import OPERATIONS  # here: configs are resolved without importing torchvision

        self.config = config
        self.operations = OPERATIONS

    def __call__(self, frames: Tensor) -> Tensor:
        """The augmented frames; drawn from the state of `random`."""
        if random.random() > self.config.probability:
            return frames
        for operation in random.choices(self.operations, k=self.config.num_operations):
            level = random.gauss(self.config.magnitude, self.config.deviation)
            strength = min(max(level, 0), MAX_LEVEL) / MAX_LEVEL
            frames = operation(frames, strength, random.choice((-1, 1)))
        return frames
