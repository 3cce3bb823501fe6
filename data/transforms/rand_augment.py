"""RandAugment with the settings of the released recipes (`rand-m20-mstd0.5-inc1`), one draw per clip.

Follows the timm policy in Motionformer's code (https://github.com/facebookresearch/Motionformer). Two of its oddities
are always kept, since they change the clips: any magnitude above 10 acts as 10, and, unless `independent`, a single
draw applies or skips all operations, so that half of the clips are unchanged.
# Differs from the released code, unless `as_released`: all frames get the same operations; each operation draws its own
# direction; posterising keeps at least one bit, since zero bits make a clip black; warps are bilinear, and shifts are
# by whole pixels.
# Differs from the released code, unless `reversed_channels`: operations get the channels in the order of the model.
With `independent` and `bicubic`, it is timm's own RandAugment with one draw per clip, as in
https://github.com/KHU-VLL/CAST (`rand-m7-n4-mstd0.5-inc1`).
Frames are uint8, (F, 3, height, width).
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from interface.ranges import CheckedConfig, Count, PositiveOrZero, Share

if TYPE_CHECKING:  # configs are resolved without importing Pillow
    from data.transforms.clip_operations import Operation, Operations

MAX_LEVEL = 10

Maker = Callable[[float, int], "Operation"]
"""Operation of a strength in [0, 1] and, for those with two directions, a sign."""


class RandAugment:
    """Random operations on a clip, drawn with replacement."""

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        """Settings of `rand-m{magnitude}-n{num_operations}-mstd{deviation}-inc1`.

        Args:
            probability: that of applying all operations or, if `independent`, that of applying each.
            as_released: as in the released code: the first frame gets operations of its own, one draw gives all
                operations the same direction and filter (bilinear or bicubic), posterising keeps 0 bits at full
                strength, and shifts are by fractions of pixels.
            reversed_channels: give the operations the channels in reverse order. The released code applies them to BGR,
                also where its model gets RGB.
            independent: each operation is applied or skipped by itself, as in timm.
            bicubic: warps are bicubic, shifts are by fractions of pixels, and posterising keeps 0 bits at full
                strength, as in timm with Pillow.
        """

        config_path: ClassVar[str] = "data.augmentation.rand_augment"

        magnitude: PositiveOrZero = 20.0
        deviation: PositiveOrZero = 0.5
        num_operations: Count = 2
        probability: Share = 0.5
        as_released: bool = field(default=False, metadata={"omit_if": False})
        reversed_channels: bool = field(default=False, metadata={"omit_if": False})
        independent: bool = field(default=False, metadata={"omit_if": False})
        bicubic: bool = field(default=False, metadata={"omit_if": False})

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.as_released and (self.independent or self.bicubic):
                name = "independent" if self.independent else "bicubic"
                raise ValueError(f"{self.config_path}.as_released and .{name} exclude each other; set one of them")

        def build(self) -> "RandAugment":
            return RandAugment(self)

    def __init__(self, config: Config) -> None:
        self.config = config

    def drawn(self) -> "Operations":
        """Operations on a clip, drawn from the state of `random`."""
        from data.transforms.clip_operations import Operations

        config = self.config
        if not config.independent and random.random() > config.probability:
            return Operations([])
        of_frames = self._as_released() if config.as_released else [(slice(None), self._alike())]
        return Operations(of_frames, config.reversed_channels)

    def _alike(self) -> "list[Operation]":
        """The same operations for all frames."""
        config, found = self.config, []
        for operation in random.choices(_makers(config.bicubic), k=config.num_operations):
            if not config.independent or random.random() <= config.probability:
                found.append(operation(self.random_strength(), random.choice((-1, 1))))
        return found

    def _as_released(self) -> "list[tuple[slice, list[Operation]]]":
        """Operations of the first frame, and others of the remaining frames."""
        from data.transforms.pillow_operations import FILTERS, operations

        # The released code seeds its generator anew before each operation of each frame. All of them so draw the same
        # numbers. The operations of the first frame alone are drawn before.
        strength, sign, makers = self.random_strength(), random.choice((-1, 1)), operations(random.choice(FILTERS))
        first, others = (random.choices(makers, k=self.config.num_operations) for _ in range(2))
        parts = (slice(1), first), (slice(1, None), others)
        return [(part, [operation(strength, sign) for operation in drawn]) for part, drawn in parts]

    def random_strength(self) -> float:
        level = random.gauss(self.config.magnitude, self.config.deviation)
        return min(max(level, 0), MAX_LEVEL) / MAX_LEVEL


def _makers(bicubic: bool) -> Sequence[Maker]:
    """Operations by Pillow or torchvision, neither of which is imported to resolve a config."""
    if bicubic:
        from PIL import Image

        from data.transforms.pillow_operations import operations

        return operations(Image.Resampling.BICUBIC)
    from data.transforms.tensor_operations import OPERATIONS

    return OPERATIONS
