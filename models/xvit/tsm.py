"""TSM-ViT: channels of all tokens come from the neighbouring frames, at the input of each block.

Equations 1 to 3 of X-ViT's supplementary (https://arxiv.org/abs/2106.05968).
"""

from dataclasses import dataclass, field

from models.framewise.frame_attention import FrameAttention
from models.framewise.shifted_block import BlockShift
from models.mixers.attention import MixerConfig
from models.model import InputSize, check_range
from models.xvit.model import XViT


class TSMViT:
    """Frame-wise ViT with plain attention, whose residual stream carries the shifted tokens."""

    @dataclass(frozen=True, kw_only=True)
    class Config(XViT.Config):
        """`division`: 1 / fraction of the channels that come from each neighbour; not printed, 8 in TSM."""

        config_tag = "TSMViT.Config"

        attention: MixerConfig = field(default_factory=FrameAttention.Config)
        division: int = 8

        def check(self, size: InputSize) -> None:
            check_range("model.division", self.division, least=2)
            super().check(size)

        @property
        def block_shift(self) -> BlockShift:
            return BlockShift(slice(None), self.width // self.division, before_mlp=False, boundary="zero")
