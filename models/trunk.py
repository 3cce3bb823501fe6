"""VideoViT: a vision transformer over the tokens of a clip, with any mixer in its blocks.

Follows Motionformer (https://arxiv.org/abs/2106.05392) and, where the paper is silent, its released code.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, C classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Self

import torch
from torch import Tensor, nn

from models.cost import num_parameters
from models.heads import TanhHead
from models.imagenet import ImageNet
from models.mixers.attention import Mixer, MixerConfig
from models.model import Cost, InputSize, ModelConfig, Targets, as_clip, check_range, num_outputs
from models.positions import JointPositions, SeparatePositions, square_side
from models.tokens import CubicTokens, Grid, SquareTokens

MAX_HIDDEN = 2**31  # width of an MLP; larger ones have no tensors


class Block(nn.Module):
    """Transformer block: one or more mixers, then an MLP, each with a LayerNorm before it and a residual connection."""

    def __init__(self, mixers: Sequence[Mixer], width: int, mlp_ratio: float, drop_path: float) -> None:
        # Imported here because timm takes a second to import, which the resolution of a table does not need.
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
        """Output tokens (B, N, D) of input tokens (B, N, D)."""
        for norm, mix, drop in zip(self.norms, self.mixers, self.drops, strict=True):
            x = x + drop(mix(norm(x), grid))
        return x + self.mlp_drop(self.mlp(self.mlp_norm(x)))

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `forward` for CLS alone: (B, 1, D)."""
        *before, last = zip(self.norms, self.mixers, self.drops, strict=True)
        for norm, mix, drop in before:
            x = x + drop(mix(norm(x), grid))
        norm, mix, drop = last
        assert isinstance(mix, Mixer)
        cls = x[:, :1] + drop(mix.cls(norm(x), grid))  # (B, 1, D)
        return cls + self.mlp_drop(self.mlp(self.mlp_norm(cls)))


class VideoViT(nn.Module):
    """ViT for clips: tokens, positions, blocks, and a classification head on CLS.

    The head uses CLS alone, so the last block computes CLS alone. Logits and gradients equal those of the published
    code, which computes all tokens of that block. Unused parameters of the last block (`proj_q` and `proj_kv` of
    trajectory attention) get gradients of exactly zero, as in the published code. AdamW therefore still decays them,
    and distributed training needs no `find_unused_parameters`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """Sizes and parts of the model. A paper's model adds its defaults and the loading of its weights.

        `drop_path`: stochastic depth rate of the last block; rates increase linearly from 0 in the first block.
        `init`: source of the initial weights; None for random weights.
        """

        width: int = 768
        depth: int = 12
        heads: int = 12
        mlp_ratio: float = 4.0
        tokens: CubicTokens.Config | SquareTokens.Config = field(default_factory=CubicTokens.Config)
        positions: SeparatePositions.Config | JointPositions.Config = field(default_factory=SeparatePositions.Config)
        attention: MixerConfig
        head: TanhHead.Config = field(default_factory=TanhHead.Config)
        drop_path: float = 0.0
        init: ImageNet.Config | None = None
        # Standard deviation of initial weights of Linear layers; 0.02 suits a width of 768 and pretrained blocks.
        linear_std: float = field(default=0.02, metadata={"omit_if": 0.02})

        def check(self, size: InputSize) -> None:
            """Refuse sizes out of range, widths and clips that do not divide evenly, and clips that are too small."""
            for name in ("width", "depth", "heads"):
                check_range(f"model.{name}", getattr(self, name), least=1)
            for name in ("mlp_ratio", "linear_std"):
                check_range(f"model.{name}", getattr(self, name), least=0, exclusive=True)
            if not 1 <= self.width * self.mlp_ratio < MAX_HIDDEN:
                hidden = f"model.mlp_ratio is {self.mlp_ratio:g}; times a width of {self.width}, it must be 1 or more"
                raise ValueError(f"{hidden} and below {MAX_HIDDEN}")
            check_range("model.drop_path", self.drop_path, least=0, below=1)
            self.tokens.check()
            check_range("model.positions.side", self.positions.side, least=1)
            if self.width % self.heads:
                raise ValueError(f"model.width is {self.width}; it does not divide into {self.heads} heads")
            grid = self.grid(size)
            square_side(self.positions.side, grid)
            self.attention.check(grid)

        def grid(self, size: InputSize) -> Grid:
            """Token grid of a clip of this size."""
            clip = as_clip(size)
            return self.tokens.grid(clip.frames, clip.height, clip.width)

        def with_depth(self, depth: int) -> Self:
            """Config of the same model with `depth` blocks."""
            return replace(self, depth=depth)

        def macs(self, size: InputSize, targets: Targets) -> int:
            """Multiply-adds of the published formulation in closed form, LayerNorm included."""
            grid, D = self.grid(size), self.width
            N = 1 + grid.tokens
            mlp = 2 * N * D * int(D * self.mlp_ratio)
            blocks = self.depth * (self.attention.macs(grid, D, self.heads) + mlp)
            num_norms = self.depth * (self.attention.num_mixers + 1) + 1
            return self.tokens.macs(grid, D) + blocks + 5 * N * D * num_norms + self.head.macs(D, num_outputs(targets))

        def cost(self, size: InputSize, targets: Targets) -> Cost:
            """Published cost. The parameters include those that the authors' model has but never uses."""
            grid, D = self.grid(size), self.width
            unused = self.tokens.unused_parameters(D) + self.positions.unused_parameters(D, grid)
            parameters = unused + num_parameters(self.on_meta(size, targets))
            return Cost(self.macs(size, targets), parameters, parameters)

        def tiny(self) -> Self:
            """Config with 1/12 of the width, 1/4 of the depth, patches of half the side and random weights."""
            return replace(
                self,
                width=self.width // 12 // 16 * 16,
                depth=self.depth // 4,
                heads=self.heads // 3,
                tokens=self.tokens.tiny(),
                positions=self.positions.tiny(),
                attention=self.attention.tiny(),
                drop_path=0.0,
                init=None,
                linear_std=0.125,  # 1 / sqrt(width): with 0.02, the loss of narrow models starts to fall after epochs
            )

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
        """Input (B, N, D) of a block for clips (B, F, 3, height, width), and the token grid."""
        tokens, grid = self.tokens(clip)  # (B, T*S, D)
        x = torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], dim=1)  # (B, N, D)
        x = x + self.positions(grid)
        for previous in islice(self.blocks, block):
            x = previous(x, grid)
        return x, grid

    def recompute(self, on: bool) -> None:
        """Turn recomputation of attention in the backward pass on or off, in the mixers that support it."""
        for module in self.modules():
            if isinstance(module, Mixer):
                module.recompute = on

    @property
    def num_layers(self) -> int:
        """Index of the last layer, the head. Tokens are layer 0, blocks are layers 1 to the depth."""
        return len(self.blocks) + 1

    def layer_of(self, parameter: str) -> int:
        """Index of the layer of a parameter, given its name."""
        part, _, rest = parameter.partition(".")
        if part == "blocks":
            return int(rest.partition(".")[0]) + 1
        return 0 if part in ("tokens", "cls", "positions") else self.num_layers


def reset_linear(module: nn.Module, std: float) -> None:
    """Initialise a Linear layer, the classifier included, with truncated normal weights and zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std)
        nn.init.zeros_(module.bias)
