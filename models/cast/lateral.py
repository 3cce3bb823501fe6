"""Lateral connections: the layer-wise baseline of Table 1b of CAST, without attention.

B batch, T frames, S patches per frame, D width.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from models.cast.exchange import Exchange, ExchangeConfig, Streams, Updates, set_to_zero
from models.mixers.attention import with_zero_gradients


class LateralExchange(Exchange):
    """Linear projection of each patch to the patch of the same place in the other stream. CLS is not updated."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExchangeConfig):
        """No options."""

        label: ClassVar[str] = "Lateral"

        def build(self, streams: Streams) -> "LateralExchange":
            return LateralExchange(streams)

        def macs(self, streams: Streams) -> int:
            return (streams.spatial.grid.tokens + streams.temporal.grid.tokens) * streams.width**2

    def __init__(self, streams: Streams) -> None:
        super().__init__(streams)
        self.to_s = nn.Linear(streams.width, streams.width)
        self.to_t = nn.Linear(streams.width, streams.width)

    def reset(self) -> None:
        set_to_zero(self.to_s)
        set_to_zero(self.to_t)

    def forward(self, s: Tensor, t: Tensor, *, cls_only: bool = False) -> Updates:
        update_t = self.temporal.with_patches(torch.zeros_like(t[:, :1]), self.to_t(self.spatial.patches(s)))
        zeros = torch.zeros_like(s[:, :1])
        if cls_only:
            return Updates(with_zero_gradients(zeros, list(self.to_s.parameters())), update_t)
        return Updates(self.spatial.with_patches(zeros, self.to_s(self.temporal.patches(t))), update_t)
