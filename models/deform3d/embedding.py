"""RGB tokens and pose tokens of a clip with joints, and their fixed positions, before the first block.

A joint token pools the features of a frame under a Gaussian map around the joint: https://arxiv.org/abs/2212.05638 has
pose tokens as wide as the features; that they are sums of features is our reading.
Positions are for any number of frames, rows and columns: a clip with another number of frames or cells than in training
spans the same range of positions, in other steps.
B batch, T frames, S cells per frame, R joints, D width.
"""

import math

import torch
from torch import Tensor, nn

from models.deform3d.backbone import MixedConvNet
from models.deform3d.stage import Tokens
from models.tokens import Grid


def joint_maps(places: Tensor, grid: Grid, sigma: float, *, normalised: bool) -> Tensor:
    """Gaussian maps (B, T, R, S) around joints, float32: exp(-d^2 / 2 sigma^2), with the distance d in cells.

    Args:
        places: x and y of each joint in cells (B, T, R, 2). The middle of the first cell is 0.5, 0.5.
        normalised: whether the weights of a joint sum to one.
    """
    places = places.float()
    rows = torch.arange(grid.height, device=places.device) + 0.5
    columns = torch.arange(grid.width, device=places.device) + 0.5
    squares_x = (places[..., 0, None] - columns).square()  # (B, T, R, columns)
    squares_y = (places[..., 1, None] - rows).square()  # (B, T, R, rows)
    squares = (squares_y.unsqueeze(-1) + squares_x.unsqueeze(-2)).flatten(-2)  # (B, T, R, S)
    exponents = squares / (-2 * sigma**2)
    return exponents.softmax(dim=-1) if normalised else exponents.exp()


def sinusoids(places: Tensor, width: int, length: int) -> Tensor:
    """Sines, then cosines of places (...) at width / 2 frequencies, with periods from 2 * length to 2: (..., width)."""
    count = (width + 1) // 2
    frequencies = math.pi * length ** -torch.linspace(1, 0, count, device=places.device)
    angles = places.unsqueeze(-1) * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)[..., :width]


def stretched(count: int, learnt: int, device: torch.device) -> Tensor:
    """Places of `count` cells that span the range of `learnt` cells: (count,). If both are equal, 0, 1, 2, ..."""
    return in_cells((torch.arange(count, device=device) + 0.5) / count, learnt)


def in_cells(shares: Tensor, learnt: int) -> Tensor:
    """Places of shares of the range of `learnt` cells. The middle of the first cell is 0."""
    return shares * learnt - 0.5


def widths(width: int) -> tuple[int, int, int]:
    """Numbers of channels of the positions of frames, rows and columns."""
    of_time = width // 4
    of_row = (width - of_time) // 2
    return of_time, of_row, width - of_time - of_row


def in_time(frames: int, learnt: Grid, width: int, device: torch.device) -> Tensor:
    """Positions (T, 1, D) of frames. Channels of rows and columns are zero."""
    channels, *others = widths(width)
    of_time = sinusoids(stretched(frames, learnt.frames, device), channels, learnt.frames)
    return torch.nn.functional.pad(of_time, (0, sum(others))).unsqueeze(1)


def in_space_time(grid: Grid, learnt: Grid, width: int, device: torch.device) -> Tensor:
    """Positions (T, rows, columns, D) of cells: frame, row and column in separate channels."""
    t, y, x = (
        sinusoids(stretched(count, before, device), channels, before)
        for count, before, channels in zip(grid, learnt, widths(width), strict=True)
    )
    shapes = t[:, None, None], y[None, :, None], x[None, None]
    return torch.cat([each.expand(*grid, -1) for each in shapes], dim=-1)


def of_joints(shares: Tensor, learnt: Grid, width: int) -> Tensor:
    """Positions (B, T, R, D) of joints between the cells, at x and y (B, T, R, 2) as shares of the crop."""
    x, y = shares.float().unbind(-1)
    t = stretched(shares.shape[1], learnt.frames, shares.device)[:, None].expand(x.shape)
    places = t, in_cells(y, learnt.height), in_cells(x, learnt.width)
    parts = (
        sinusoids(place, channels, length)
        for place, channels, length in zip(places, widths(width), learnt, strict=True)
    )
    return torch.cat(list(parts), dim=-1)


