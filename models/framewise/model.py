"""Frame-wise ViT: a vision transformer on each frame of a clip, with a CLS each; its positions, head and blocks.

Blocks may shift parts of their tokens between frames, on the residual stream.
B batch, T (or F) frames, S patches per frame, N = 1 + S tokens of a frame with CLS first, D width, C classes.
"""

import math
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

import torch
from torch import Tensor, nn

from interface.ranges import Count, CountOrZero, PositiveOrZero, ShareBelowOne
from interface.sizes import InputSize
from interface.targets import Targets
from models.block import Block
from models.framewise.frame_attention import FrameAttention
from models.framewise.frame_shift import Boundary, Part, shifted_projections
from models.heads import Head, HeadConfig
from models.imagenet import ImageNet, InitialWeights
from models.mixers.attention import MixerConfig
from models.positions import LearntPositions, PositionsConfig, check_frames, resized, square_side
from models.tokens import Grid, SquareTokens, TokensConfig
from models.trunk import VideoViT


class FramePositions(nn.Module):
    """Position in space of each token of a frame, CLS included, and optionally one in time of each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(LearntPositions):
        label: ClassVar[str] = "Frame-wise"
        in_time: bool = False
        """Whether there are positions in time, which all tokens of a frame get."""
        period: Count | None = None
        """Number of learnt positions in time, which repeat; None for the number of frames of the clip."""

        def check(self, grid: Grid) -> None:
            super().check(grid)
            if self.period is not None and grid.frames % self.period:
                raise ValueError(
                    f"model.positions.period is {self.period}; it must divide the {grid.frames} frames of a clip"
                )

        def build(self, width: int, grid: Grid) -> "FramePositions":
            """Positions for clips of this grid; space is random, time is zero."""
            return FramePositions(self, width, self.period or grid.frames, square_side(self.side, grid))

    def __init__(self, config: Config, width: int, frames: int, side: int) -> None:
        super().__init__()
        self.repeats = config.period is not None
        self.side = side
        self.space = nn.Parameter(torch.empty(1, 1 + side**2, width))
        self.time = nn.Parameter(torch.zeros(1, frames, width)) if config.in_time else None
        nn.init.trunc_normal_(self.space, std=0.02)

    def forward(self, grid: Grid) -> Tensor:
        """Positions (T, 1 + S, D) of the tokens of all frames; (1, 1 + S, D) without positions in time."""
        cls, space = self.space.split([1, self.side**2], dim=1)
        frame = torch.cat([cls, resized(space, self.side, grid)], dim=1)  # (1, 1 + S, D)
        if self.time is None:
            return frame
        learnt = self.time.shape[1]
        if not self.repeats or grid.frames % learnt:
            check_frames(learnt, grid)
        return frame + self.time.transpose(0, 1).repeat(grid.frames // learnt, 1, 1)


class FrameMeanHead(Head):
    """Classifier on the mean of the CLS of all frames, which equals the mean of the logits of all frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(HeadConfig):
        dropout: ShareBelowOne = 0.0
        """Rate of dropout on the CLS of each frame."""
        std: PositiveOrZero = 0.0
        """Standard deviation of the classifier's initial weights."""

        def build(self, width: int, num_classes: int) -> "FrameMeanHead":
            return FrameMeanHead(self, width, num_classes)

        def macs(self, grid: Grid, width: int, num_classes: int) -> int:
            """Multiply-adds of the classifier in each frame, as published."""
            return grid.frames * width * num_classes

    def __init__(self, config: Config, width: int, num_classes: int) -> None:
        super().__init__()
        self.std = config.std
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(width, num_classes)

    def reset(self) -> None:
        nn.init.normal_(self.classifier.weight, std=self.std)
        nn.init.zeros_(self.classifier.bias)

    def forward(self, cls: Tensor) -> Tensor:
        """Logits (B, C) of the CLS of all frames (B, T, D)."""
        return self.classifier(self.dropout(cls).mean(dim=1))


@dataclass(frozen=True)
class BlockShift:
    """Shift of the tokens of a block."""

    tokens: slice
    """Of N, CLS included."""
    fold: int
    """Number of channels that come from each neighbour: the first from the next frame, the second from the previous
    one."""
    before_mlp: bool
    """Whether the second half of the block shifts its input, too."""
    boundary: Boundary

    def __call__(self, x: Tensor, grid: Grid) -> Tensor:
        """Shift tokens x (B*T, N, D) in place, as a single projection of a single head."""
        folds = slice(0, self.fold), slice(self.fold, 2 * self.fold)
        parts = [Part((self.tokens, 0, slice(None), fold), source) for fold, source in zip(folds, (1, -1), strict=True)]
        [heads] = shifted_projections(x, (1, 1), grid.frames, parts, self.boundary)  # (B*T, 1, N, D)
        return heads.squeeze(1)


class ShiftedBlock(Block):
    """Block whose tokens are shifted before attention, optionally before the MLP, and in the residual connections."""

    shift: BlockShift

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output tokens (B*T, N, D) of input tokens (B*T, N, D)."""
        return self._feed_shifted(self.attend(self.shift(x.clone(), grid), grid), grid)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `forward` for CLS alone: (B*T, 1, D)."""
        return self._feed_shifted(self.attend_cls(self.shift(x.clone(), grid), grid), grid)

    def _feed_shifted(self, x: Tensor, grid: Grid) -> Tensor:
        return self.feed(self.shift(x, grid) if self.shift.before_mlp else x)


class FramewiseViT(VideoViT):
    """ViT whose blocks see the tokens (B*F, N, D) of single frames, and whose head sees the CLS (B, F, D) of all."""

    @dataclass(frozen=True, kw_only=True)
    class Config(VideoViT.Config):
        """ViT-B/16, pretrained on ImageNet-21k."""

        not_in_parents: ClassVar[tuple[str, ...]] = ("head.*",)

        tokens: TokensConfig = field(default_factory=SquareTokens.Config)
        positions: PositionsConfig = field(default_factory=FramePositions.Config)
        attention: MixerConfig = field(default_factory=FrameAttention.Config)
        head: HeadConfig = field(default_factory=FrameMeanHead.Config)
        init: InitialWeights | None = field(
            default_factory=lambda: ImageNet.Config(name="vit_base_patch16_224.orig_in21k")
        )
        blocks: tuple[CountOrZero, ...] | None = None
        """Indices of the blocks that connect frames; the others see single frames. None for all."""

        def check(self, size: InputSize) -> None:
            if max(self.connected, default=0) >= self.depth:
                raise ValueError(f"model.blocks is {self.blocks}; the model has blocks 0 to {self.depth - 1}")
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

        def num_tokens(self, grid: Grid) -> int:
            return grid.frames * (1 + grid.patches)

        def tiny(self) -> Self:
            """A quarter of the depth and an eighth of the width, but all heads: shifts of single heads need them."""
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
