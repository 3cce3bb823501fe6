"""Published formulation of the 3D deformable transformer: it stores all attention maps and projects copies of windows.

Algorithms A1 to A3 of the supplementary of https://arxiv.org/abs/2212.05638, with our windows, merging and order.
The sum over all cells of the grid is a product of matrices here, and not three loops.
B batch, T frames, n windows or places, M tokens at a place, D width.
"""

from collections.abc import Callable
from itertools import product

import torch
from torch import Tensor

from models.deform3d.deformable import DeformableStage, joined
from models.deform3d.model import DeformableTransformer
from models.deform3d.stage import Block, Stage, Tokens
from models.deform3d.stride import MODAL, JointStrideStage, StrideStage, TemporalStrideStage, frames_read, joints_first
from models.deform3d.windows import Windows

Search = Callable[[Tensor, Tensor], Tensor]


def logits(clips: Tensor, joints: Tensor, model: DeformableTransformer) -> Tensor:
    """Logits (B, C) of clips and joints."""
    tokens = model.embedding(clips, joints)
    for block in model.blocks:
        assert isinstance(block, Block) and block.cls_route == "chain"
        for stage in block.stages.values():
            assert isinstance(stage, Stage)
            tokens = after(stage, tokens)
    return model.head(tokens.modal)


def after(stage: Stage, tokens: Tokens) -> Tokens:
    """Tokens after a stage."""
    if isinstance(stage, DeformableStage):
        return deformable(stage, tokens)
    if isinstance(stage, JointStrideStage):
        x, read = joints_first(tokens)
        x = strided(stage, x, stage.windows.build(x.shape[1] - MODAL), MODAL, read).transpose(1, 2)
        return tokens.updated(["pose", "of_pose", "cls"], x)
    assert isinstance(stage, TemporalStrideStage)
    x = torch.cat(list(tokens.parts.values()), dim=2)
    read = frames_read(tokens)
    return tokens.updated(list(tokens.parts), strided(stage, x, stage.windows.build(x.shape[1]), 0, read))


def deformable(stage: DeformableStage, tokens: Tokens) -> Tokens:
    """Tokens after 3D deformable attention (Algorithm A3)."""
    x, grid = joined(tokens), tokens.grid
    y = stage.norm(x)
    keys = y
    if stage.search is not None:
        z = y[:, :, : grid.patches].unflatten(2, (grid.height, grid.width))
        found = eight_gathers(z, stage.search.places(z)).flatten(2, 3)
        keys = torch.cat([found, y[:, :, grid.patches :]], dim=2)
    attended = attention(stage, y.flatten(1, 2), keys.flatten(1, 2), None).unflatten(1, x.shape[1:3])
    x = x + attended
    return tokens.updated(["rgb", "of_rgb", "cls"], x + stage.feed(x))


def strided(stage: StrideStage, x: Tensor, windows: Windows, others: int, read: Tensor | None) -> Tensor:
    """Tokens (B, L + E, M, D) after stride attention (Algorithms A1 and A2), merged before the feed-forward network."""
    assert stage.merge == "before FFN" and windows.cover_all
    index, y = windows.index(others, x.device), stage.norm(x)
    queries = torch.stack([y[:, places] for places in index.queries], dim=1)  # (B, n, w + E, M, D)
    keys = torch.stack([y[:, places] for places in index.keys], dim=1)
    keys_read = None if read is None else torch.stack([read[:, places] for places in index.keys], dim=1).flatten(2)
    attended = attention(stage, queries.flatten(2, 3), keys.flatten(2, 3), keys_read).view_as(queries)
    sums, counts = torch.zeros_like(x), x.new_zeros(x.shape[1])
    for number, places in enumerate(index.queries):
        sums = sums.index_add(1, places, attended[:, number].to(sums.dtype))
        counts[places] += 1
    x = x + sums / counts[:, None, None]
    return x + stage.feed(x)


def attention(stage: Stage, queries: Tensor, keys: Tensor, read: Tensor | None) -> Tensor:
    """Multi-head attention of tokens (..., n, D) to tokens (..., L, D), from explicit maps."""
    layer = stage.attention
    k, v = layer.kv(keys).chunk(2, dim=-1)
    q, k, v = (x.unflatten(-1, (layer.heads, -1)).transpose(-3, -2) for x in (layer.q(queries), k, v))
    scores = q @ k.mT * q.shape[-1] ** -0.5  # (..., H, n, L)
    if read is not None:
        scores = scores.masked_fill(~read[..., None, None, :], float("-inf"))
    return layer.proj((scores.softmax(dim=-1) @ v).transpose(-3, -2).flatten(-2))


def all_cells(z: Tensor, places: Tensor) -> Tensor:
    """Tokens z (B, T, rows, columns, D) found at places (B, ..., 3): the printed sum over all cells of the grid."""
    points = places.flatten(1, -2)
    t, y, x = (tents(points[..., axis], size) for axis, size in enumerate(z.shape[1:4]))  # (B, n, size) each
    phi = (t[..., :, None, None] * y[..., None, :, None] * x[..., None, None, :]).flatten(2)  # (B, n, T*S)
    return (phi.to(z.dtype) @ z.flatten(1, 3)).unflatten(1, places.shape[1:-1])


def tents(places: Tensor, size: int) -> Tensor:
    """max(0, 1 - |p - r|) of places (B, n) for each of the cells of an axis: (B, n, size)."""
    return (1 - (places.unsqueeze(-1) - torch.arange(size, device=places.device)).abs()).clamp(min=0)


def eight_gathers(z: Tensor, places: Tensor) -> Tensor:
    """Tokens z (B, T, rows, columns, D) found at places (B, ..., 3): a weighted sum of the eight tokens around each."""
    sizes, points = z.shape[1:4], places.flatten(1, -2)
    below = points.floor()
    found = z.new_zeros(*points.shape[:2], z.shape[-1])
    for corner in product((0, 1), repeat=3):
        cells = below + torch.tensor(corner, device=z.device)  # (B, n, 3)
        weights = (1 - (points - cells).abs()).prod(-1)
        limits = torch.tensor(sizes, device=z.device) - 1
        inside = ((cells >= 0) & (cells <= limits)).all(-1)
        t, y, x = cells.clamp(min=0).minimum(limits).long().unbind(-1)
        numbers = (t * sizes[1] + y) * sizes[2] + x  # (B, n)
        tokens = z.flatten(1, 3).gather(1, numbers.unsqueeze(-1).expand(-1, -1, z.shape[-1]))
        found = found + tokens * (weights * inside).unsqueeze(-1).to(z.dtype)
    return found.unflatten(1, places.shape[1:-1])
