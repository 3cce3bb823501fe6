"""Transformer encoder of token sequences, and of pairs of them: the models of Long Range Arena.

Section 4.2 of Motionformer (https://arxiv.org/abs/2106.05392) takes the encoder of
https://github.com/mlpen/Nystromformer. The task is https://arxiv.org/abs/2011.04006. Its attention is exact or
approximate. A baseline classifies from the first token alone, which in ListOps is the operator of the whole expression.
B batch, N tokens, D width, H heads, K = D / H, G = B*H, C classes.
"""

import contextlib
from dataclasses import dataclass, replace
from typing import Annotated, Literal, Self

import torch
from torch import Tensor, nn

from interface.ranges import Range, ShareBelowOne
from interface.sizes import InputSize, TokenSequenceSize
from interface.targets import Targets
from models.mixers.attention import split_heads
from models.mixers.trajectory_space import Approximation, ExactSpace, SpatialStage, without_autocast
from models.model import Model, ModelConfig
from models.tokens import Grid

Side = Annotated[int, Range(least=1, below=2**20)]  # of a layer; larger ones have no tensors


class SequenceAttention(nn.Module):
    """Projections around the attention of each token to all others.

    A sequence is one frame, so that the spatial stages of trajectory attention compute its attention.

    Args:
        stage: the attention between heads.
        in_float32: whether mixed precision excludes the stage.
    """

    def __init__(self, width: int, heads: int, stage: SpatialStage, *, in_float32: bool) -> None:
        super().__init__()
        self.heads = heads
        self.in_float32 = in_float32
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.stage = stage

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D); `mask` (B, N) tells tokens from padding."""
        B, N, _ = x.shape
        q, k, v = (split_heads(t, self.heads).flatten(0, 1) for t in self.qkv(x).chunk(3, dim=-1))  # (G, N, K)
        of_heads = None if mask is None else mask.repeat_interleave(self.heads, dim=0)  # (G, N)
        with without_autocast(x) if self.in_float32 else contextlib.nullcontext():
            if self.in_float32:
                q, k, v = (t.to(torch.promote_types(t.dtype, torch.float32)) for t in (q, k, v))
            (y,) = self.stage(q, k, v, Grid(1, 1, N), of_heads)  # (N, G, K)
        y = y.unflatten(1, (B, self.heads)).flatten(2).transpose(0, 1)  # (B, N, D)
        return self.proj(y.to(x.dtype))


class SequenceEncoder(Model):
    """Embeddings, pre-norm blocks, a mean over positions, and a head with a hidden layer.

    Both sequences of a pair go through the same blocks. The head gets both features, their product and difference.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """Sizes and parts of the encoder."""

        width: Side = 64
        depth: Side = 2
        heads: Side = 2
        hidden: Side = 128
        head_hidden: Side = 128
        approximation: Approximation | None = None
        """Approximation of attention; None for exact attention."""
        dropout: ShareBelowOne = 0.1
        """Rate after the embeddings, the attention and both layers of the MLP."""
        attention_dropout: ShareBelowOne = 0.1
        """Rate of dropout of the map of exact attention; approximations have none."""
        masks_zeros: bool = True
        """Whether tokens of id 0 are padding: no keys, and zeros in the mean. In images, these are black."""
        pooling: Literal["mean", "first token"] = "mean"
        """Mean over positions, or features of a first token with the last id of the vocabulary, for which the last
        token of the sequence is dropped."""
        mean_over: Literal["positions", "tokens"] = "positions"
        """Positions that the mean is divided by: all of them, or only tokens."""
        attention_in_float32: bool = True
        """Whether mixed precision excludes the attention between projections."""
        stores_map: bool = False
        """Whether attention is the published formulation, to be measured, with maps in memory. Results are equal."""

        def check(self, size: InputSize) -> None:
            if self.width % self.heads:
                raise ValueError(f"model.width is {self.width}; it does not divide into {self.heads} heads")
            sequence = TokenSequenceSize.of(size)
            if self.approximation is not None:
                self.approximation.check(grid_of(sequence))

        def build(self, size: InputSize, targets: Targets) -> "SequenceEncoder":
            self.check(size)
            return SequenceEncoder(self, TokenSequenceSize.of(size), targets.num_outputs)

        def stage(self, grid: Grid) -> SpatialStage:
            """Attention between heads of a block."""
            if self.approximation is not None:
                return self.approximation.build(self.heads, grid, stores_maps=self.stores_map)
            return ExactSpace(self.attention_dropout, stores_map=self.stores_map)

        def macs(self, size: InputSize, targets: Targets) -> int:
            """Published multiply-adds: those of the blocks for one sequence, without last LayerNorm and head."""
            grid, N, D = grid_of(TokenSequenceSize.of(size)), TokenSequenceSize.of(size).length, self.width
            attention = 2 * N**2 * D if self.approximation is None else self.approximation.macs(grid, D, self.heads)
            projections, norms = 4 * N * D**2 + 2 * N * D * self.hidden, 2 * 5 * N * D
            return self.depth * (projections + norms + attention)

        def tiny(self) -> Self:
            return replace(self, approximation=self.approximation.tiny()) if self.approximation is not None else self

    def __init__(self, config: Config, size: TokenSequenceSize, num_outputs: int) -> None:
        super().__init__()
        self.config, self.size = config, size
        D = config.width
        self.tokens = nn.Embedding(size.vocabulary, D)
        self.positions = nn.Parameter(torch.empty(size.length, D))
        for weight in (self.tokens.weight, self.positions):
            nn.init.normal_(weight, std=0.02)
        self.dropout = nn.Dropout(config.dropout)
        self.blocks = nn.ModuleList(SequenceBlock(config, grid_of(size)) for _ in range(config.depth))
        self.norm = nn.LayerNorm(D)
        self.head = nn.Sequential(
            nn.Linear(4 * D if size.pair else D, config.head_hidden),
            nn.ReLU(),
            nn.Linear(config.head_hidden, num_outputs),
        )

    def forward(self, *ids: Tensor) -> Tensor:
        """Logits (B, C) of token ids (B, N), or of two such tensors for pairs."""
        if not self.size.pair:
            return self.head(self.features(*ids))
        a, b = self.features(torch.cat(ids)).chunk(2)  # (B, D) each
        return self.head(torch.cat([a, b, a * b, a - b], dim=1))

    def features(self, ids: Tensor) -> Tensor:
        """Features (B, D) of sequences of token ids (B, N)."""
        if self.config.pooling == "first token":
            first = torch.full_like(ids[:, :1], self.size.vocabulary - 1)
            ids = torch.cat([first, ids[:, :-1]], dim=1)
        mask = ids != 0 if self.config.masks_zeros else None  # (B, N)
        x = self.dropout(self.tokens(ids) + self.positions)  # (B, N, D)
        for block in self.blocks:
            x = block(x, mask)
        x = self.norm(x)
        return x[:, 0] if self.config.pooling == "first token" else self.mean(x, mask)

    def mean(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Mean (B, D) of tokens (B, N, D) over positions, in which padding counts as zeros."""
        if mask is None:
            return x.mean(dim=1)
        total = torch.einsum("bnd,bn->bd", x, mask.to(x.dtype))
        if self.config.mean_over == "positions":
            return total / x.shape[1]
        return total / mask.sum(dim=1, keepdim=True).clamp(min=1)


class SequenceBlock(nn.Module):
    """Attention, then an MLP, each with a LayerNorm before it and a residual connection around it."""

    def __init__(self, config: SequenceEncoder.Config, grid: Grid) -> None:
        super().__init__()
        D = config.width
        self.attention_norm = nn.LayerNorm(D)
        self.attention = SequenceAttention(D, config.heads, config.stage(grid), in_float32=config.attention_in_float32)
        self.attention_drop = nn.Dropout(config.dropout)
        self.mlp_norm = nn.LayerNorm(D)
        self.mlp = nn.Sequential(
            nn.Linear(D, config.hidden),
            nn.GELU(),
            nn.Dropout(config.dropout),
            nn.Linear(config.hidden, D),
            nn.Dropout(config.dropout),
        )

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """Tokens (B, N, D) of tokens x (B, N, D)."""
        x = x + self.attention_drop(self.attention(self.attention_norm(x), mask))
        return x + self.mlp(self.mlp_norm(x))


def grid_of(size: TokenSequenceSize) -> Grid:
    """Grid of a sequence: one frame with one row."""
    return Grid(1, 1, size.length)


class FirstToken(Model):
    """A table from the first token to logits; of pairs, the sum of two tables."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        def check(self, size: InputSize) -> None:
            TokenSequenceSize.of(size)

        def build(self, size: InputSize, targets: Targets) -> "FirstToken":
            return FirstToken(TokenSequenceSize.of(size), targets.num_outputs)

    def __init__(self, size: TokenSequenceSize, num_outputs: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size.vocabulary, num_outputs) for _ in range(1 + size.pair))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, *ids: Tensor) -> Tensor:
        """Logits (B, C) of token ids (B, N), or of two such tensors for pairs."""
        logits = [table(tokens[:, 0]) for table, tokens in zip(self.tables, ids, strict=True)]  # (B, C) each
        return torch.stack(logits).sum(dim=0)
