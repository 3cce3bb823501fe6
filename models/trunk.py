"""VideoViT: a vision transformer over the tokens of a clip, with any mixer in its blocks.

Follows Motionformer (https://arxiv.org/abs/2106.05392) and, where the paper is silent, its released code.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, C classes.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import torch
from torch import Tensor, nn

from interface.ranges import Count, Positive, ShareBelowOne
from interface.sizes import ClipSize, InputSize
from interface.targets import Targets
from models.block import NORM_EPS, Block
from models.heads import Head, HeadConfig, TanhHead
from models.imagenet import InitialWeights, weights_folder
from models.mixers.attention import Mixer, MixerConfig
from models.model import Model, ModelConfig
from models.positions import PositionsConfig, SeparatePositions
from models.tokens import CubicTokens, Grid, TokensConfig

if TYPE_CHECKING:
    from models.tensors import LoadReport

MAX_HIDDEN = 2**31  # width of an MLP; larger ones have no tensors


class VideoViT(Model):
    """ViT for clips: tokens, positions, blocks, and a classification head on CLS or on the mean of the patch tokens.

    A model with other tokens between blocks overrides `embedded` and `features`, one with other blocks `build_block` of
    its config.

    With CLS, the head uses CLS alone, so the last block computes CLS alone. Logits and gradients equal those of the
    published code, which computes all tokens of that block. Unused parameters of the last block (`proj_q` and `proj_kv`
    of trajectory attention) get gradients of exactly zero, as in the published code. AdamW therefore still decays them,
    and distributed training needs no `find_unused_parameters`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """Sizes and parts of the model. A paper's model adds its defaults and the loading of its weights."""

        config_tag = "PlainVideoViT.Config"  # "VideoViT.Config" is the tag of a paper's model
        not_in_images: ClassVar[tuple[str, ...]] = ("positions.time", "head.*")
        """Patterns of the names of tensors that keep their random values, because image ViTs lack them."""

        width: Count = 768
        depth: Count = 12
        heads: Count = 12
        mlp_ratio: Positive = 4.0
        tokens: TokensConfig = field(default_factory=CubicTokens.Config)
        positions: PositionsConfig = field(default_factory=SeparatePositions.Config)
        attention: MixerConfig
        head: HeadConfig = field(default_factory=TanhHead.Config)
        drop_path: ShareBelowOne = 0.0
        """Stochastic depth rate of the last block; rates increase linearly from 0 in the first block."""
        init: InitialWeights | None = None
        """Source of the initial weights; None for random weights."""
        cls_token: bool = field(default=True, metadata={"omit_if": True})
        """Whether there is a CLS token; without it, the features are the mean of the patch tokens."""
        linear_std: Positive = field(default=0.02, metadata={"omit_if": 0.02})
        """Standard deviation of initial weights of Linear layers; 0.02 suits a width of 768 and pretrained blocks."""

        def check(self, size: InputSize) -> None:
            if not 1 <= self.width * self.mlp_ratio < MAX_HIDDEN:
                hidden = f"model.mlp_ratio is {self.mlp_ratio:g}; times a width of {self.width}, it must be 1 or more"
                raise ValueError(f"{hidden} and below {MAX_HIDDEN}")
            if self.width % self.heads:
                raise ValueError(f"model.width is {self.width}; it does not divide into {self.heads} heads")
            self.head.check(self.width)
            grid = self.grid(size)
            self.positions.check(grid)
            if self.positions.of_cls != self.cls_token:
                kind = "include" if self.positions.of_cls else "lack"
                raise ValueError(f"model.cls_token is {self.cls_token}; the positions {kind} one of CLS")
            for block in range(self.depth):
                attention = self.attention_of(block)
                if attention.needs_cls and not self.cls_token:
                    raise ValueError(f"model.cls_token is False; {attention.label} attention needs CLS")
                attention.check(grid, self.heads)

        def build(self, size: InputSize, targets: Targets) -> "VideoViT":
            self.check(size)
            return VideoViT(self, self.grid(size), targets.num_outputs)

        def attention_of(self, block: int) -> MixerConfig:
            """Config of the mixers of a block, given its index; by default `attention`."""
            return self.attention

        def block_type(self, block: int) -> type[Block]:
            return Block

        def build_block(self, block: int) -> Block:
            """Block of this index. The model initialises its Linear layers again, with `linear_std`."""
            rates = torch.linspace(0, self.drop_path, self.depth, device="cpu").tolist()
            return self.block_type(block)(
                self.attention_of(block).build(self.width, self.heads),
                self.width,
                self.mlp_ratio,
                rates[block],
            )

        def grid(self, size: InputSize) -> Grid:
            clip = ClipSize.of(size)
            return self.tokens.grid(clip.frames, clip.height, clip.width)

        def num_tokens(self, grid: Grid) -> int:
            """Number of tokens of a clip in each block, CLS included."""
            return self.cls_token + grid.tokens

        def without_initial_weights(self) -> Self:
            return replace(self, init=None)

        @property
        def initial_weights(self) -> tuple[InitialWeights, ...]:
            return () if self.init is None else (self.init,)

        def macs(self, size: InputSize, targets: Targets) -> int:
            """Multiply-adds of the published formulation in closed form, LayerNorm included.

            Without CLS they are those of this implementation, because the closed forms of the mixers count CLS.
            """
            if not self.cls_token:
                return self.executed_macs(size, targets)
            grid, D = self.grid(size), self.width
            N, attentions = self.num_tokens(grid), [self.attention_of(block) for block in range(self.depth)]
            mixers = sum(attention.macs(grid, D, self.heads) for attention in attentions)
            mlps = self.depth * 2 * N * D * int(D * self.mlp_ratio)
            norms = 5 * N * D * (sum(attention.num_mixers + 1 for attention in attentions) + 1)
            head = self.head.macs(grid, D, targets.num_outputs)
            return self.tokens.macs(grid, D) + mixers + mlps + norms + head

        def tiny(self) -> Self:
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

        def initialise(self, model: nn.Module, folder: Path | None = None) -> "tuple[LoadReport, ...]":
            if self.init is None:
                return ()
            return (self.load_initial(model, self.init.find(folder or weights_folder())),)

        def load_initial(self, model: nn.Module, path: Path) -> "LoadReport":
            """Load a file of initial weights; by default an image ViT in timm's format.

            Its patch projection becomes the central frame of each cube.
            """
            from models.image_vit import load_image_vit  # here: models without initial weights need it not

            return load_image_vit(model, path, known_missing=self.not_in_images)

    def __init__(self, config: Config, grid: Grid, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.tokens = config.tokens.build(config.width)
        self.cls = nn.Parameter(torch.empty(1, 1, config.width)) if config.cls_token else None
        self.positions = config.positions.build(config.width, grid)
        self.blocks = nn.ModuleList(config.build_block(block) for block in range(config.depth))
        self.norm = nn.LayerNorm(config.width, eps=NORM_EPS)
        self.head = config.head.build(config.width, num_classes)
        if self.cls is not None:
            nn.init.trunc_normal_(self.cls, std=0.02)
        self.apply(partial(reset_linear, std=config.linear_std))
        if isinstance(self.head, Head):
            self.head.reset()

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        return self.head(self.features(clip))

    def features(self, clip: Tensor) -> Tensor:
        """Input of the head (B, D) for clips (B, F, 3, height, width)."""
        x, grid = self.tokens_before(len(self.blocks) - 1, clip)  # (B, N, D)
        last = self.block(-1)
        pooled = last(x, grid).mean(dim=1) if self.cls is None else last.cls(x, grid)[:, 0]  # (B, D)
        return self.norm(pooled)

    def block(self, number: int) -> Block:
        block = self.blocks[number]
        assert isinstance(block, Block)
        return block

    def tokens_before(self, block: int, clip: Tensor) -> tuple[Tensor, Grid]:
        """Input (B, N, D) of a block for clips (B, F, 3, height, width), and the token grid."""
        x, grid = self.embedded(clip)
        for previous in islice(self.blocks, block):
            x = previous(x, grid)
        return x, grid

    def embedded(self, clip: Tensor) -> tuple[Tensor, Grid]:
        """Tokens with CLS and positions (B, N, D) of clips (B, F, 3, height, width), and the token grid."""
        tokens, grid = self.tokens(clip)  # (B, T*S, D)
        return self.with_cls(tokens) + self.positions(grid), grid

    def with_cls(self, tokens: Tensor) -> Tensor:
        """Tokens (B, L, D) with CLS before them, if the model has one."""
        if self.cls is None:
            return tokens
        return torch.cat([self.cls.expand(len(tokens), -1, -1), tokens], dim=1)  # (B, 1 + L, D)

    def recompute(self, on: bool) -> None:
        for module in self.modules():
            if isinstance(module, Mixer):
                module.recompute = on

    def layer_of(self, parameter: str) -> int:
        """Layer of a parameter: 0 for tokens, 1 to the depth for blocks, then the head."""
        part, _, rest = parameter.partition(".")
        if part == "blocks":
            return int(rest.partition(".")[0]) + 1
        return 0 if part in ("tokens", "cls", "positions") else len(self.blocks) + 1


def reset_linear(module: nn.Module, std: float) -> None:
    """Initialise a Linear layer, the classifier included, with truncated normal weights and zero biases."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=std)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
