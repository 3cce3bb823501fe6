"""Cross-attention at the full width of the streams: two baselines of B-CAST (Table 1c and Figure 8 of CAST).

They are not in the released code. The printed numbers of parameters determine their positions: those of S2T are as in
an unused class of that code, whose queries attend to all tokens of the spatial stream.
B batch, T frames, S patches per frame, N tokens, M tokens of the other stream, D width, H heads.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.cast.adapter import Adapter
from models.cast.cross_attention import CrossAttention, cross_attention_macs, query_weights
from models.cast.exchange import Exchange, ExchangeConfig, Streams, Updates, set_to_zero
from models.cast.layout import Layout
from models.mixers.attention import merge_heads, split_heads, strided_attention, with_zero_gradients
from models.model import check_range

NORM_EPS = 1e-6


class FullWidthExchange(Exchange):
    """T2S over time and S2T over all tokens, on normalised streams, without a bottleneck. CLS is not updated."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExchangeConfig):
        """`adapter_ratio`: hidden width of an adapter after each attention, relative to the width; None for none."""

        label: ClassVar[str] = "X-attn."
        adapter_ratio: float | None = None

        def check(self, streams: Streams) -> None:
            check_range("model.exchange.adapter_ratio", self.adapter_ratio, least=0, exclusive=True)

        def hidden(self, width: int) -> int | None:
            return None if self.adapter_ratio is None else max(1, int(width * self.adapter_ratio))

        def build(self, streams: Streams) -> "FullWidthExchange":
            return FullWidthExchange(self, streams)

        def macs(self, streams: Streams) -> int:
            s, t, D = streams.spatial, streams.temporal, streams.width
            t2s = cross_attention_macs(s.grid, D, "time")
            s2t = t.num_tokens * (2 * D**2 + 2 * s.num_tokens * D) + s.num_tokens * 2 * D**2
            adapters = 2 * D * (self.hidden(D) or 0) * (s.grid.tokens + t.num_tokens)
            return t2s + s2t + adapters + 5 * D * (s.num_tokens + t.num_tokens)

    def __init__(self, config: Config, streams: Streams) -> None:
        super().__init__(streams)
        D, hidden = streams.width, config.hidden(streams.width)
        self.norm_s = nn.LayerNorm(D, eps=NORM_EPS)
        self.norm_t = nn.LayerNorm(D, eps=NORM_EPS)
        self.t2s = CrossAttention(D, streams.heads, "time", streams.spatial.grid, positions=True)
        self.s2t = AllTokensAttention(D, streams.heads, streams.spatial)
        self.adapter_s = None if hidden is None else Adapter(D, hidden)
        self.adapter_t = None if hidden is None else Adapter(D, hidden)

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
