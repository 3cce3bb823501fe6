"""Frame-wise ViT: a vision transformer on each frame of a clip, with a CLS each.

B batch, F frames, S patches per frame, N = 1 + S tokens of a frame, D width.
"""

from dataclasses import dataclass, field, replace
from typing import Self

from torch import Tensor

from models.framewise.frame_attention import FrameAttention
from models.framewise.heads import FrameMeanHead
from models.framewise.positions import FramePositions
from models.heads import HeadConfig
from models.imagenet import ImageNet, InitialWeights
from models.mixers.attention import MixerConfig
from models.model import InputSize, Targets, num_outputs
from models.positions import PositionsConfig
from models.tokens import Grid, SquareTokens, TokensConfig
from models.trunk import VideoViT


class FramewiseViT(VideoViT):
    """ViT whose blocks see the tokens (B*F, N, D) of single frames, and whose head sees the CLS (B, F, D) of all."""

    @dataclass(frozen=True, kw_only=True)
    class Config(VideoViT.Config):
        """ViT-B/16, pretrained on ImageNet-21k."""

        tokens: TokensConfig = field(default_factory=SquareTokens.Config)
        positions: PositionsConfig = field(default_factory=FramePositions.Config)
        attention: MixerConfig = field(default_factory=FrameAttention.Config)
        head: HeadConfig | None = field(default_factory=FrameMeanHead.Config)
        init: InitialWeights | None = field(
            default_factory=lambda: ImageNet.Config(name="vit_base_patch16_224.orig_in21k")
        )

        def build(self, size: InputSize, targets: Targets) -> "FramewiseViT":
            """Model for clips of this size, with random weights."""
            self.check(size)
            return FramewiseViT(self, self.grid(size), num_outputs(targets))

        def num_tokens(self, grid: Grid) -> int:
            """Number of tokens of all frames in each block, with a CLS each."""
            return grid.frames * (1 + grid.patches)

        def tiny(self) -> Self:
            """Config with 1/8 of the width, all heads, 1/4 of the depth, patches of half the side and random weights.

            Shifts of single heads need all of them.
            """
            return replace(super().tiny(), width=self.width // 8, heads=self.heads)

    def embedded(self, clip: Tensor) -> tuple[Tensor, Grid]:
        """Tokens with CLS and positions (B*F, N, D) of clips (B, F, 3, height, width), and the token grid."""
        tokens, grid = self.tokens(clip)  # (B, F*S, D)
        frames = self.with_cls(tokens.unflatten(1, (grid.frames, grid.patches)).flatten(0, 1))  # (B*F, N, D)
        positions = self.positions(grid)  # (F or 1, N, D)
        return (frames.unflatten(0, (-1, grid.frames)) + positions).flatten(0, 1), grid

    def features(self, clip: Tensor) -> Tensor:
        """Features (B, F, D) of the CLS of all frames."""
        return super().features(clip).unflatten(0, (len(clip), -1))
