"""Orthoformer: attention through a few prototypes, chosen to be as orthogonal as can be.

Section 3.2 and Algorithm 1 of Motionformer (https://arxiv.org/abs/2106.05392); its released code where the two differ.
B batch, T frames, S patches per frame, n = T*S, H heads, K = D / H, G = B*H, R prototypes, L candidates.
"""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from models.mixers.attention import attend
from models.mixers.space import (
    Approximation,
    SpatialStage,
    by_frame,
    check_counts,
    generator_of_draws,
    in_full_precision,
    place_by_place,
    segment_means,
)
from models.tokens import Grid


class Orthoformer(SpatialStage):
    """Queries attend to prototypes, and prototypes to each frame."""

    @dataclass(frozen=True, kw_only=True)
    class Config(Approximation):
        """The ablations of Table 3, b to d, and what the released code left of Algorithm 1.

        `share_over_time`: one set of prototypes for the clip, or one a frame, from that frame, for its queries.
        `candidates`: the paper says queries and keys, the released code takes queries.
        `candidates_per_prototype`: the paper's c, of c*R candidates drawn at random, of which the most
        orthogonal are chosen; None, as released, for all.
        `matched_prototypes`: prototypes of each frame as equation 10 has them, the same on both sides.
        """

        label: ClassVar[str] = "Orthoformer"
        num_prototypes: int = 128
        selection: Literal["orthogonal", "random", "segment-means"] = "orthogonal"
        share_over_time: bool = True
        candidates: Literal["queries", "queries-and-keys"] = "queries"
        candidates_per_prototype: int | None = None
        matched_prototypes: bool = field(default=False, metadata={"omit_if": False})

        def __post_init__(self) -> None:
            """Counts are of something, and only prototypes of frames can be matched."""
            check_counts(self, "num_prototypes", "candidates_per_prototype")
            if self.matched_prototypes and self.share_over_time:
                raise ValueError("attention.approximation.matched_prototypes=True calls for share_over_time=False")

        def build(self, heads: int) -> "Orthoformer":
            """The stage."""
            return Orthoformer(self, heads)

        def num_candidates(self, grid: Grid) -> int:
            """How many vectors the prototypes of a set are chosen from."""
            tokens = grid.tokens if self.share_over_time else grid.patches
            there = tokens * (1 if self.candidates == "queries" else 2)
            if self.candidates_per_prototype is None or self.selection != "orthogonal":
                return there
            return min(there, self.candidates_per_prototype * self.num_prototypes)

        def macs(self, grid: Grid, width: int, heads: int) -> int:
            """Multiply-adds: three products with the prototypes, one with what they find, and the selection's."""
            n, T, R, D = grid.tokens, grid.frames, self.num_prototypes, width
            sets = 1 if self.share_over_time else T
            attention = 3 * sets * n * R * D + n * R * T * D
            if self.matched_prototypes:  # each frame is asked by its own prototypes, not by those of all frames
                attention -= 2 * (T - 1) * n * R * D
            steps = R - 1 if self.selection == "orthogonal" else 0
            return attention + sets * steps * self.num_candidates(grid) * D

        def check(self, grid: Grid) -> None:
            """There must be as many candidates as prototypes."""
            if self.num_candidates(grid) < self.num_prototypes:
                few = f"{self.num_prototypes} prototypes, but {self.num_candidates(grid)} candidates"
                raise ValueError(f"attention.approximation: {few}; set num_prototypes to no more than that")

    def __init__(self, config: Config, heads: int) -> None:
        super().__init__()
        self.config = config
        self.heads = heads

    def forward(self, q: Tensor, k: Tensor, v: Tensor, grid: Grid) -> Tensor:
        """Algorithm 1: attention of queries to prototypes, of prototypes to keys, and both products from the right."""
        if self.config.share_over_time:
            segments = self.config.selection == "segment-means"
            queries, keys = (place_by_place(t, grid) for t in (q, k)) if segments else (q, k)
            prototypes = self.prototypes(queries, keys, sets=1)  # (G, R, K)
            return through_prototypes(q, prototypes, by_frame(k, grid), by_frame(v, grid))
        return self.frame_by_frame(by_frame(q, grid), by_frame(k, grid), by_frame(v, grid))

    def frame_by_frame(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The same with prototypes of each frame: frames (T, G, S, K) to (T, n, G, K).

        As released: queries of frame s that look into frame t attend to the prototypes of t, but get what those of s
        found there, the first what the first found and so on. Equation 10 has one set on both sides.
        """
        T, G, _, _ = q.shape
        queries = q.flatten(0, 1)  # (T*G, S, K)
        prototypes = self.prototypes(queries, k.flatten(0, 1), sets=T).unflatten(0, (T, G))  # (T, G, R, K)
        if self.config.matched_prototypes:
            return through_prototypes(q.transpose(0, 1).flatten(1, 2), prototypes, k, v)
        asking = prototypes.transpose(0, 1).flatten(1, 2)  # (G, T*R, K)
        found = attend(asking, k, v).unflatten(1, (T, -1))  # (T, T, R, G, K): looked into, asking
        found = found.transpose(2, 3).flatten(1, 2)  # (T, T*G, R, K)
        keys = prototypes.unsqueeze(1).expand(-1, T, -1, -1, -1).flatten(1, 2)  # (T, T*G, R, K)
        y = attend(queries, keys, found)  # (T, S, T*G, K)
        return y.unflatten(2, (T, G)).transpose(1, 2).flatten(1, 2)

    @torch.no_grad()
    def prototypes(self, queries: Tensor, keys: Tensor, sets: int) -> Tensor:
        """Constants (rows, R, K) from queries and keys (rows, tokens, K), rows being sets of B clips of H heads."""
        config, R = self.config, self.config.num_prototypes
        candidates = queries if config.candidates == "queries" else torch.cat([queries, keys], dim=1)
        if config.selection == "segment-means":
            exact = torch.promote_types(candidates.dtype, torch.float32)
            return segment_means(candidates.to(exact), R).to(candidates.dtype)
        if config.selection == "random":
            return picked(candidates, self.distinct(candidates, R, sets))
        if config.candidates_per_prototype is not None:
            num_drawn = min(config.candidates_per_prototype * R, candidates.shape[1])
            candidates = picked(candidates, self.distinct(candidates, num_drawn, sets))
        first = (self.drawn(candidates, 1, sets).squeeze(1) * candidates.shape[1]).long()  # (rows,)
        chosen = most_orthogonal(candidates, first.to(candidates.device), R)
        # In the candidates' order, as released: with sets of several frames it says which prototypes belong together.
        return picked(candidates, chosen.sort(dim=1).values)

    def distinct(self, candidates: Tensor, count: int, sets: int) -> Tensor:
        """Indices (rows, count) of random candidates (rows, L, K), none twice in a row."""
        lots = self.drawn(candidates, candidates.shape[1], sets)  # (rows, L)
        return lots.topk(count, dim=1).indices.sort(dim=1).values.to(candidates.device)

    def drawn(self, candidates: Tensor, count: int, sets: int) -> Tensor:
        """Uniform numbers (rows, count); in evaluation the same for every clip."""
        generator = generator_of_draws(self.training)
        if generator is None:
            return torch.rand(len(candidates), count)
        clips = len(candidates) // (sets * self.heads)
        of_a_clip = torch.rand(sets, 1, self.heads, count, generator=generator)
        return of_a_clip.expand(-1, clips, -1, -1).flatten(0, 2)


def through_prototypes(q: Tensor, prototypes: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Equation 10 for each frame: queries (G, n, K), frames (T, G, S, K) to (T, n, G, K).

    Prototypes are (G, R, K), or (T, G, R, K) of each frame.

    The attention of queries to prototypes is the same for every frame and computed for each: the fused kernel then
    holds no map, and writes trajectories as the second stage reads them.
    """
    found = attend(prototypes, k, v).transpose(1, 2)  # (T, G, R, K)
    return attend(q, prototypes.expand(len(k), *prototypes.shape[-3:]), found)


def picked(candidates: Tensor, indices: Tensor) -> Tensor:
    """Candidates (rows, L, K) at indices (rows, R): (rows, R, K)."""
    return candidates.gather(1, indices.unsqueeze(-1).expand(-1, -1, candidates.shape[-1]))


def most_orthogonal(candidates: Tensor, first: Tensor, num_prototypes: int) -> Tensor:
    """Greedy selection: each next candidate has the smallest largest |cosine| to those before, and none comes twice.

    The largest is kept as it grows: O(L R) work, and the same choices as O(L R^2) with every cosine looked at again.

    Args:
        candidates: (rows, L, K).
        first: (rows,) index of the first of each.

    Returns:
        Indices (rows, R) in the order in which they were chosen.
    """
    with in_full_precision(candidates):
        # In half precision most choices would be others.
        exact = torch.promote_types(candidates.dtype, torch.float32)
        directions = F.normalize(candidates.to(exact), dim=-1)  # (rows, L, K)
        columns = directions.mT.contiguous()  # (rows, K, L), a layout in which the products below are ten times faster
        rows = torch.arange(len(candidates), device=candidates.device)
        largest = directions.new_zeros(directions.shape[:2])  # (rows, L)
        chosen = [first]
        for _ in range(1, num_prototypes):
            last = chosen[-1]
            to_last = torch.bmm(directions[rows, last].unsqueeze(1), columns).squeeze(1).abs_()  # (rows, L)
            torch.maximum(largest, to_last, out=largest)
            largest.scatter_(1, last.unsqueeze(1), torch.inf)  # on the device: a number to index with would wait for it
            chosen.append(largest.argmin(dim=1))
        return torch.stack(chosen, dim=1)
