"""Attention weights of many queries in one pass. `attention_maps` gives those of one query.

Supplementary of https://arxiv.org/abs/2212.05638. Weights are means over the heads.
B clips, T frames, S cells per frame, R joints, n windows, w places of a window, D width.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from models.deform3d.deformable import DeformableStage, joined
from models.deform3d.joint_stride import MODAL, JointStrideStage, joints_first
from models.deform3d.stride import gathered, shares_of
from models.deform3d.token_search import reference_places
from models.deform3d.tokens import Tokens


class JointAttention(NamedTuple):
    """Weights (B, R, T, R, T) of pose tokens for pose tokens, means over the windows of a token. Queries come first.

    `equal`: weights of the same queries if all keys of a window had the same weight.
    """

    weights: Tensor
    equal: Tensor


class CellAttention(NamedTuple):
    """Weights (B, T, T*S) of CLS in each frame for the found RGB tokens.

    `places`: frame, row and column of the found tokens, in tokens: (B, T*S, 3).
    """

    weights: Tensor
    places: Tensor


@torch.no_grad()
def joint_attention(stage: JointStrideStage, tokens: Tokens) -> JointAttention:
    """Joint stride attention of all pose tokens."""
    x, read = joints_first(tokens)  # (B, R + 2, T, D), (B, R + 2, T)
    windows = stage.windows.build(x.shape[1] - MODAL)
    index, y = windows.index(MODAL, x.device), stage.norm(x)
    q, kv = gathered(stage.attention.q(y), index.queries), gathered(stage.attention.kv(y), index.keys)
    keys_read = gathered(read, index.keys)  # (B*n, (w + 2)*T)
    weights = stage.attention.weights(q, kv, keys_read).float().mean(1)  # (B*n, (w + 2)*T, (w + 2)*T)
    equal = (keys_read / keys_read.sum(1, keepdim=True)).unsqueeze(1).expand_as(weights)

    queries, keys = (F.one_hot(places, x.shape[1]).float() for places in index)  # (n, w + 2, R + 2)
    shares = shares_of(windows, MODAL, x).float().unsqueeze(-1)  # (R + 2, 1, 1, 1)

    def of_joints(in_windows: Tensor) -> Tensor:
        pairs = in_windows.unflatten(0, (len(x), -1)).unflatten(3, (-1, x.shape[2])).unflatten(2, (-1, x.shape[2]))
        sums = torch.einsum("bnqtks,nqi,nkj->bitjs", pairs, queries, keys)  # (B, R + 2, T, R + 2, T)
        return (sums * shares)[:, :-MODAL, :, :-MODAL]

    return JointAttention(of_joints(weights), of_joints(equal))


@torch.no_grad()
def cls_attention(stage: DeformableStage, tokens: Tokens) -> CellAttention:
    """3D deformable attention of CLS in all frames."""
    y, grid = stage.norm(joined(tokens)), tokens.grid  # (B, T, S + 2, D), CLS last
    q, kv = stage.attention.q(y[:, :, -1]), stage.attention.kv(stage.keys(y, grid)).flatten(1, 2)
    weights = stage.attention.weights(q, kv).float().mean(1)  # (B, T, T*(S + 2))
    of_cells = weights.unflatten(2, (grid.frames, -1))[..., : grid.patches].flatten(2)  # (B, T, T*S)
    if stage.search is None:
        places = reference_places(grid, y.device).expand(len(y), *grid, 3)
    else:
        places = stage.search.places(y[:, :, : grid.patches].unflatten(2, (grid.height, grid.width)))
    return CellAttention(of_cells, places.float().flatten(1, 3))
