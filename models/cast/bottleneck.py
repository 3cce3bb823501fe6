"""Exchanges by cross-attention: B-CAST (section 3.3, equation 8 and Table 3 of CAST), and two at the full width.

The latter are baselines (Table 1c and Figure 8), which are not in the released code. The printed numbers of parameters
determine their positions: those of S2T are as in an unused class of that code, whose queries attend to all tokens of
the spatial stream.
B batch, T frames, S patches per frame, N tokens, M tokens of the other stream, D width, W = D / ratio, H heads.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import Count, Positive
from models.cast.cross_attention import CrossAttention, Window, cross_attention_macs, query_weights
from models.cast.exchange import Exchange, ExchangeConfig, Streams, Updates, set_to_zero
from models.cast.expert import Layout
from models.cast.stream import Adapter, adapter_macs
from models.mixers.attention import merge_heads, split_heads, strided_attention, with_zero_gradients

NORM_EPS = 1e-6


class BottleneckExchange(Exchange):
    """Both streams projected down, T2S and S2T cross-attention, GELU, and projections up.

    Each CLS of the spatial stream passes through the bottleneck without attention.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ExchangeConfig):
        label: ClassVar[str] = "B-CAST"
        ratio: Count = 2
        """Divisor of the width."""
        t2s: Window | None = "time"
        s2t: Window | None = "space"
        """Windows of the cross-attention of the spatial stream to the temporal one, and of the reverse; None for no
        such attention."""
        positions: bool = True
        """Whether each cross-attention has learnt positions of its own."""

        def check(self, streams: Streams) -> None:
            if streams.width % self.ratio or streams.width // self.ratio % streams.heads:
                raise ValueError(
                    f"model.exchange.ratio is {self.ratio}; a width of {streams.width} must divide by it, and the "
                    f"result into {streams.heads} heads"
                )
            if self.t2s is None and self.s2t is None:
                raise ValueError("model.exchange: t2s and s2t are both None; for no exchange set model.exchange=None")

        def build(self, streams: Streams) -> "BottleneckExchange":
            return BottleneckExchange(self, streams)

        def macs(self, streams: Streams) -> int:
            D, W = streams.width, streams.width // self.ratio
            total = 0
            windows: tuple[Window | None, Window | None] = (self.t2s, self.s2t)
            for layout, window in zip((streams.spatial, streams.temporal), windows, strict=True):
                total += layout.num_tokens * (D * W + 5 * W)
                if window is not None:
                    total += cross_attention_macs(layout.grid, W, window) + layout.num_tokens * D * W
            return total

    def __init__(self, config: Config, streams: Streams) -> None:
        super().__init__(streams)
        D, W = streams.width, streams.width // config.ratio
        grid, heads = streams.spatial.grid, streams.heads
        self.down_s = nn.Linear(D, W)
        self.down_t = nn.Linear(D, W)
        self.norm_s = nn.LayerNorm(W, eps=NORM_EPS)
        self.norm_t = nn.LayerNorm(W, eps=NORM_EPS)
        self.t2s = CrossAttention(W, heads, config.t2s, grid, positions=config.positions) if config.t2s else None
        self.s2t = CrossAttention(W, heads, config.s2t, grid, positions=config.positions) if config.s2t else None
        self.up_s = nn.Linear(W, D) if config.t2s else None
        self.up_t = nn.Linear(W, D) if config.s2t else None

    def reset(self) -> None:
        set_to_zero(self.up_s)
        set_to_zero(self.up_t)

    def forward(self, s: Tensor, t: Tensor, *, cls_only: bool = False) -> Updates:
        if cls_only and self.s2t is None:  # the temporal stream is not read
            unused = [*self.down_t.parameters(), *self.norm_t.parameters()]
            a = with_zero_gradients(self.norm_s(self.down_s(s[:, :1])), unused)
            return Updates(self._of_cls(a), None)
        a, b = self.norm_s(self.down_s(s)), self.norm_t(self.down_t(t))
        return Updates(self._of_cls(a) if cls_only else self._of_spatial(a, b), self._of_temporal(a, b))

    @property
    def attentions(self) -> tuple[str, ...]:
        return tuple(self._cross_attentions())

    def attention_map(self, attention: str, s: Tensor, t: Tensor, frame: int, place: int) -> Tensor:
        """Attention weights of one patch within its window: (H, T, S)."""
        a = self.spatial.patches(self.norm_s(self.down_s(s)))[0]  # (T, S, W)
        b = self.temporal.patches(self.norm_t(self.down_t(t)))[0]  # (T, S, W)
        queries, context = (a, b) if attention == "t2s" else (b, a)
        return self._cross_attentions()[attention].attention_map(queries, context, frame, place)

    def _cross_attentions(self) -> dict[str, CrossAttention]:
        layers = {"t2s": self.t2s, "s2t": self.s2t}
        return {name: layer for name, layer in layers.items() if layer is not None}

    def _of_spatial(self, a: Tensor, b: Tensor) -> Tensor | None:
        if self.t2s is None or self.up_s is None:
            return None
        attended = self.t2s(self.spatial.patches(a), self.temporal.patches(b))
        return self.up_s(F.gelu(self.spatial.with_patches(a, attended)))

    def _of_cls(self, a: Tensor) -> Tensor | None:
        """Update of CLS, which does not attend."""
        if self.t2s is None or self.up_s is None:
            return None
        return self.up_s(F.gelu(with_zero_gradients(a[:, :1], list(self.t2s.parameters()))))

    def _of_temporal(self, a: Tensor, b: Tensor) -> Tensor | None:
        if self.s2t is None or self.up_t is None:
            return None
        attended = self.s2t(self.temporal.patches(b), self.spatial.patches(a))
        return self.up_t(F.gelu(self.temporal.with_patches(b, attended)))


