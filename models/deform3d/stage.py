"""Transformer block of three stages: 3D deformable attention, joint stride attention, temporal stride attention.

Algorithms A1 to A3 of the supplementary of https://arxiv.org/abs/2212.05638. Each stage is an attention with a residual
connection, then a feed-forward network with one: Y = X + MSA(X Wq, X~ Wk, X~ Wv), then Y + FFN(LN(Y)).
B batch, T frames, S cells per frame, R joints, D width, H heads, K = D / H, G groups of tokens that attend to each
other, n queries, L keys.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from models.block import DropPath
from models.mixers.attention import merge_heads, split_heads
from models.tokens import Grid

# Where the windows of a token are averaged. "after FFN", as written: each copy of the token passes through the
# feed-forward network. "before FFN": the outputs of attention are averaged, and the token passes through it once.
Merge = Literal["before FFN", "after FFN"]
StageName = Literal["deformable", "joint", "temporal"]
# CLS of the third stage: that of the second ("chain"), or that of the first, of which the second reads a copy ("copy").
ClsRoute = Literal["chain", "copy"]


class Tokens(NamedTuple):
    """Tokens by frame. Those of a modality that the model does not read are None.

    `rgb` (B, T, S, D), `pose` (B, T, R, D), `of_rgb`, `of_pose`, `cls` (B, T, 1, D): Z, P, and the modal tokens M_RGB,
        M_pose and M_CLS of the paper.
    """

    grid: Grid
    rgb: Tensor | None
    pose: Tensor | None
    of_rgb: Tensor | None
    of_pose: Tensor | None
    cls: Tensor
    has_place: Tensor | None
    """Whether a joint has a place, (B, T, R). A joint without one is not read by other tokens."""

    @property
    def modal(self) -> list[Tensor]:
        """Modal tokens, CLS last."""
        return [each for each in (self.of_rgb, self.of_pose, self.cls) if each is not None]

    @property
    def parts(self) -> dict[str, Tensor]:
        """All tokens by name, in the paper's order [Z, P, M_RGB, M_pose, M_CLS]."""
        named = {name: getattr(self, name) for name in ("rgb", "pose", "of_rgb", "of_pose", "cls")}
        return {name: part for name, part in named.items() if part is not None}

    def updated(self, names: list[str], x: Tensor) -> "Tokens":
        """Tokens with the parts of these names in place of their own, next to each other in x (B, T, n, D)."""
        parts = x.split([self.parts[name].shape[2] for name in names], dim=2)
        return self._replace(**dict(zip(names, parts, strict=True)))  # pyright: ignore[reportArgumentType]


@dataclass(frozen=True, kw_only=True)
class StageSettings:
    """Settings that all stages share."""

    width: int
    heads: int
    hidden: int
    """Width of the feed-forward network within."""
    pre_norm: bool
    merge: Merge
    drop_path: float = 0.0

    def macs(self, tokens: int, pairs: int, *, queries: int | None = None, fed: int | None = None) -> int:
        """Multiply-adds of a stage.

        Args:
            tokens: number of tokens that are projected to keys and values.
            pairs: number of pairs of a query and a key.
            queries: number of tokens that are projected to queries; None for all.
            fed: number of tokens that pass through the feed-forward network; None for as many as queries.
        """
        queries = tokens if queries is None else queries
        fed = queries if fed is None else fed
        D = self.width
        norms = 5 * D * (fed + self.pre_norm * tokens)
        return (queries + 2 * tokens) * D**2 + 2 * pairs * D + fed * D**2 + 2 * fed * D * self.hidden + norms


class MultiHeadAttention(nn.Module):
    """Softmax attention of tokens to others."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)

    def attended(self, q: Tensor, kv: Tensor, read: Tensor | None = None) -> Tensor:
        """Sums of values (G, n, D), before the last projection, of queries q (G, n, D), keys and values kv (G, L, 2D).

        Args:
            read: which keys are read, (G, L); None for all. No map of queries and keys is stored.
        """
        k, v = kv.chunk(2, dim=-1)
        heads = [split_heads(x, self.heads) for x in (q, k, v)]  # (G, H, n or L, K)
        mask = None if read is None else read[:, None, None]  # (G, 1, 1, L)
        return merge_heads(F.scaled_dot_product_attention(*heads, attn_mask=mask))  # (G, n, D)

    def weights(self, q: Tensor, kv: Tensor, read: Tensor | None = None) -> Tensor:
        """Attention weights (G, H, n, L) of queries q (G, n, D), for a few queries."""
        k, _ = kv.chunk(2, dim=-1)
        queries, keys = split_heads(q, self.heads), split_heads(k, self.heads)
        scores = queries @ keys.mT * queries.shape[-1] ** -0.5  # (G, H, n, L)
        if read is not None:
            scores = scores.masked_fill(~read[:, None, None], float("-inf"))
        return scores.softmax(dim=-1)


class FeedForward(nn.Module):
    """LayerNorm and two layers with GELU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Output of tokens (..., D)."""
        return self.down(F.gelu(self.up(self.norm(x))))


class Stage(nn.Module):
    """Attention, feed-forward network and stochastic depth of a stage."""

    def __init__(self, settings: StageSettings) -> None:
        super().__init__()
        # Differs from the paper: it writes no LayerNorm before attention. Without it, deep models train badly.
        self.norm = nn.LayerNorm(settings.width) if settings.pre_norm else nn.Identity()
        self.attention = MultiHeadAttention(settings.width, settings.heads)
        self.feed = FeedForward(settings.width, settings.hidden)
        self.drop = DropPath(settings.drop_path)
        self.merge: Merge = settings.merge


class Block(nn.Module):
    """Stages in order, any of which may be absent."""

    def __init__(self, stages: dict[StageName, Stage], cls_route: ClsRoute) -> None:
        super().__init__()
        self.stages = nn.ModuleDict({**stages})
        self.cls_route: ClsRoute = cls_route

    def stage(self, name: str) -> Stage:
        stage = self.stages[name]
        assert isinstance(stage, Stage)
        return stage

    @property
    def heads(self) -> int:
        return self.stage(next(iter(self.stages))).attention.heads

    def forward(self, tokens: Tokens) -> Tokens:
        for name in self.stages:
            tokens = self.after(name, tokens)
        return tokens

    def after(self, name: str, tokens: Tokens) -> Tokens:
        """Tokens after a stage, given those before it."""
        new = self.stages[name](tokens)
        return new._replace(cls=tokens.cls) if name == "joint" and self.cls_route == "copy" else new

    def before(self, name: str, tokens: Tokens) -> Tokens:
        """Tokens before a stage, given those before the block."""
        for previous in self.stages:
            if previous == name:
                break
            tokens = self.after(previous, tokens)
        return tokens
