"""Attention of a trained model: weights of the places that one query reads, as in Figures A2 to A5, or of many queries.

Supplementary of https://arxiv.org/abs/2212.05638. The query of "deformable" is the RGB token at a point, that of
"joint" the joint next to the point in its frame, and that of "temporal" the RGB token, or the joint in a model without
RGB. Modal tokens get the rest of the sum of one. Weights of many queries in one pass are means over the heads.
B clips, T frames, S cells per frame, R joints, L places of an axis, E places in every window, M tokens at a place,
n windows, w places of a window, H heads, D width.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from models.attention_query import AttentionMaps, CheckedQuery, MappedAttention, PointQuery, of_head
from models.deform3d.backbone import STRIDE
from models.deform3d.deformable import DeformableStage, joined, reference_places, search
from models.deform3d.stage import Block, Stage, Tokens
from models.deform3d.stride import (
    MODAL,
    JointStrideStage,
    StrideStage,
    TemporalStrideStage,
    frames_read,
    gathered,
    joints_first,
    shares_of,
)
from models.deform3d.windows import Windows
from models.tokens import Grid


class DeformableMaps(AttentionMaps):
    """Maps of all stages and blocks, by default of the last block's first stage."""

    def __init__(self, blocks: Sequence[Block], tokens_before: Callable[[int, Tensor, Tensor], Tokens]) -> None:
        self.blocks, self.tokens_before = blocks, tokens_before

    @property
    def num_blocks(self) -> int:
        return len(self.blocks)

    @property
    def attentions(self) -> list[MappedAttention]:
        names = self.blocks[0].stages  # those of all blocks
        heads = {number: block.heads for number, block in enumerate(self.blocks)}
        return [MappedAttention(heads, name) for name in names]

    def grid(self, frames: int, height: int, width: int) -> Grid:
        return Grid(frames, height // STRIDE, width // STRIDE)

    @torch.no_grad()
    def maps(self, inputs: tuple[Tensor, ...], found: CheckedQuery, grid: Grid) -> tuple[Tensor, Tensor]:
        clip, joints = inputs  # (T, 3, height, width), (T, R, 3)
        query, patch, block = found.query, found.patch, self.blocks[found.block]
        assert found.attention is not None
        tokens = block.before(found.attention, self.tokens_before(found.block, clip.unsqueeze(0), joints.unsqueeze(0)))
        stage = block.stage(found.attention)
        shares = joints[..., :2].float() / torch.tensor(
            [clip.shape[3], clip.shape[2]], device=joints.device
        )  # (T, R, 2)
        if isinstance(stage, DeformableStage):
            place = patch.place(grid)
            heads, searched = deformable_weights(stage, tokens, (patch.frame, slice(place, place + 1)))
            rgb, pose, at = heads[0, :, 0], None, searched[0]
        else:
            at_joint = isinstance(stage, JointStrideStage) or tokens.rgb is None
            token = nearest_joint(joints[patch.frame], shares[patch.frame], query) if at_joint else patch.place(grid)
            rgb, pose = stride_weights(stage, tokens, patch.frame, token)
            at = reference_places(grid, clip.device)
        maps = torch.zeros(grid, device=clip.device)
        places = []
        if rgb is not None:
            of_rgb = of_head(rgb, query.head).float().view(grid)
            maps = maps + spread(of_rgb, at, grid)
            places.append(torch.cat([in_shares(at, grid), of_rgb.unsqueeze(-1)], dim=-1).flatten(0, 2))  # (T*S, 4)
        if pose is not None:
            of_pose, has_place = of_head(pose, query.head).float(), joints[..., 2] > 0.5  # (T, R) each
            frames = torch.arange(grid.frames, device=clip.device)[:, None, None].expand(*has_place.shape, 1)
            placed = torch.cat([frames, shares, of_pose.unsqueeze(-1)], dim=-1)[has_place]  # (n, 4)
            places.append(placed)
            maps = maps if rgb is not None else spread(of_pose[has_place], in_tokens(placed, grid), grid)
        return maps, torch.cat(places)


def nearest_joint(joints: Tensor, shares: Tensor, query: PointQuery) -> int:
    """Number of the joint of a frame, (R, 3), whose place (R, 2) is next to the point of a query."""
    has_place = joints[:, 2] > 0.5
    if not has_place.any():
        raise ValueError(f"frame {query.frame} has no joints, and the query is the joint next to the point")
    distances = (shares - torch.tensor([query.x, query.y], device=shares.device)).square().sum(-1)
    return int(distances.masked_fill(~has_place, float("inf")).argmin())


def deformable_weights(
    stage: DeformableStage, tokens: Tokens, queries: tuple[slice | int, slice | int]
) -> tuple[Tensor, Tensor]:
    """Weights (B, H, n, T, S) of the found tokens for n queries, and the places of these: (B, T, rows, columns, 3).

    Args:
        queries: index of the queries in [Z, M_RGB, M_CLS] of all frames, (T, S + 2), which leaves one axis.
    """
    y, grid = stage.norm(joined(tokens)), tokens.grid  # (B, T, S + 2, D)
    q, kv = stage.attention.q(y[:, *queries]), stage.attention.kv(stage.keys(y, grid)).flatten(1, 2)
    heads = stage.attention.weights(q, kv).unflatten(3, (grid.frames, -1))  # (B, H, n, T, S + 2)
    if stage.search is None:
        places = reference_places(grid, y.device).expand(len(y), *grid, 3)
    else:
        places = stage.search.places(y[:, :, : grid.patches].unflatten(2, (grid.height, grid.width)))
    return heads[..., : grid.patches], places.float()


def stride_weights(stage: Stage, tokens: Tokens, frame: int, token: int) -> tuple[Tensor | None, Tensor | None]:
    """Weights of RGB tokens (H, T, S) and of joints (H, T, R) for a joint, or for an RGB token in the third stage.

    Args:
        token: number of the query in its frame, among the joints or among all tokens.
    """
    assert isinstance(stage, JointStrideStage | TemporalStrideStage)
    if isinstance(stage, JointStrideStage):
        x, read = joints_first(tokens)
        windows = stage.windows.build(x.shape[1] - MODAL)
        heads = window_weights(stage, x, windows, MODAL, read, token, frame)  # (H, R + 2, T)
        return None, heads[:, :-MODAL].transpose(1, 2)
    x = torch.cat(list(tokens.parts.values()), dim=2)  # (1, T, D_n, D)
    windows = stage.windows.build(x.shape[1])
    heads = window_weights(stage, x, windows, 0, frames_read(tokens), frame, token)  # (H, T, D_n)
    counts = [0 if part is None else part.shape[2] for part in (tokens.rgb, tokens.pose)]
    rgb, pose, _ = heads.tensor_split([counts[0], sum(counts)], dim=2)
    return rgb if counts[0] else None, pose if counts[1] else None


def window_weights(
    stage: StrideStage, x: Tensor, windows: Windows, others: int, read: Tensor | None, place: int, token: int
) -> Tensor:
    """Weights (H, L + E, M) of tokens x (1, L + E, M, D) for one of them, the mean over the windows of its place."""
    index, y = windows.index(others, x.device), stage.norm(x)
    q, kv = stage.attention.q(y[:, place, token]).unsqueeze(1), stage.attention.kv(y)
    heads = x.new_zeros(stage.attention.heads, *x.shape[1:3])
    of_place = [number for number, places in enumerate(index.queries.tolist()) if place in places]
    if not of_place:
        raise ValueError(f"place {place} is in no window, so that its token has no attention")
    for number in of_place:
        keys = index.keys[number]
        keys_read = None if read is None else read[:, keys].flatten(1)
        of_keys = stage.attention.weights(q, kv[:, keys].flatten(1, 2), keys_read)[0, :, 0]  # (H, (w + E)*M)
        heads = heads.index_add(1, keys, of_keys.unflatten(1, (len(keys), -1)).to(heads.dtype))
    return heads / len(of_place)


def spread(weights: Tensor, places: Tensor, grid: Grid) -> Tensor:
    """Weights (...) at places (..., 3) of frame, row and column, spread to the tokens around them: (T, rows, columns).

    The search is linear in the tokens. Its transpose, which its backward pass computes, spreads the weights.
    """
    with torch.enable_grad():
        z = torch.zeros(1, *grid, 1, device=weights.device, requires_grad=True)
        total = (search(z, places.unsqueeze(0))[0, ..., 0] * weights).sum()
        return torch.autograd.grad(total, z)[0][0, ..., 0]


def in_shares(places: Tensor, grid: Grid) -> Tensor:
    """Frame, row and column of tokens (..., 3) as frame, x and y, the last two as shares of the picture: (..., 3)."""
    t, row, column = places.unbind(-1)
    return torch.stack([t, (column + 0.5) / grid.width, (row + 0.5) / grid.height], dim=-1)


def in_tokens(placed: Tensor, grid: Grid) -> Tensor:
    """Frame, x and y of places (n, 3 or more), as in `in_shares`, as frame, row and column of tokens: (n, 3).

    Places between the outermost tokens and the edge of the picture become those of these tokens.
    """
    frame, x, y = placed.unbind(-1)[:3]
    row = (y * grid.height - 0.5).clamp(0, grid.height - 1)
    column = (x * grid.width - 0.5).clamp(0, grid.width - 1)
    return torch.stack([frame, row, column], dim=-1)


class JointAttention(NamedTuple):
    """Weights (B, R, T, R, T) of pose tokens for pose tokens, means over the windows of a token. Queries come first."""

    weights: Tensor
    equal: Tensor
    """Weights of the same queries if all keys of a window had the same weight."""


class CellAttention(NamedTuple):
    """Weights (B, T, T*S) of CLS in each frame for the found RGB tokens."""

    weights: Tensor
    places: Tensor
    """Frame, row and column of the found tokens, in tokens: (B, T*S, 3)."""


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
    heads, places = deformable_weights(stage, tokens, (slice(None), -1))  # (B, H, T, T, S)
    return CellAttention(heads.float().mean(1).flatten(2), places.flatten(1, 3))
