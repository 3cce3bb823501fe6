"""First stage of a block: attention of RGB and modal tokens over the whole clip, with keys that a 3D search moves.

Algorithm A3 of the supplementary of https://arxiv.org/abs/2212.05638. The search interpolates tokens at places that a
small network chooses. The product of three tents max(0, 1 - |p - r|) in its function 3DTS is trilinear interpolation,
with zeros outside of the grid.
B batch, T frames, S cells per frame, D width.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import CheckedConfig, Range
from models.deform3d.stage import Stage, StageSettings, Tokens
from models.tokens import Grid

Scale = tuple[float, float, float]  # in frames, rows and columns
NAMES = ["rgb", "of_rgb", "cls"]


def reference_places(grid: Grid, device: torch.device) -> Tensor:
    """Frame, row and column of each token, from 0: (T, rows, columns, 3), float32."""
    axes = [torch.arange(size, device=device, dtype=torch.float32) for size in grid]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)


def search(z: Tensor, places: Tensor) -> Tensor:
    """Tokens z (B, T, rows, columns, D) interpolated at places (B, ..., 3) of frame, row and column: (B, ..., D).

    Places count from 0. They and the sums are float32 at least, because bfloat16 cannot represent places between the
    tokens of a large grid. The coordinates of grid_sample without align_corners allow an axis of size 1.
    """
    dtype = torch.promote_types(torch.promote_types(z.dtype, places.dtype), torch.float32)
    t, y, x = (  # -1 and 1 are the outer faces of the grid
        (2 * places[..., axis].to(dtype) + 1) / z.shape[1 + axis] - 1 for axis in range(3)
    )
    points = torch.stack([x, y, t], dim=-1).flatten(1, -2)[:, :, None, None]  # (B, n, 1, 1, 3)
    volume = z.movedim(-1, 1).to(dtype)  # (B, D, T, rows, columns), a view
    found = F.grid_sample(volume, points, mode="bilinear", padding_mode="zeros", align_corners=False)
    return found.flatten(2).transpose(1, 2).unflatten(1, places.shape[1:-1]).to(z.dtype)


class TokenSearch(nn.Module):
    """Search of a token for each place of the grid, at an offset computed from the tokens around it.

    `kernel`: size of the convolution that computes the offsets. `scale`: largest offset.
    """

    def __init__(self, width: int, kernel: int, scale: Scale) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.offsets = nn.Linear(width, 3, bias=False)  # a 1x1x1 convolution
        self.scale = nn.Buffer(torch.tensor(scale), persistent=False)
        # Small offsets, not zero: there, tents have no derivative, and the convolution would get no gradient.
        nn.init.trunc_normal_(self.offsets.weight, std=0.02)

    def forward(self, z: Tensor) -> Tensor:
        """Found tokens of tokens z, (B, T, rows, columns, D) each."""
        return search(z, self.places(z))

    def places(self, z: Tensor) -> Tensor:
        """Places (B, T, rows, columns, 3) where tokens are searched for tokens z (B, T, rows, columns, D)."""
        x = self.convolution(z.movedim(-1, 1)).movedim(1, -1)  # (B, T, rows, columns, D)
        offsets = self.offsets(F.gelu(self.norm(x)))  # (B, T, rows, columns, 3)
        offsets = offsets.to(torch.promote_types(offsets.dtype, torch.float32))
        return reference_places(Grid(*z.shape[1:4]), z.device) + offsets.tanh() * self.scale


@dataclass(frozen=True, kw_only=True)
class AttentionConfig(CheckedConfig, ABC):
    """Config of the attention of RGB tokens: where its keys and values come from."""

    config_path: ClassVar[str] = "model.attention"

    @abstractmethod
    def build(self, width: int) -> TokenSearch | None:
        """Search of the tokens that are keys and values; None if they are the queries' own tokens."""

    @abstractmethod
    def macs(self, grid: Grid, width: int) -> int:
        """Multiply-adds of the search."""


class PlainAttention:
    """Attention to the tokens as they are: the ablation without a search."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionConfig):
        def build(self, width: int) -> None:
            """No search."""

        def macs(self, grid: Grid, width: int) -> int:
            return 0


class DeformableAttention:
    """Attention to tokens that a search found."""

    @dataclass(frozen=True, kw_only=True)
    class Config(AttentionConfig):
        kernel: Annotated[int, Range(least=1, most=31)] = 3
        """Size of the convolution that computes the offsets, odd. The supplementary calls it k, without a value."""
        offset_scale: Annotated[Scale, Range(least=0, below=1e6)] = (1.0, 1.0, 1.0)
        """Largest offset in frames, rows and columns. As written, the tanh of the network is added to indices of
        tokens: 1."""

        def build(self, width: int) -> TokenSearch:
            return TokenSearch(width, self.kernel, self.offset_scale)

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.kernel % 2 == 0:
                raise ValueError(f"model.attention.kernel is {self.kernel}; it must be odd")

        def macs(self, grid: Grid, width: int) -> int:
            """Multiply-adds of the offsets of a clip. Interpolation counts 0, as in the papers' counts."""
            return grid.tokens * width * (self.kernel**3 + 5 + 3)


class DeformableStage(Stage):
    """Attention of [Z, M_RGB, M_CLS] to [Z~, M_RGB, M_CLS], over all frames at once."""

    def __init__(self, settings: StageSettings, attention: AttentionConfig) -> None:
        super().__init__(settings)
        self.search = attention.build(settings.width)

    def forward(self, tokens: Tokens) -> Tokens:
        x = joined(tokens)  # (B, T, S + 2, D)
        y = self.norm(x)
        q = self.attention.q(y).flatten(1, 2)  # (B, T*(S + 2), D)
        kv = self.attention.kv(self.keys(y, tokens.grid)).flatten(1, 2)  # (B, T*(S + 2), 2D)
        attended = self.attention.attended(q, kv).unflatten(1, x.shape[1:3])
        x = x + self.drop(self.attention.proj(attended))
        return tokens.updated(NAMES, x + self.drop(self.feed(x)))

    def keys(self, y: Tensor, grid: Grid) -> Tensor:
        """Tokens X~ (B, T, S + 2, D) of the tokens y = [Z, M_RGB, M_CLS]: Z~ in place of Z."""
        if self.search is None:
            return y
        z, modal = y.tensor_split([grid.patches], dim=2)
        found = self.search(z.unflatten(2, (grid.height, grid.width)))
        return torch.cat([found.flatten(2, 3), modal], dim=2)


def joined(tokens: Tokens) -> Tensor:
    """Tokens [Z, M_RGB, M_CLS]: (B, T, S + 2, D)."""
    return torch.cat([tokens.parts[name] for name in NAMES], dim=2)
