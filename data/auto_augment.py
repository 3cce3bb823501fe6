"""AutoAugment with its policy v0 for ImageNet, one draw per clip.

Policy and operations are timm's, which follow those of EfficientNet (https://arxiv.org/abs/1905.11946) on TPUs. Use on
clips follows https://github.com/1adrianb/video-transformers. Frames are uint8, (F, 3, height, width), RGB.
"""

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from data.ranges import check_fields

if TYPE_CHECKING:  # configs are resolved without importing Pillow
    from PIL import Image


class AutoAugment:
    """One of 25 pairs of operations, each applied with its own probability and at its own magnitude.

    All frames get the same operations, directions and filters. Pillow applies them: on 16 frames of 256 x 340 pixels,
    colours take 7 to 15 ms and warps 40 to 85 ms. On tensors, all but warps take longer.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """Settings.

        Args:
            shift: largest vertical shift, as a share of the height. The policy shifts by nine tenths of it.
        """

        shift: float = 0.45

        def __post_init__(self) -> None:
            check_fields("data.augmentation.auto_augment", self, "shift", least=0, most=1)

        def build(self) -> "AutoAugment":
            return AutoAugment(self)

    def __init__(self, config: Config) -> None:
        from timm.data.auto_augment import auto_augment_policy  # here: timm takes a second to import

        from data.pillow_operations import FILL, FILTERS

        settings = {"translate_pct": config.shift, "img_mean": FILL, "interpolation": FILTERS}
        self.policy = auto_augment_policy("v0", settings)
        for operation in (operation for pair in self.policy for operation in pair):
            if operation.name == "Posterize":
                operation.aug_fn = posterized

    def __call__(self, frames: Tensor) -> Tensor:
        from PIL import Image

        pair = random.choice(self.policy)
        state = random.getstate()
        changed = []
        for frame in frames.permute(0, 2, 3, 1).contiguous().numpy():
            random.setstate(state)  # the operations draw the same numbers for every frame
            image = first = Image.fromarray(frame)
            for operation in pair:
                image = operation(image)
            if image is first:  # neither operation was drawn
                return frames
            changed.append(np.asarray(image))
        return torch.from_numpy(np.stack(changed)).permute(0, 3, 1, 2)


def posterized(image: "Image.Image", bits: int, **_: object) -> "Image.Image":
    """Image with the first bits of each pixel. timm's function refuses 0 bits, which the policy has at magnitude 2."""
    from data.pillow_operations import with_bits

    return with_bits(image, bits)
