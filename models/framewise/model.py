"""Frame-wise ViT: a vision transformer on each frame of a clip, with a CLS each.

B batch, F frames, S patches per frame, N = 1 + S tokens of a frame, D width.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from torch import Tensor, nn

from interface.sizes import InputSize
from interface.targets import Targets
from models.block import Block
from models.checkpoints import LoadReport, fill
from models.framewise.frame_attention import FrameAttention
from models.framewise.heads import FrameMeanHead
from models.framewise.positions import FramePositions
from models.framewise.shifted_block import BlockShift, ShiftedBlock
from models.heads import HeadConfig
from models.imagenet import ImageNet, InitialWeights
from models.mixers.attention import MixerConfig
from models.positions import PositionsConfig
from models.ranges import check_range
from models.tokens import Grid, SquareTokens, TokensConfig
from models.trunk import VideoViT


class FramewiseViT(VideoViT):
    """ViT whose blocks see the tokens (B*F, N, D) of single frames, and whose head sees the CLS (B, F, D) of all."""

    @dataclass(frozen=True, kw_only=True)
    class Config(VideoViT.Config):
        """ViT-B/16, pretrained on ImageNet-21k.

        `blocks`: indices of the blocks that connect frames; the others see single frames. None for all.

        Class variable:
        `not_in_parents`: patterns of the names of tensors that keep their random values, because a run that the model
        starts from may have others.
        """

        not_in_parents: ClassVar[tuple[str, ...]] = ("head.*",)

        tokens: TokensConfig = field(default_factory=SquareTokens.Config)
        positions: PositionsConfig = field(default_factory=FramePositions.Config)
        attention: MixerConfig = field(default_factory=FrameAttention.Config)
        head: HeadConfig | None = field(default_factory=FrameMeanHead.Config)
        init: InitialWeights | None = field(
            default_factory=lambda: ImageNet.Config(name="vit_base_patch16_224.orig_in21k")
        )
        blocks: tuple[int, ...] | None = None

        def check(self, size: InputSize) -> None:
            for block in self.blocks or ():
                check_range("model.blocks: an index", block, least=0)
                if block >= self.depth:
                    raise ValueError(f"model.blocks: {block}; the model has blocks 0 to {self.depth - 1}")
            if len(set(self.connected)) != len(self.connected):
                raise ValueError(f"model.blocks is {self.blocks}; it names each block once")
            super().check(size)

        @property
        def connected(self) -> tuple[int, ...]:
            return tuple(range(self.depth)) if self.blocks is None else self.blocks

        def attention_of(self, block: int) -> MixerConfig:
            return self.attention if block in self.connected else FrameAttention.Config()

        @property
        def block_shift(self) -> BlockShift | None:
            """Shift of the tokens of the blocks that connect frames; None without one."""
            return None

        def block_type(self, block: int) -> type[Block]:
            return ShiftedBlock if self.block_shift is not None and block in self.connected else Block

        def build_block(self, block: int) -> Block:
            built = super().build_block(block)
            if isinstance(built, ShiftedBlock):
                assert self.block_shift is not None
                built.shift = self.block_shift
            return built

        def build(self, size: InputSize, targets: Targets) -> "FramewiseViT":
            self.check(size)
            return FramewiseViT(self, self.grid(size), targets.num_outputs)

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            if part:
                return super().copy_from(model, tensors, part)
            names = {name: name for name in model.state_dict()}
            other = self.not_in_parents
            return fill(
                model, tensors, names, source="the run it starts from", known_missing=other, known_unexpected=other
            )

        def num_tokens(self, grid: Grid) -> int:
            return grid.frames * (1 + grid.patches)

        def tiny(self) -> Self:
            """Config with 1/8 of the width, all heads, 1/4 of the depth, patches of half the side and random weights.

            Shifts of single heads need all of them.
            """
            tiny = super().tiny()
            blocks = None if self.blocks is None else thinned(self.blocks, self.depth, tiny.depth)
            return replace(tiny, width=self.width // 8, heads=self.heads, blocks=blocks)

    def embedded(self, clip: Tensor) -> tuple[Tensor, Grid]:
        """Tokens with CLS and positions (B*F, N, D) of clips (B, F, 3, height, width), and the token grid."""
        tokens, grid = self.tokens(clip)  # (B, F*S, D)
        frames = self.with_cls(tokens.unflatten(1, (grid.frames, grid.patches)).flatten(0, 1))  # (B*F, N, D)
        positions = self.positions(grid)  # (F or 1, N, D)
        return (frames.unflatten(0, (-1, grid.frames)) + positions).flatten(0, 1), grid

    def features(self, clip: Tensor) -> Tensor:
        """Features (B, F, D) of the CLS of all frames."""
        return super().features(clip).unflatten(0, (len(clip), -1))


def thinned(blocks: tuple[int, ...], depth: int, new_depth: int) -> tuple[int, ...]:
    """The same subset of blocks in a model of another depth.

    Up to each place of the model, it contains the same fraction of the blocks, rounded half up.
    """
    counts = [
        math.floor(sum(block * new_depth < place * depth for block in blocks) * new_depth / depth + 0.5)
        for place in range(new_depth + 1)
    ]
    return tuple(block for block in range(new_depth) if counts[block + 1] > counts[block])
