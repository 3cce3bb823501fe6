"""Votes of the patches of source frames on the labels of the patches of a frame.

The map of all pairs of patches is never in memory: it is computed for some rows at a time.
S patches of a frame, G heads (1 for features), K size of a vector, J source frames, C labels, R rows.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from models.propagation.rules import PropagationRules
from models.tokens import Grid

MAX_NUMBERS = 2**26  # of a part of the map that is held in memory


class FrameVectors(NamedTuple):
    """Vectors of the patches of the frames of a clip, of which the last one is the target.

    `queries`: (G, S, K) of the target. `keys`: (T, G, S, K) of all frames. The mean product is the similarity.
    `is_attention`: whether the weights are attention to each frame: the softmax over its patches, then the mean over G.
    """

    queries: Tensor
    keys: Tensor
    is_attention: bool


def votes(
    matched: Sequence[FrameVectors], labels: Tensor, bounded: Tensor, grid: Grid, rules: PropagationRules
) -> Tensor:
    """Labels (C, S) of the target: means of the labels of the patches of all sources, weighted by similarity.

    Args:
        matched: vectors of the target and of some of the sources each, J sources in all.
        labels: (J, C, S) of the sources.
        bounded: (J,), whether the radius applies to a source.
    """
    J, _, S = labels.shape
    by_patch = labels.transpose(1, 2).flatten(0, 1)  # (J*S, C)
    num_rows = max(1, MAX_NUMBERS // (J * S * matched[0].queries.shape[0]))
    parts = []
    for rows in torch.arange(S, device=labels.device).split(num_rows):
        far = bounded[:, None, None] & ~near(rows, grid, rules)  # (J, R, S)
        kept = strongest(weights(matched, rows, far, rules), rules)  # (R, J*S)
        total = kept.sum(1, keepdim=True).clamp_min(torch.finfo(kept.dtype).tiny)
        parts.append((kept / total) @ by_patch)  # (R, C)
    return torch.cat(parts).T  # (C, S)


def weights(matched: Sequence[FrameVectors], rows: Tensor, far: Tensor, rules: PropagationRules) -> Tensor:
    """Weights (R, J*S) of the patches of all sources for some patches of the target.

    Args:
        rows: (R,) indices of the patches of the target.
        far: (J, R, S), whether a patch of a source is out of reach.
    """
    parts = []
    for queries, keys, is_attention in matched:
        scores = queries[:, rows] @ keys.mT  # (T, G, R, S)
        parts.append((scores.softmax(-1) if is_attention else scores).mean(1))  # (T, R, S)
    similarity = torch.cat(parts)  # (J, R, S)
    if matched[0].is_attention:
        return similarity.masked_fill(far, 0).transpose(0, 1).flatten(1)  # (R, J*S)
    return (similarity / rules.temperature).masked_fill(far, -torch.inf).transpose(0, 1).flatten(1).softmax(-1)


def strongest(weights: Tensor, rules: PropagationRules) -> Tensor:
    """Weights (R, J*S) with zeros for patches that do not vote."""
    if rules.topk is None or rules.topk >= weights.shape[1]:
        return weights
    best = weights.topk(rules.topk, dim=1)
    if rules.keep_ties:
        return weights * (weights >= best.values[:, -1:])
    return torch.zeros_like(weights).scatter(1, best.indices, best.values)


def near(rows: Tensor, grid: Grid, rules: PropagationRules) -> Tensor:
    """Whether patches of another frame are within the radius of some patches: (R, S).

    Args:
        rows: (R,) indices of these patches.
    """
    patches = torch.arange(grid.patches, device=rows.device)
    if rules.radius is None:
        return torch.ones(len(rows), len(patches), dtype=torch.bool, device=rows.device)
    down = (rows[:, None] // grid.width - patches // grid.width).abs()  # (R, S)
    across = (rows[:, None] % grid.width - patches % grid.width).abs()  # (R, S)
    if rules.region == "square":
        return torch.maximum(down, across) <= rules.radius
    return down**2 + across**2 < rules.radius**2