class FullWidthExchange(Exchange):
    """T2S over time and S2T over all tokens, on normalised streams, without a bottleneck. CLS is not updated."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExchangeConfig):
        label: ClassVar[str] = "X-attn."
        adapter_ratio: Positive | None = None
        """Hidden width of an adapter after each attention, relative to the width; None for none."""

        def build(self, streams: Streams) -> "FullWidthExchange":
            return FullWidthExchange(self, streams)

        def macs(self, streams: Streams) -> int:
            s, t, D = streams.spatial, streams.temporal, streams.width
            t2s = cross_attention_macs(s.grid, D, "time")
            s2t = t.num_tokens * (2 * D**2 + 2 * s.num_tokens * D) + s.num_tokens * 2 * D**2
            adapter = 0 if self.adapter_ratio is None else adapter_macs(D, self.adapter_ratio)
            return t2s + s2t + adapter * (s.grid.tokens + t.num_tokens) + 5 * D * (s.num_tokens + t.num_tokens)

    def __init__(self, config: Config, streams: Streams) -> None:
        super().__init__(streams)
        D, ratio = streams.width, config.adapter_ratio
        self.norm_s = nn.LayerNorm(D, eps=NORM_EPS)
        self.norm_t = nn.LayerNorm(D, eps=NORM_EPS)
        self.t2s = CrossAttention(D, streams.heads, "time", streams.spatial.grid, positions=True)
        self.s2t = AllTokensAttention(D, streams.heads, streams.spatial)
        self.adapter_s = None if ratio is None else Adapter(D, ratio)
        self.adapter_t = None if ratio is None else Adapter(D, ratio)

    def reset(self) -> None:
        for attention, adapter in ((self.t2s, self.adapter_s), (self.s2t, self.adapter_t)):
            set_to_zero(attention.proj if adapter is None else adapter.up)

    def forward(self, s: Tensor, t: Tensor, *, cls_only: bool = False) -> Updates:
        a, b = self.norm_s(s), self.norm_t(t)
        update_t = self.s2t(self.temporal.patches(b).flatten(1, 2), self.spatial.all_tokens(a))  # (B, T*S, D)
        if self.adapter_t is not None:
            update_t = self.adapter_t(update_t)
        of_patches = update_t.unflatten(1, (self.temporal.grid.frames, -1))
        update_t = self.temporal.with_patches(torch.zeros_like(t[:, :1]), of_patches)
        if cls_only:
            unused = [*self.t2s.parameters(), *(self.adapter_s.parameters() if self.adapter_s is not None else ())]
            return Updates(with_zero_gradients(torch.zeros_like(s[:, :1]), unused), update_t)
        update_s = self.t2s(self.spatial.patches(a), self.temporal.patches(b))
        if self.adapter_s is not None:
            update_s = self.adapter_s(update_s)
        return Updates(self.spatial.with_patches(torch.zeros_like(s[:, :1]), update_s), update_t)

    @property
    def attentions(self) -> tuple[str, ...]:
        return ("t2s", "s2t")

    def attention_map(self, attention: str, s: Tensor, t: Tensor, frame: int, place: int) -> Tensor:
        """Attention weights of one patch: (H, T, S). Those of S2T for each CLS are left out."""
        a, b = self.norm_s(s), self.norm_t(t)
        patches = self.temporal.patches(b)[0]  # (T, S, D)
        if attention == "t2s":
            return self.t2s.attention_map(self.spatial.patches(a)[0], patches, frame, place)
        weights = self.s2t.weights(patches[frame, place], self.spatial.all_tokens(a)[0])  # (H, M)
        grid = self.spatial.grid
        return weights.unflatten(1, (grid.frames, -1))[..., -grid.patches :]  # (H, T, S)


class AllTokensAttention(nn.Module):
    """Attention of the temporal stream to all tokens of the spatial one, with a position for each of the latter."""

    def __init__(self, width: int, heads: int, context: Layout) -> None:
        super().__init__()
        self.heads = heads
        self.q = nn.Linear(width, width)
        self.kv = nn.Linear(width, 2 * width)
        self.proj = nn.Linear(width, width)
        self.key_positions = nn.Parameter((width // heads) ** -0.5 * torch.randn(context.num_tokens, width))

    def forward(self, x: Tensor, context: Tensor) -> Tensor:
        """Output (B, N, D) of tokens x (B, N, D) that attend to all tokens of the other stream (B, M, D)."""
        k, v = (split_heads(y, self.heads) for y in self.kv(context + self.key_positions).chunk(2, dim=-1))
        return self.proj(merge_heads(strided_attention(split_heads(self.q(x), self.heads), k, v)))

    def weights(self, x: Tensor, context: Tensor) -> Tensor:
        """Attention weights (H, M) of one token (D) for all tokens of the other stream (M, D)."""
        keys = self.kv(context + self.key_positions).chunk(2, dim=-1)[0]  # (M, D)
        return query_weights(self.q(x), keys, self.heads)
