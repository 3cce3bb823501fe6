"""RGB tokens and pose tokens of a clip with joints, before the first block.

B batch, T frames, S cells per frame, R joints, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.deform3d.backbone import MixedConvNet
from models.deform3d.gaussian_pooling import joint_maps, pooled
from models.deform3d.positions import in_space_time, in_time
from models.deform3d.tokens import Tokens
from models.tokens import Grid


class JointEmbedding(nn.Module):
    """Learnt vector of each joint number, which tells the joints of a body, and the people, apart."""

    def __init__(self, joints: int, width: int) -> None:
        super().__init__()
        self.of_joint = nn.Parameter(torch.empty(joints, width))
        nn.init.trunc_normal_(self.of_joint, std=0.02)

    def forward(self, tokens: Tensor, has_place: Tensor) -> Tensor:
        """Tokens (B, T, R, D) plus the vectors of their joints; zero for joints without a place."""
        return (tokens + self.of_joint.to(tokens.dtype)) * has_place.unsqueeze(-1)


class PooledJoints(nn.Module):
    """Pose tokens from the features around each joint.

    Positions are added to the features before, so that the token of a joint knows its place and frame.
    """

    def __init__(self, joints: int, width: int, sigma: float, *, normalised: bool) -> None:
        super().__init__()
        self.sigma, self.normalised = sigma, normalised
        self.embedding = JointEmbedding(joints, width)

    def forward(self, z: Tensor, joints: Tensor, shares: Tensor, grid: Grid) -> Tensor:
        """Pose tokens (B, T, R, D) of RGB tokens z (B, T, S, D).

        Args:
            joints: (B, T, R, 3), of which the third number is 1 for a joint with a place.
            shares: x and y of each joint as shares of the crop, (B, T, R, 2).
        """
        maps = joint_maps(in_cells(shares, grid), grid, self.sigma, normalised=self.normalised)
        return self.embedding(pooled(z, maps), joints[..., 2] > 0.5)


class PlacedJoints(nn.Module):
    """Pose tokens from the places of the joints alone.

    Differs from the paper: without RGB, there are no features to pool. It does not say what its model of poses alone
    reads.
    """

    def __init__(self, joints: int, width: int) -> None:
        super().__init__()
        self.projection = nn.Linear(3, width)
        self.embedding = JointEmbedding(joints, width)

    def forward(self, joints: Tensor, shares: Tensor, learnt: Grid) -> Tensor:
        """Pose tokens (B, T, R, D) of joints (B, T, R, 3) with places as shares of the crop (B, T, R, 2)."""
        tokens = self.projection(torch.cat([2 * shares - 1, joints[..., 2:]], dim=-1))  # (B, T, R, D)
        positions = in_time(joints.shape[1], learnt, tokens.shape[-1], joints.device)
        return self.embedding(tokens + positions.to(tokens.dtype), joints[..., 2] > 0.5)


class RGBTokens(nn.Module):
    """Features of the backbone plus positions in space and time."""

    def __init__(self, backbone: MixedConvNet.Config, learnt: Grid) -> None:
        super().__init__()
        self.backbone = backbone.build()
        self.learnt = learnt

    def forward(self, clips: Tensor) -> tuple[Tensor, Grid]:
        """Tokens (B, T, S, D) of clips (B, T, 3, height, width), and their grid."""
        features = self.backbone(clips)  # (B, T, rows, columns, D)
        grid = Grid(*features.shape[1:4])
        positions = in_space_time(grid, self.learnt, features.shape[-1], clips.device)
        return (features + positions.to(features.dtype)).flatten(2, 3), grid


@dataclass(frozen=True, kw_only=True)
class EmbeddingSettings:
    """Settings of the tokens before the first block.

    `backbone`: None for a model without RGB. `learnt`: grid of the clips of training. `joints`: number of joints; None
    for a model without pose tokens. `has_rgb`: whether RGB tokens take part in a stage, and not in pooling alone.
    """

    backbone: MixedConvNet.Config | None
    learnt: Grid
    width: int
    joints: int | None
    has_rgb: bool
    sigma: float
    normalised: bool


class Embedding(nn.Module):
    """All tokens before the first block. Modal tokens are the same in all frames but for the positions in time."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        super().__init__()
        self.settings = settings
        width, joints = settings.width, settings.joints
        self.rgb = None if settings.backbone is None else RGBTokens(settings.backbone, settings.learnt)
        self.pooled_joints = self.placed_joints = None
        if joints is not None and self.rgb is not None:
            self.pooled_joints = PooledJoints(joints, width, settings.sigma, normalised=settings.normalised)
        elif joints is not None:
            self.placed_joints = PlacedJoints(joints, width)
        self.of_rgb = modal_token(width) if settings.has_rgb else None
        self.of_pose = None if joints is None else modal_token(width)
        self.cls = modal_token(width)

    def forward(self, clips: Tensor, joints: Tensor) -> Tokens:
        """Tokens of clips (B, T, 3, height, width) and joints (B, T, R, 3)."""
        rgb, pose, grid = None, None, self.settings.learnt._replace(frames=clips.shape[1])
        shares = shares_of_crop(joints, clips)
        if self.rgb is not None:
            rgb, grid = self.rgb(clips)
        if self.pooled_joints is not None:
            pose = self.pooled_joints(rgb, joints, shares, grid)
        elif self.placed_joints is not None:
            pose = self.placed_joints(joints, shares, self.settings.learnt)
        positions = in_time(grid.frames, self.settings.learnt, self.settings.width, clips.device)  # (T, 1, D)
        of_rgb, of_pose, cls = (
            None if token is None else (token + positions.to(token.dtype)).expand(len(clips), -1, -1, -1)
            for token in (self.of_rgb, self.of_pose, self.cls)
        )
        assert cls is not None
        return Tokens(
            grid=grid,
            rgb=rgb if self.settings.has_rgb else None,
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


def in_cells(shares: Tensor, grid: Grid) -> Tensor:
    """Places (..., 2) as x and y in cells of the grid. The cells divide the crop evenly."""
    x, y = shares.unbind(-1)
    return torch.stack([x * grid.width, y * grid.height], dim=-1)
