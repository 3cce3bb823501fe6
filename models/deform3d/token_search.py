"""3D token search: tokens interpolated at places that a small network chooses.

Function 3DTS of Algorithm A3 in the supplementary of https://arxiv.org/abs/2212.05638. Its product of three tents
max(0, 1 - |p - r|) is trilinear interpolation, with zeros outside of the grid.
B batch, T frames, D width.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.tokens import Grid

Scale = tuple[float, float, float]  # in frames, rows and columns


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

    Args:
        kernel: size of the convolution that computes the offsets.
        scale: largest offset in frames, rows and columns.
    """

    def __init__(self, width: int, kernel: int, scale: Scale) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.offsets = nn.Linear(width, 3, bias=False)  # a 1x1x1 convolution
        self.scale = nn.Buffer(torch.tensor(scale), persistent=False)

    def reset(self) -> None:
        """Start with small random offsets.

        Tents have no derivative at offsets of exactly zero. With weights of zero, the convolution would get no gradient
        in the first step.
        """
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


def search_macs(grid: Grid, width: int, kernel: int) -> int:
    """Multiply-adds of the offsets of a clip. Interpolation counts 0, as in the papers' counts."""
    return grid.tokens * width * (kernel**3 + 5 + 3)
