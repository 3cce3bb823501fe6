"""Experts that see whole clips: VideoMAE (https://arxiv.org/abs/2203.12602) and MVD (https://arxiv.org/abs/2212.04500).

B batch, F frames, T token frames, S patches per frame, N = T*S tokens, D width.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import Count
from interface.sizes import InputSize
from models.cast.expert import Expert, ExpertBlock, ExpertConfig, Layout
from models.cast.released import INNER
from models.checkpoints import OUTSIDE, load_released, read_tensors, renamed, without_prefix
from models.heads import HeadConfig
from models.image_vit import TIMM_NAMES
from models.mixers.attention import merge_heads, split_heads
from models.mixers.joint import JointAttention
from models.positions import PositionsConfig, check_frames, resized
from models.tensors import LoadReport, fill
from models.tokens import CubicTokens, Grid
from models.trunk import VideoViT

BASE = 10000.0  # of the frequencies of fixed positions, which are neither trained nor saved
# Tensors of the files that an expert does not use: classifiers and norms before them, decoders, and fixed positions.
UNUSED = (
    "norm.*", "fc_norm.*", "head.*", "pos_embed*", "decoder*", "encoder_to_decoder.*", "mask_token*", "down_*", OUTSIDE,
)  # fmt: skip


class FixedPositions(nn.Module):
    """Positions (T*S, D) that are neither trained nor saved, for clips of one grid."""

    def __init__(self, table: Tensor, grid: Grid) -> None:
        super().__init__()
        self.table = nn.Buffer(table.float().unsqueeze(0), persistent=False)
        self.grid = grid

    def forward(self, grid: Grid) -> Tensor:
        """Positions (1, T*S, D)."""
        check_frames(self.grid.frames, grid)
        if grid != self.grid:
            fixed = f"positions: fixed for {self.grid.height}x{self.grid.width} patches"
            raise ValueError(f"{fixed}, and the clip has {grid.height}x{grid.width}")
        return self.table

    def on(self, grid: Grid) -> Self:
        """The same positions, resized to another grid of as many frames."""
        if grid != self.grid:
            of_frames = self.table.unflatten(1, (grid.frames, -1))[0]  # (T, S, D)
            resized_table = resized(of_frames, self.grid.height, grid).flatten(0, 1)
            self.table = nn.Buffer(resized_table.unsqueeze(0), persistent=False)
        self.grid = grid
        return self


@dataclass(frozen=True, kw_only=True)
class FixedPositionsConfig(PositionsConfig):
    of_cls: ClassVar[bool] = False

    side: Count | None = field(default=None, metadata={"omit_if": None})
    """Rows and columns of the grid of the pretraining, from which positions are resized; None for those of the clip."""

    def learnt(self, grid: Grid) -> Grid:
        return grid if self.side is None else Grid(grid.frames, self.side, self.side)


class SequencePositions(FixedPositions):
    """Sines and cosines of the place in the sequence of all patches, as in VideoMAE (https://arxiv.org/abs/2203.12602).

    Computed in float64. They do not depend on the grid, but on the number of its patches alone.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(FixedPositionsConfig):
        label: ClassVar[str] = "Sequence"

        def build(self, width: int, grid: Grid) -> "SequencePositions":
            return SequencePositions(width, self.learnt(grid)).on(grid)

    def __init__(self, width: int, grid: Grid) -> None:
        pairs = torch.arange(width, dtype=torch.float64) // 2  # neighbouring channels have the same frequency
        angles = torch.arange(grid.tokens)[:, None].double() / BASE ** (2 * pairs / width)  # (T*S, D)
        super().__init__(torch.where(torch.arange(width) % 2 == 0, angles.sin(), angles.cos()), grid)


class SpaceTimePositions(FixedPositions):
    """Sines and cosines of frame, row and column in separate channels, as in MVD (https://arxiv.org/abs/2212.04500)."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FixedPositionsConfig):
        label: ClassVar[str] = "Space and time"

        def build(self, width: int, grid: Grid) -> "SpaceTimePositions":
            return SpaceTimePositions(width, self.learnt(grid)).on(grid)

    def __init__(self, width: int, grid: Grid) -> None:
        in_time = width // 4
        in_space = width - in_time
        t, y, x = (torch.arange(size) for size in grid)
        time = half_and_half(t, in_time)[:, None, None].expand(*grid, -1)
        column = half_and_half(x, in_space // 2)[None, None].expand(*grid, -1)
        row = half_and_half(y, in_space // 2)[None, :, None].expand(*grid, -1)
        super().__init__(torch.cat([time, column, row], dim=-1).flatten(0, 2), grid)


def half_and_half(places: Tensor, width: int) -> Tensor:
    """Sines, then cosines of places (n,) at width / 2 frequencies: (n, width), float64."""
    half = width // 2
    angles = places[:, None].double() / BASE ** (torch.arange(half, dtype=torch.float64) / half)
    return torch.cat([angles.sin(), angles.cos()], dim=1)


class NoKeyBiasAttention(JointAttention):
    """Joint attention without a bias of the keys, which the softmax would cancel."""

    @dataclass(frozen=True, kw_only=True)
    class Config(JointAttention.Config):
        label: ClassVar[str] = "Joint without key bias"

        def build(self, width: int, heads: int) -> "list[JointAttention]":
            return [NoKeyBiasAttention(width, heads)]

    def __init__(self, width: int, heads: int) -> None:
        super().__init__(width, heads)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.q_bias = nn.Parameter(torch.zeros(width))
        self.v_bias = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        bias = torch.cat([self.q_bias, torch.zeros_like(self.q_bias), self.v_bias])
        q, k, v = (split_heads(t, self.heads) for t in F.linear(x, self.qkv.weight, bias).chunk(3, dim=-1))
        return self.proj(merge_heads(F.scaled_dot_product_attention(q, k, v)))  # (B, N, D)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        return self.forward(x, grid)[:, :1]


class ClipExpert(Expert):
    """Video ViT with joint attention over all tokens of a clip, without CLS."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertConfig):
        """Settings; the defaults are those of VideoMAE ViT-B/16."""

        label: ClassVar[str] = "Video ViT"
        framewise: ClassVar[bool] = False
        positions: PositionsConfig = field(default_factory=SequencePositions.Config)

        @property
        def vit(self) -> VideoViT.Config:
            return VideoViT.Config(
                width=self.width,
                depth=self.depth,
                heads=self.heads,
                mlp_ratio=self.mlp_ratio,
                tokens=CubicTokens.Config(patch=self.patch, tubelet=self.tubelet),
                positions=self.positions,
                attention=NoKeyBiasAttention.Config(),
                head=HeadConfig(),
                cls_token=False,
                linear_std=self.linear_std,
            )

        def build(self, size: InputSize) -> "ClipExpert":
            layout = self.layout(size)
            return ClipExpert(layout, VideoViT(self.vit, layout.grid, 0))

        def load(self, expert: Expert, path: Path) -> LoadReport:
            """Load a pretrained or a fine-tuned file of VideoMAE or MVD. Its final LayerNorm is not used."""
            assert isinstance(expert, ClipExpert)
            tensors = without_prefix(read_tensors(path), "encoder.")
            check_positions(expert, tensors, path)
            names = renamed(expert.state_dict(), ((r"^vit\.norm\.", "own norm."), INNER, *TIMM_NAMES))
            return fill(
                expert, tensors, names, source=path.name, known_missing=("own norm.*",), known_unexpected=UNUSED
            )

    def __init__(self, layout: Layout, vit: VideoViT) -> None:
        super().__init__(layout)
        self.vit = vit

    def embedded(self, clip: Tensor, in_time: Tensor | None = None) -> Tensor:
        """Input tokens (B, N, D) of the first block."""
        assert in_time is None
        return self.vit.embedded(clip)[0]

    def block(self, number: int) -> ExpertBlock:
        block = self.vit.block(number)
        return ExpertBlock(block.norms[0], partial(block.mixers[0], grid=self.layout.grid), block.mlp_norm, block.mlp)

    def layer_of(self, parameter: str) -> int:
        return self.vit.layer_of(parameter.removeprefix("vit."))


def check_positions(expert: ClipExpert, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Refuse a file with fixed positions of another rule. Positions of another grid cannot be compared."""
    if "pos_embed" not in tensors:
        return
    own = expert.vit.positions(expert.layout.grid)
    theirs = tensors["pos_embed"].float()
    if theirs.shape == own.shape and not torch.allclose(theirs, own, atol=1e-3):
        raise ValueError(
            f"weights: {path.name} has other fixed positions (pos_embed) than this expert; the positions of MVD are "
            f"SpaceTimePositions, those of VideoMAE SequencePositions"
        )


def load_classifier(model: nn.Module, expert: Expert, path: Path) -> LoadReport:
    """Load a fine-tuned classifier of VideoMAE or MVD into an expert alone."""
    assert isinstance(expert, ClipExpert)
    rules = ((r"^stream\.expert\.vit\.", ""), *TIMM_NAMES, (r"^norm\.", "fc_norm."))
    return load_released(
        model,
        path,
        renamed(model.state_dict(), rules),
        unused=("pos_embed",),
        check=lambda tensors, _: check_positions(expert, tensors, path),
    )
