"""Second stage of a block: attention of pose tokens within windows of joints, over all frames.

Algorithm A1 of the supplementary of https://arxiv.org/abs/2212.05638. M_pose and M_CLS are in every window.
B batch, T frames, R joints, D width.
"""

import torch
from torch import Tensor

from models.deform3d.stage import StageSettings
from models.deform3d.stride import StrideStage, stride_macs
from models.deform3d.tokens import Tokens
from models.deform3d.windows import Windows

NAMES = ["pose", "of_pose", "cls"]
MODAL = 2  # M_pose and M_CLS


class JointStrideStage(StrideStage):
    """Attention within windows of T * (w + 2) tokens."""

    def __init__(self, settings: StageSettings, windows: Windows.Config) -> None:
        super().__init__(settings)
        self.windows = windows

    def forward(self, tokens: Tokens) -> Tokens:
        """Tokens, of which P, M_pose and M_CLS are new. Of the modal tokens, the mean over all windows."""
        x, read = joints_first(tokens)
        windows = self.windows.build(x.shape[1] - MODAL)
        return tokens.updated(NAMES, self.strided(x, windows, MODAL, read).transpose(1, 2))


def joints_first(tokens: Tokens) -> tuple[Tensor, Tensor]:
    """Tokens [P, M_pose, M_CLS], joint after joint (B, R + 2, T, D), and which of them are keys (B, R + 2, T)."""
    assert tokens.has_place is not None
    x = torch.cat([tokens.parts[name] for name in NAMES], dim=2).transpose(1, 2)  # (B, R + 2, T, D)
    return x, torch.nn.functional.pad(tokens.has_place, (0, MODAL), value=True).transpose(1, 2)


def joint_macs(settings: StageSettings, windows: Windows, frames: int) -> int:
    return stride_macs(settings, windows, MODAL, frames)
