"""Experts that see whole clips: VideoMAE (https://arxiv.org/abs/2203.12602) and MVD (https://arxiv.org/abs/2212.04500).

B batch, F frames, N = T*S tokens, D width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.cast.expert import Expert, ExpertConfig
from models.cast.fixed_positions import SequencePositions
from models.cast.key_map import OUTSIDE, mapped, without_prefix
from models.cast.layout import Layout
from models.checkpoints import LoadReport, fill, read_tensors
from models.image_vit import TIMM_NAMES
from models.mixers.attention import Mixer, merge_heads, split_heads
from models.mixers.joint import JointAttention
from models.model import InputSize, as_clip, check_range
from models.positions import PositionsConfig
from models.tokens import CubicTokens, Grid, token_grid
from models.trunk import VideoViT

# Tensors of the files that an expert does not use: classifiers and norms before them, decoders, and fixed positions.
UNUSED = (
    "norm.*", "fc_norm.*", "head.*", "pos_embed*", "decoder*", "encoder_to_decoder.*", "mask_token*", "down_*", OUTSIDE,
)  # fmt: skip


class NoKeyBiasAttention(JointAttention):
    """Joint attention without a bias of the keys, which the softmax would cancel."""

    @dataclass(frozen=True, kw_only=True)
    class Config(JointAttention.Config):
        """No options."""

        label: ClassVar[str] = "Joint without key bias"

        def build(self, width: int, heads: int) -> "list[JointAttention]":
            return [NoKeyBiasAttention(width, heads)]

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D), independent of the grid."""
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = (split_heads(t, self.heads) for t in F.linear(x, self.qkv.weight, bias).chunk(3, dim=-1))
        return self.proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        return self.forward(x, grid)[:, :1]


class ClipExpert(Expert):
    """Video ViT with joint attention over all tokens of a clip, without CLS."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertConfig):
        """Settings; the defaults are those of VideoMAE ViT-B/16.

        `tubelet`: frames of a token.
        """

        label: ClassVar[str] = "Video ViT"
        tubelet: int = 2
        positions: PositionsConfig = field(default_factory=SequencePositions.Config)

        def check(self, size: InputSize) -> None:
            check_range("model: tubelet of an expert", self.tubelet, least=1)
            super().check(size)

        def layout(self, size: InputSize) -> Layout:
            clip = as_clip(size)
            grid = token_grid(clip.frames, clip.height, clip.width, patch=self.patch, tubelet=self.tubelet)
            return Layout(grid, framewise=False)

        @property
        def vit(self) -> VideoViT.Config:
            """Config of the ViT."""
            return VideoViT.Config(
                width=self.width,
                depth=self.depth,
                heads=self.heads,
                mlp_ratio=self.mlp_ratio,
                tokens=CubicTokens.Config(patch=self.patch, tubelet=self.tubelet),
                positions=self.positions,
                attention=NoKeyBiasAttention.Config(),
                head=None,
                cls_token=False,
                linear_std=self.linear_std,
            )

        def build(self, size: InputSize) -> "ClipExpert":
            layout = self.layout(size)
            return ClipExpert(layout, VideoViT(self.vit, layout.grid, 0))

        def macs(self, size: InputSize) -> int:
            layout, D = self.layout(size), self.width
            N = layout.num_tokens
            tokens = CubicTokens.Config(patch=self.patch, tubelet=self.tubelet).macs(layout.grid, D)
            mlp = 2 * N * D * int(D * self.mlp_ratio)
            return tokens + self.depth * (self.attention_macs(N, layout.num_connected) + mlp + 2 * 5 * N * D)

        def load(self, expert: Expert, path: Path) -> LoadReport:
            """Load a pretrained or a fine-tuned file of VideoMAE or MVD. Its final LayerNorm is not used."""
            assert isinstance(expert, ClipExpert)
            tensors = without_prefix(read_tensors(path), "encoder.")
            check_positions(expert, tensors, path)
            inner = {name: name.removeprefix("vit.") for name in expert.state_dict()}
            names = {name: theirs for name, theirs in mapped(inner, TIMM_NAMES).items() if not is_norm(name)}
            own_norm = {name: f"own {inner[name]}" for name in inner if is_norm(name)}
            return fill(
                expert,
                tensors,
                {**names, **own_norm},
                source=path.name,
                known_missing=tuple(own_norm.values()),
                known_unexpected=UNUSED,
            )

    def __init__(self, layout: Layout, vit: VideoViT) -> None:
        super().__init__(layout)
        self.vit = vit

    @property
    def norm(self) -> nn.Module:
        return self.vit.norm

    def embedded(self, clip: Tensor, in_time: Tensor | None = None) -> Tensor:
        """Input tokens (B, N, D) of the first block."""
        assert in_time is None
        return self.vit.embedded(clip)[0]

    def attention_input(self, block: int, x: Tensor) -> Tensor:
        return self.vit.blocks[block].norms[0](x)  # pyright: ignore[reportIndexIssue, reportCallIssue]

    def attention(self, block: int, x: Tensor) -> Tensor:
        mixer = self.vit.blocks[block].mixers[0]  # pyright: ignore[reportIndexIssue]
        assert isinstance(mixer, Mixer)
        return mixer(x, self.layout.grid)

    def mlp_input(self, block: int, x: Tensor) -> Tensor:
        return self.vit.blocks[block].mlp_norm(x)  # pyright: ignore[reportCallIssue]

    def mlp(self, block: int, x: Tensor) -> Tensor:
        return self.vit.blocks[block].mlp(x)  # pyright: ignore[reportCallIssue]

    def layer_of(self, parameter: str) -> int:
        return self.vit.layer_of(parameter.removeprefix("vit."))


def is_norm(name: str) -> bool:
    return name.startswith("vit.norm.")


def check_positions(expert: ClipExpert, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse a file with fixed positions of another rule. Positions of another grid cannot be compared.

    Raises:
        ValueError: with the file.
    """
    if "pos_embed" not in tensors:
        return
    own = expert.vit.positions(expert.layout.grid)
    theirs = tensors["pos_embed"].float()
    if theirs.shape == own.shape and not torch.allclose(theirs, own, atol=1e-3):
        raise ValueError(
            f"weights: {path.name} has other fixed positions (pos_embed) than this expert; the positions of MVD are "
            f"SpaceTimePositions, those of VideoMAE SequencePositions"
        )