class JointTokens(nn.Module):
    """Pose tokens: the features around each joint, its position, and a learnt vector of its number.

    The vectors tell the joints of a body, and the people, apart. They are as large as positions.
    """

    def __init__(self, joints: int, width: int, sigma: float, *, normalised: bool) -> None:
        super().__init__()
        self.sigma, self.normalised = sigma, normalised
        self.of_joint = nn.Parameter(torch.randn(joints, width))

    def forward(self, positions: Tensor, has_place: Tensor, around: Tensor | None) -> Tensor:
        """Tokens (B, T, R, D), zero for joints without a place.

        Args:
            positions: those of the joints, (B, T, R, D).
            has_place: whether each joint has a place, (B, T, R).
            around: features around the joints (B, T, R, D); None without RGB.
        """
        tokens = positions.to(self.of_joint.dtype) + self.vectors(positions.shape[2])
        return (tokens if around is None else around + tokens) * has_place.unsqueeze(-1)

    def vectors(self, count: int) -> Tensor:
        """Vectors (count, D) of joints. Beyond the learnt number, e.g. of more people, they repeat from the first."""
        learnt = len(self.of_joint)
        if count <= learnt:
            return self.of_joint[:count]
        return self.of_joint[torch.arange(count, device=self.of_joint.device) % learnt]

    def around(self, features: Tensor, shares: Tensor, grid: Grid) -> Tensor:
        """Features (B, T, R, D) around the joints: sums of features (B, T, S, D) of cells, weighted by the maps."""
        maps = joint_maps(cells(shares, grid), grid, self.sigma, normalised=self.normalised)  # (B, T, R, S)
        return maps.to(features.dtype) @ features


class Embedding(nn.Module):
    """All tokens before the first block. Modal tokens are the same in all frames but for the positions in time.

    Args:
        backbone: None for a model without RGB.
        learnt: grid of the clips of training.
        joints: number of joints; None for a model without pose tokens.
        has_rgb: whether RGB tokens take part in a stage, and not in pooling alone.
        sigma, normalised: see `joint_maps`.
    """

    def __init__(
        self,
        backbone: MixedConvNet.Config | None,
        *,
        learnt: Grid,
        width: int,
        joints: int | None,
        has_rgb: bool,
        sigma: float,
        normalised: bool,
    ) -> None:
        super().__init__()
        self.learnt, self.width, self.has_rgb = learnt, width, has_rgb
        self.backbone = None if backbone is None else backbone.build()
        self.norm = None if backbone is None else nn.LayerNorm(width)
        self.joints = None if joints is None else JointTokens(joints, width, sigma, normalised=normalised)
        self.of_rgb = modal_token(width) if has_rgb else None
        self.of_pose = None if joints is None else modal_token(width)
        self.cls = modal_token(width)

    def forward(self, clips: Tensor, joints: Tensor) -> Tokens:
        """Tokens of clips (B, T, 3, height, width) and joints (B, T, R, 3)."""
        learnt, width = self.learnt, self.width
        features, rgb, pose, grid = None, None, None, learnt._replace(frames=clips.shape[1])
        if self.backbone is not None:
            assert self.norm is not None
            features = self.norm(self.backbone(clips))  # (B, T, rows, columns, D)
            grid = Grid(*features.shape[1:4])
            positions = in_space_time(grid, learnt, width, clips.device)
            rgb = (features + positions.to(features.dtype)).flatten(2, 3)  # (B, T, S, D)
        if self.joints is not None:
            shares = shares_of_crop(joints, clips)
            around = None if features is None else self.joints.around(features.flatten(2, 3), shares, grid)
            pose = self.joints(of_joints(shares, learnt, width), joints[..., 2] > 0.5, around)
        positions = in_time(grid.frames, learnt, width, clips.device)  # (T, 1, D)
        of_rgb, of_pose, cls = (
            None if token is None else (token + positions.to(token.dtype)).expand(len(clips), -1, -1, -1)
            for token in (self.of_rgb, self.of_pose, self.cls)
        )
        assert cls is not None
        return Tokens(
            grid=grid,
            rgb=rgb if self.has_rgb else None,
            pose=pose,
            of_rgb=of_rgb,
            of_pose=of_pose,
            cls=cls,
            has_place=None if pose is None else joints[..., 2] > 0.5,
        )


def modal_token(width: int) -> nn.Parameter:
    """Modal token (1, 1, D), the same in all frames."""
    return nn.Parameter(nn.init.trunc_normal_(torch.empty(1, 1, width), std=0.02))


def shares_of_crop(joints: Tensor, clips: Tensor) -> Tensor:
    """x and y of joints (B, T, R, 3) as shares of the crop: (B, T, R, 2), 0 and 0 for joints without a place."""
    height, width = clips.shape[3:]
    x, y, has_place = joints.unbind(-1)
    return torch.stack([x / width, y / height], dim=-1).masked_fill(has_place.unsqueeze(-1) <= 0.5, 0)


def cells(shares: Tensor, grid: Grid) -> Tensor:
    """Places (..., 2) as x and y in cells of the grid. The cells divide the crop evenly."""
    x, y = shares.unbind(-1)
    return torch.stack([x * grid.width, y * grid.height], dim=-1)
