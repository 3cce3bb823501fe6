"""Third stage of a block: attention of all tokens within windows of frames.

Algorithm A2 of the supplementary of https://arxiv.org/abs/2212.05638. Each frame has its own modal tokens.
B batch, T frames, R joints, D_n tokens of a frame, D width.
"""

import torch
from torch import Tensor

from models.deform3d.stage import StageSettings
from models.deform3d.stride import StrideStage, stride_macs
from models.deform3d.tokens import Tokens
from models.deform3d.windows import Windows


class TemporalStrideStage(StrideStage):
    """Attention within windows of w * D_n tokens.

    Args:
        num_queries: number of modal tokens, CLS last, that alone get new values, because no others are read after this
            stage; None for all tokens.
    """

    def __init__(self, settings: StageSettings, windows: Windows.Config, num_queries: int | None = None) -> None:
        super().__init__(settings)
        self.windows = windows
        self.num_queries = num_queries

    def forward(self, tokens: Tokens) -> Tokens:
        x, names = torch.cat(list(tokens.parts.values()), dim=2), list(tokens.parts)  # (B, T, D_n, D)
        new = self.strided(x, self.windows.build(x.shape[1]), 0, frames_read(tokens), self.num_queries)
        return tokens.updated(names if self.num_queries is None else names[-self.num_queries :], new)


def frames_read(tokens: Tokens) -> Tensor | None:
    """Which tokens are read as keys, (B, T, D_n): all but joints without a place. None if there are no joints."""
    if tokens.has_place is None:
        return None
    before = 0 if tokens.rgb is None else tokens.rgb.shape[2]
    return torch.nn.functional.pad(tokens.has_place, (before, len(tokens.modal)), value=True)


def temporal_macs(
    settings: StageSettings, windows: Windows, tokens_per_frame: int, num_queries: int | None = None
) -> int:
    """Multiply-adds of the stage for a clip, with as many queries in a frame; None for all tokens."""
    return stride_macs(settings, windows, 0, tokens_per_frame, num_queries)
