"""Control of mask propagation: the mask of the first frame is kept for all frames."""

from dataclasses import dataclass
from typing import Self

from torch import Tensor, nn

from models.model import InputSize, ModelConfig, Targets, as_masked_sequence


class KeptMask(nn.Module):
    """Model without parameters."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """No options."""

        def check(self, size: InputSize) -> None:
            as_masked_sequence(size)

        def build(self, size: InputSize, targets: Targets) -> "KeptMask":
            self.check(size)
            return KeptMask()

        def macs(self, size: InputSize, targets: Targets) -> int:
            return 0

        def tiny(self) -> Self:
            return self

        @property
        def is_control(self) -> bool:
            """Always: it has no weights."""
            return True

    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """Masks (B, F, H, W) of frames (B, F, 3, h, w), equal to those of the first frames (B, 1, H, W)."""
        return masks.expand(-1, frames.shape[1], -1, -1)
