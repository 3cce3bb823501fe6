"""B-CAST: cross-attention in a bottleneck (section 3.3, equation 8 and Table 3 of CAST).

B batch, T frames, S patches per frame, N tokens, D width, W = D / ratio, H heads.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch.nn.functional as F
from torch import Tensor, nn

from models.cast.attention_window import Window
from models.cast.cross_attention import CrossAttention, cross_attention_macs
from models.cast.exchange import Exchange, ExchangeConfig, Streams, Updates, set_to_zero
from models.mixers.attention import with_zero_gradients
from models.model import check_range

NORM_EPS = 1e-6


class BottleneckExchange(Exchange):
    """Both streams projected down, T2S and S2T cross-attention, GELU, and projections up.

    Each CLS of the spatial stream passes through the bottleneck without attention.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ExchangeConfig):
        """Settings.

        `ratio`: divisor of the width.
        `t2s`, `s2t`: windows of the cross-attention of the spatial stream to the temporal one, and of the reverse; None
            for no such attention.
        `positions`: whether each cross-attention has learnt positions of its own.
        """

        label: ClassVar[str] = "B-CAST"
        ratio: int = 2
        t2s: Window | None = "time"
        s2t: Window | None = "space"
        positions: bool = True

        def check(self, streams: Streams) -> None:
            check_range("model.exchange.ratio", self.ratio, least=1)
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
