"""Orthoformer: attention through a few prototypes, selected to be as orthogonal as possible.

Section 3.2 and Algorithm 1 of Motionformer (https://arxiv.org/abs/2106.05392); its released code if the two differ.
B batch, T frames, S patches per frame, n = T*S, H heads, K = D / H, G = B*H, R prototypes, L candidates.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Tensor

from interface.batches import sent
from interface.ranges import Count
from models.mixers.attention import attend
from models.mixers.trajectory_space import (
    Approximation,
    SpatialStage,
    by_frame,
    mask_by_frame,
    masked,
    random_generator,
    segment_means,
    space_major,
    without_autocast,
)
from models.tokens import Grid


class Prototypes(NamedTuple):
    """Prototypes (rows, R, K), and whether each is none of padding (rows, R); None if none is."""

    values: Tensor
    real: Tensor | None = None


class Orthoformer(SpatialStage):
    """Attention of queries to prototypes, times attention of prototypes to each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """Ablations of Table 3, b to d, and parts of Algorithm 1 that the released code lacks."""

        label: ClassVar[str] = "Orthoformer"
        num_prototypes: Count = 128
        selection: Literal["orthogonal", "random", "segment-means"] = "orthogonal"
        share_over_time: bool = True
        """One set of prototypes per clip; otherwise one per frame, from its tokens, for its queries."""
        candidates: Literal["queries", "queries-and-keys"] = "queries"
        """Queries and keys in the paper, queries in the released code."""
        candidates_per_prototype: Count | None = None
        """C of the paper: prototypes are selected from c*R random candidates; None for selection from all candidates,
        as released."""
        matched_prototypes: bool = field(default=False, metadata={"omit_if": False})
        """Prototypes per frame as in equation 10, which has the same set on both sides."""
        pads_as_prototypes: bool = field(default=False, metadata={"omit_if": False})
        """Whether padding may be selected. If not, prototypes in excess of the tokens count for nothing."""

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.matched_prototypes and self.share_over_time:
                raise ValueError("attention.approximation.matched_prototypes=True calls for share_over_time=False")

        def build(self, heads: int, grid: Grid | None = None, *, stores_maps: bool = False) -> "Orthoformer":
            return Orthoformer(self, heads, stores_maps=stores_maps)

        def num_candidates(self, grid: Grid) -> int:
            """Number of vectors that a set of prototypes is selected from."""
            tokens = grid.tokens if self.share_over_time else grid.patches
            available = tokens * (1 if self.candidates == "queries" else 2)
            if self.candidates_per_prototype is None or self.selection != "orthogonal":
                return available
            return min(available, self.candidates_per_prototype * self.num_prototypes)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds: three products with prototypes, one with their outputs, and the selection."""
            n, T, R, D = grid.tokens, grid.frames, self.num_prototypes, width
            sets = 1 if self.share_over_time else T
            attention = 3 * sets * n * R * D + n * R * T * D
            if self.matched_prototypes:  # prototypes attend to their own frame, not to all frames
                attention -= 2 * (T - 1) * n * R * D
            steps = R - 1 if self.selection == "orthogonal" else 0
            return attention + sets * steps * self.num_candidates(grid) * D

        def check(self, grid: Grid) -> None:
            if self.num_candidates(grid) < self.num_prototypes:
                counts = f"{self.num_prototypes} prototypes, but {self.num_candidates(grid)} candidates"
                raise ValueError(f"attention.approximation: {counts}; set num_prototypes to no more than that")

        def tiny(self) -> Self:
            return replace(self, num_prototypes=max(1, self.num_prototypes // 8))

    def __init__(self, config: Config, heads: int, *, stores_maps: bool) -> None:
        super().__init__()
        self.config = config
        self.heads = heads
        self.stores_maps = stores_maps

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid, mask: Tensor | None = None) -> Tensor:
        """Algorithm 1: attention of queries to prototypes and of prototypes to keys, multiplied from right to left."""
        if self.config.share_over_time or grid.frames == 1:
            segments = self.config.selection == "segment-means"
            # Padding counts as zeros in means.
            queries, keys = (space_major(masked(t, mask), grid) for t in (q, k)) if segments else (q, k)
            prototypes = self.prototypes(queries, keys, sets=1, mask=mask)
            return self.through(prototypes, q, by_frame(k, grid), by_frame(v, grid), mask_by_frame(mask, grid))
        assert mask is None, "sequences with padding have one frame"
        return self.attention_by_frame(by_frame(q, grid), by_frame(k, grid), by_frame(v, grid))

    def attention_by_frame(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Algorithm 1 with prototypes per frame: frames (T, G, S, K) to (T, n, G, K).

        As released: for frame t, queries of frame s attend to the prototypes of t, but their values are the outputs
        of the prototypes of s for frame t, paired by index. Equation 10 has one set on both sides.
        """
        T, G, _, _ = q.shape
        queries = q.flatten(0, 1)  # (T*G, S, K)
        prototypes = self.prototypes(queries, k.flatten(0, 1), sets=T).values.unflatten(0, (T, G))  # (T, G, R, K)
        if self.config.matched_prototypes:
            return self.through(Prototypes(prototypes), q.transpose(0, 1).flatten(1, 2), k, v)
        all_prototypes = prototypes.transpose(0, 1).flatten(1, 2)  # (G, T*R, K)
        values = attend(all_prototypes, k, v, stores_map=self.stores_maps)  # (T, T*R, G, K)
        values = values.unflatten(1, (T, -1))  # (T, T, R, G, K): frame t, then frame s
        values = values.transpose(2, 3).flatten(1, 2)  # (T, T*G, R, K)
        keys = prototypes.unsqueeze(1).expand(-1, T, -1, -1, -1).flatten(1, 2)  # (T, T*G, R, K)
        y = attend(queries, keys, values, stores_map=self.stores_maps)  # (T, S, T*G, K)
        return y.unflatten(2, (T, G)).transpose(1, 2).flatten(1, 2)

    def through(self, prototypes: Prototypes, q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
        """Equation 10 for each frame: queries (G, n, K), frames (T, G, S, K) and their mask to (T, n, G, K).

        Prototypes are (G, R, K), or (T, G, R, K) per frame. The attention of queries to shared prototypes is the same
        for every frame. The fused kernel computes it for each, stores no map, and writes trajectories in the layout
        that the second stage reads.
        """
        values = attend(prototypes.values, k, v, mask, stores_map=self.stores_maps).transpose(1, 2)  # (T, G, R, K)
        return attend(q, prototypes.values, values, prototypes.real, stores_map=self.stores_maps)

    @torch.no_grad()
    def prototypes(self, queries: Tensor, keys: Tensor, sets: int, mask: Tensor | None = None) -> Prototypes:
        """Prototypes of queries and keys (rows, tokens, K), without gradients.

        Rows are sets by B clips by H heads.

        Args:
            mask: (rows, tokens), whether a position is a token and not padding; None if all are.
        """
        config, R = self.config, self.config.num_prototypes
        candidates = queries if config.candidates == "queries" else torch.cat([queries, keys], dim=1)
        if config.selection == "segment-means":
            exact = torch.promote_types(candidates.dtype, torch.float32)
            return Prototypes(segment_means(candidates.to(exact), R).to(candidates.dtype))
        real = None if mask is None or config.pads_as_prototypes else mask
        if real is not None and config.candidates == "queries-and-keys":
            real = torch.cat([real, real], dim=1)
        if config.selection == "random":
            return gathered(candidates, real, self.distinct_indices(candidates, real, R, sets))
        if config.candidates_per_prototype is not None:
            num_drawn = min(config.candidates_per_prototype * R, candidates.shape[1])
            candidates, real = gathered(candidates, real, self.distinct_indices(candidates, real, num_drawn, sets))
        first = first_index(self.uniform_numbers(candidates, 1, sets), candidates.shape[1], real)
        selected = most_orthogonal(candidates, first, R, real)
        # Sorted, as released: with prototypes per frame, this order pairs the prototypes of different frames.
        return gathered(candidates, real, selected.sort(dim=1).values)

    def distinct_indices(self, candidates: Tensor, real: Tensor | None, count: int, sets: int) -> Tensor:
        """Indices (rows, count) of random candidates (rows, L, K), distinct within each row, padding last."""
        scores = self.uniform_numbers(candidates, candidates.shape[1], sets)  # (rows, L)
        scores = scores if real is None else scores.masked_fill(~real, -1.0)
        return scores.topk(count, dim=1).indices.sort(dim=1).values

    def uniform_numbers(self, candidates: Tensor, count: int, sets: int) -> Tensor:
        """Uniform random numbers (rows, count); in evaluation the same for every clip."""
        generator = random_generator(self.training)
        if generator is None:
            return sent(torch.rand(len(candidates), count), candidates.device)
        clips = len(candidates) // (sets * self.heads)
        one_clip = torch.rand(sets, 1, self.heads, count, generator=generator)
        return sent(one_clip.expand(-1, clips, -1, -1).flatten(0, 2), candidates.device)


def gathered(candidates: Tensor, real: Tensor | None, indices: Tensor) -> Prototypes:
    """Candidates (rows, L, K) and their mask (rows, L) at indices (rows, R)."""
    values = candidates.gather(1, indices.unsqueeze(-1).expand(-1, -1, candidates.shape[-1]))
    return Prototypes(values, None if real is None else real.gather(1, indices))


def first_index(numbers: Tensor, num_candidates: int, real: Tensor | None) -> Tensor:
    """Index (rows,) of a random candidate that is not padding, from uniform numbers (rows, 1)."""
    if real is None:
        return (numbers.squeeze(1) * num_candidates).long()
    place = (numbers * real.sum(dim=1, keepdim=True)).long()  # (rows, 1), among those that are not padding
    return (real.cumsum(dim=1) > place).to(torch.uint8).argmax(dim=1)


def most_orthogonal(candidates: Tensor, first: Tensor, num_prototypes: int, real: Tensor | None = None) -> Tensor:
    """Greedy selection without repetition: each next candidate has the smallest maximal |cosine| to those selected.

    A running maximum takes O(L R) operations. It selects the same candidates as O(L R^2) comparisons of all cosines.

    Args:
        candidates: (rows, L, K).
        first: (rows,) index of the first selected candidate.
        real: (rows, L), whether a candidate is no padding, which is selected last; None if none is.

    Returns:
        Indices (rows, R) in order of selection.
    """
    with without_autocast(candidates):
        # In half precision, most selected indices would differ.
        exact = torch.promote_types(candidates.dtype, torch.float32)
        directions = F.normalize(candidates.to(exact), dim=-1)  # (rows, L, K)
        columns = directions.mT.contiguous()  # (rows, K, L), a layout in which the products below are ten times faster
        rows = torch.arange(len(candidates), device=candidates.device)
        largest = directions.new_zeros(directions.shape[:2])  # (rows, L)
        if real is not None:
            largest.masked_fill_(~real, 2.0)  # above every cosine
        selected = [first]
        for _ in range(1, num_prototypes):
            last = selected[-1]
            to_last = torch.bmm(directions[rows, last].unsqueeze(1), columns).squeeze(1).abs_()  # (rows, L)
            torch.maximum(largest, to_last, out=largest)
            largest.scatter_(1, last.unsqueeze(1), torch.inf)  # on the device, without waiting for an index
            selected.append(largest.argmin(dim=1))
        return torch.stack(selected, dim=1)
