"""Propagation of the mask of the first frame of a sequence to all other frames, step by step, by votes of patches.

A step is a frame or, in clips whose tokens cover several different frames, all frames of a token. The map of all pairs
of patches is never in memory: it is computed for some rows at a time.
F frames, T token frames of a clip, S patches per frame, G heads (1 for features), K size of a vector, C labels,
J sources, R rows, H x W pixels of a mask, h x w of a frame.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from models.propagation.rules import PropagationRules, first_labels, hardened, mask_of
from models.tokens import Grid

MAX_NUMBERS = 2**26  # of a part of the map that is held in memory
# "duplicate": each frame fills a token of the clip, repeated. "window": tokens cover successive frames of the sequence,
# which get the same mask. "still": as "duplicate", but each frame has a clip of its own, which shows nothing else.
ClipMode = Literal["duplicate", "window", "still"]


class FrameVectors(NamedTuple):
    """Vectors of the patches of the frames of a clip, of which the last one is the target."""

    queries: Tensor
    """(G, S, K) of the target."""
    keys: Tensor
    """(T, G, S, K) of all frames. The mean product is the similarity."""
    is_attention: bool
    """Whether the weights are attention to each frame: the softmax over its patches, then the mean over G."""


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
    """Whether patches of another frame are within the radius of the patches with the indices `rows` (R,): (R, S)."""
    patches = torch.arange(grid.patches, device=rows.device)
    if rules.radius is None:
        return torch.ones(len(rows), len(patches), dtype=torch.bool, device=rows.device)
    down = (rows[:, None] // grid.width - patches // grid.width).abs()  # (R, S)
    across = (rows[:, None] % grid.width - patches % grid.width).abs()  # (R, S)
    if rules.region == "square":
        return torch.maximum(down, across) <= rules.radius
    return down**2 + across**2 < rules.radius**2


Match = Callable[[Tensor], FrameVectors]  # of a clip (frames, 3, h, w)


class Clips(NamedTuple):
    """Clips of the model."""

    mode: ClipMode
    tubelet: int
    """Frames of a token."""
    grid: Grid

    @property
    def num_sources(self) -> int:
        return self.grid.frames - 1

    def steps(self, num_frames: int) -> list[tuple[int, ...]]:
        """Frames of each step, as many as a token has."""
        if self.mode == "window":
            starts = range(0, num_frames, self.tubelet)
            return [tuple(min(start + n, num_frames - 1) for n in range(self.tubelet)) for start in starts]
        return [(frame,) * self.tubelet for frame in range(num_frames)]


def sources(step: int, rules: PropagationRules, clips: Clips) -> list[tuple[int, bool]]:
    """Steps whose labels are known, in the order of time, and whether it is the first one as a source of all frames."""
    context = rules.context
    if context is None:
        context = max(0, clips.num_sources - rules.first_frame_always)
    earlier = [step - distance * rules.stride for distance in range(context, 0, -1)]
    if rules.copies_before_start:
        earlier = [max(0, other) for other in earlier]
    always = [(0, True)] if rules.first_frame_always else []
    least = 1 if always and not rules.copies_before_start else 0  # the first step is not named twice
    found = always + [(other, False) for other in earlier if other >= least]
    return found or [(0, False)]


def propagated(frames: Tensor, first: Tensor, match: Match, clips: Clips, rules: PropagationRules) -> Tensor:
    """Masks (F, H, W) of frames (F, 3, h, w), of which the first (H, W) is given."""
    steps = clips.steps(len(frames))
    labels = [first_labels(first, clips.grid, rules)]  # (C, S) of each step
    masks = first.to(torch.uint8).repeat(len(frames), 1, 1)  # (F, H, W)
    vectors = Vectors(frames, match, clips, steps)
    for step in range(1, len(steps)):
        found = sources(step, rules, clips)
        known = torch.stack([labels[source] for source, _ in found])  # (J, C, S)
        free = [is_always and not rules.first_frame_within_radius for _, is_always in found]
        bounded = ~torch.tensor(free, device=frames.device)  # (J,)
        voted = votes(vectors.of(step, [source for source, _ in found]), known, bounded, clips.grid, rules)
        labels.append(voted if rules.soft_labels else hardened(voted))
        mask = mask_of(voted, clips.grid, rules, of_input=frames.shape[2:], of_frame=first.shape)
        masks[list(steps[step])] = mask
    return masks


class Vectors:
    """Vectors of the patches of a sequence: frames (F, 3, h, w), and the frames of each step."""

    def __init__(self, frames: Tensor, match: Match, clips: Clips, steps: list[tuple[int, ...]]) -> None:
        self.frames, self.match, self.clips, self.steps = frames, match, clips, steps
        self.stills: dict[int, FrameVectors] = {}  # by step

    def of(self, step: int, found: list[int]) -> list[FrameVectors]:
        """Vectors of a step as the target, and of its sources: of as many in one item as fit into a clip."""
        if self.clips.mode == "still":
            return self.of_stills(step, found)
        groups = [found[n : n + self.clips.num_sources] for n in range(0, len(found), self.clips.num_sources)]
        return [self.of_clip(step, group) for group in groups]

    def of_clip(self, step: int, group: list[int]) -> FrameVectors:
        """Vectors of a clip of some sources and the target. The first step fills it up, which is no further source."""
        filled = [0] * (self.clips.num_sources - len(group)) + group
        queries, keys, is_attention = self.match(self.clip([*filled, step]))
        return FrameVectors(queries, keys[-1 - len(group) : -1], is_attention)

    def of_stills(self, step: int, found: list[int]) -> list[FrameVectors]:
        """Vectors of the target and of each source, each from a clip of its own."""
        needed = {step, *found}
        self.stills = {other: vectors for other, vectors in self.stills.items() if other in needed}
        for other in sorted(needed - self.stills.keys()):
            queries, keys, is_attention = self.match(self.clip([other] * self.clips.grid.frames))
            self.stills[other] = FrameVectors(queries, keys[-1:].clone(), is_attention)
        target = self.stills[step]
        return [target._replace(keys=self.stills[other].keys) for other in found]

    def clip(self, steps: list[int]) -> Tensor:
        """Clip (T * tubelet, 3, h, w) of the frames of some steps."""
        return self.frames[[frame for step in steps for frame in self.steps[step]]]
