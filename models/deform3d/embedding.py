"""RGB tokens and pose tokens of a clip with joints, before the first block.

B batch, T frames, S cells per frame, R joints, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.deform3d.backbone import MixedConvNet
from models.deform3d.gaussian_pooling import joint_maps, pooled
from models.deform3d.positions import in_space_time, in_time, of_joints
from models.deform3d.tokens import Tokens
from models.tokens import Grid


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
        """Features (B, T, R, D) around the joints, of features (B, T, S, D) of cells."""
        return pooled(features, joint_maps(cells(shares, grid), grid, self.sigma, normalised=self.normalised))


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
        self.backbone = None if settings.backbone is None else settings.backbone.build()
        self.norm = None if settings.backbone is None else nn.LayerNorm(width)
        self.joints = None
        if joints is not None:
            self.joints = JointTokens(joints, width, settings.sigma, normalised=settings.normalised)
        self.of_rgb = modal_token(width) if settings.has_rgb else None
        self.of_pose = None if joints is None else modal_token(width)
        self.cls = modal_token(width)

    def forward(self, clips: Tensor, joints: Tensor) -> Tokens:
        """Tokens of clips (B, T, 3, height, width) and joints (B, T, R, 3)."""
        learnt, width = self.settings.learnt, self.settings.width
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


def cells(shares: Tensor, grid: Grid) -> Tensor:
    """Places (..., 2) as x and y in cells of the grid. The cells divide the crop evenly."""
    x, y = shares.unbind(-1)
    return torch.stack([x * grid.width, y * grid.height], dim=-1)
