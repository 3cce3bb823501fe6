"""VideoViT: a vision transformer over the tokens of a clip, with any mixer in its blocks.

Follows Motionformer (https://arxiv.org/abs/2106.05392) and, where the paper is silent, its released code.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

import torch
from torch import Tensor, nn

from models.heads import TanhHead
from models.mixers.attention import Mixer, MixerConfig
from models.mixers.trajectory import TrajectoryAttention
from models.pretrained import ImageNet, Released
from models.tokens import CubicTokens, Grid, JointPositions, SeparatePositions, SquareTokens


class Block(nn.Module):
    """Mixers, one after another, then an MLP; each behind a LayerNorm and added to what it read."""

    def __init__(self, mixers: Sequence[Mixer], width: int, mlp_ratio: float, drop_path: float) -> None:
        # Here: resolving a table must not take the second that timm takes.
        from timm.layers.drop import DropPath
        from timm.layers.mlp import Mlp

        super().__init__()
        self.norms = nn.ModuleList(nn.LayerNorm(width, eps=1e-6) for _ in mixers)
        self.mixers = nn.ModuleList(mixers)
        self.drops = nn.ModuleList(DropPath(drop_path if mixer.drops_path else 0.0) for mixer in mixers)
        self.mlp_norm = nn.LayerNorm(width, eps=1e-6)
        self.mlp = Mlp(width, int(width * mlp_ratio))
        self.mlp_drop = DropPath(drop_path)

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Tokens (B, N, D) of one block to those of the next."""
        for norm, mix, drop in zip(self.norms, self.mixers, self.drops, strict=True):
            x = x + drop(mix(norm(x), grid))
        return x + self.mlp_drop(self.mlp(self.mlp_norm(x)))

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """What `forward` makes of CLS, without the rest: (B, 1, D)."""
        *before, last = zip(self.norms, self.mixers, self.drops, strict=True)
        for norm, mix, drop in before:
            x = x + drop(mix(norm(x), grid))
        norm, mix, drop = last
        assert isinstance(mix, Mixer)
        cls = x[:, :1] + drop(mix.cls(norm(x), grid))  # (B, 1, D)
        return cls + self.mlp_drop(self.mlp(self.mlp_norm(cls)))


class VideoViT(nn.Module):
    """A ViT for clips: tokens, positions, blocks, and a head that reads CLS.

    The head reads CLS alone, so the last block computes CLS alone: the same logits and gradients as the published
    code's, which computes all its tokens. What the last block then does not read (`proj_q` and `proj_kv` of trajectory
    attention) gets exact zeros for a gradient, as there: AdamW decays it all the same, and distributed training needs
    no search for unused parameters.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config:
        """ViT-B with the paper's defaults; `drop_path` is the last block's rate, the first block's is zero.

        `init`: where the first weights come from, None for none; `models.pretrained.initialise` loads them.
        """

        width: int = 768
        depth: int = 12
        heads: int = 12
        mlp_ratio: float = 4.0
        tokens: CubicTokens.Config | SquareTokens.Config = field(default_factory=CubicTokens.Config)
        positions: SeparatePositions.Config | JointPositions.Config = field(default_factory=SeparatePositions.Config)
        attention: MixerConfig = field(default_factory=TrajectoryAttention.Config)
        head: TanhHead.Config = field(default_factory=TanhHead.Config)
        drop_path: float = 0.2
        init: ImageNet.Config | Released.Config | None = field(default_factory=ImageNet.Config)
        # Spread of every Linear's initial values. The authors' 0.02 is meant for a width of 768 and pretrained blocks.
        linear_std: float = field(default=0.02, metadata={"omit_if": 0.02})

        def build(self, *, frames: int, crop: int, num_classes: int) -> "VideoViT":
            """A model for clips of this size, at the authors' random initial values; reads no file."""
            if self.width % self.heads:
                raise ValueError(f"model: width {self.width} does not divide into {self.heads} heads")
            grid = self.tokens.grid(frames, crop, crop)
            self.attention.check(grid)
            return VideoViT(self, grid, num_classes)

    def __init__(self, config: Config, grid: Grid, num_classes: int) -> None:
        super().__init__()
        self.tokens = config.tokens.build(config.width)
        self.cls = nn.Parameter(torch.empty(1, 1, config.width))
        self.positions = config.positions.build(config.width, grid)
        self.blocks = nn.ModuleList(
            Block(config.attention.build(config.width, config.heads), config.width, config.mlp_ratio, drop_path)
            for drop_path in torch.linspace(0, config.drop_path, config.depth, device="cpu").tolist()
        )
        self.norm = nn.LayerNorm(config.width, eps=1e-6)
        self.head = config.head.build(config.width, num_classes)
        nn.init.trunc_normal_(self.cls, std=0.02)
        self.apply(partial(reset_linear, std=config.linear_std))

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        x, grid = self.tokens_before(len(self.blocks) - 1, clip)  # (B, N, D)
        last = self.blocks[-1]
        assert isinstance(last, Block)
        return self.head(self.norm(last.cls(x, grid)[:, 0]))  # (B, C)

    def tokens_before(self, block: int, clip: Tensor) -> tuple[Tensor, Grid]:
        """What a block reads of clips (B, F, 3, height, width): (B, N, D), and the grid of it."""
        tokens, grid = self.tokens(clip)  # (B, T*S, D)
        x = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], dim=1)  # (B, N, D)
        x = x + self.positions(grid)
        for one in islice(self.blocks, block):
            x = one(x, grid)
        return x, grid

    def recompute_attention(self, on: bool = True) -> None:
        """Compute trajectory attention again going back, instead of keeping it: the same results in less memory."""
        for module in self.modules():
            if isinstance(module, TrajectoryAttention):
                module.recompute = on


def reset_linear(module: nn.Module, std: float) -> None:
    """The authors' initial values of every Linear, classifier included; convolutions keep torch's."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std)
        nn.init.zeros_(module.bias)
