"""Exchange between the two streams of a block: the interface, and lateral connections (Table 1b of CAST).

B batch, T frames, S patches per frame, N tokens, D width, H heads.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig
from models.cast.expert import Layout
from models.mixers.attention import with_zero_gradients


class Streams(NamedTuple):
    """What an exchange is built for: both layouts, the common width, and the number of heads."""

    spatial: Layout
    temporal: Layout
    width: int
    heads: int


class Updates(NamedTuple):
    """What is added to the tokens of each stream; None for nothing."""

    spatial: Tensor | None
    temporal: Tensor | None


class Exchange(nn.Module, ABC):
    """Exchange between the two streams. Both updates are computed from the same input."""

    def __init__(self, streams: Streams) -> None:
        super().__init__()
        self.spatial = streams.spatial
        self.temporal = streams.temporal
        self.heads = streams.heads

    @abstractmethod
    def forward(self, s: Tensor, t: Tensor, *, cls_only: bool = False) -> Updates:
        """Updates of the tokens of both streams.

        Args:
            s, t: tokens of the spatial and of the temporal stream, each in its layout.
            cls_only: whether the update of the spatial stream is needed for CLS alone: (B*T, 1, D).
        """

    def reset(self) -> None:
        """Initialise the parameters, after the Linear layers of the model."""

    @property
    def attentions(self) -> tuple[str, ...]:
        """Names of the attentions of which `attention_map` returns maps: "t2s", "s2t", both or none."""
        return ()

    def attention_map(self, attention: str, s: Tensor, t: Tensor, frame: int, place: int) -> Tensor:
        """Attention weights of one patch of one clip for the patches of the other stream: (H, T, S).

        Args:
            attention: one of `attentions`.
            s, t: tokens of both streams, as in `forward`, for a batch of one clip.
            frame, place: token frame of the patch and its index in the frame.
        """
        raise NotImplementedError(f"{type(self).__qualname__} has no attention")


@dataclass(frozen=True, kw_only=True)
class ExchangeConfig(CheckedConfig, ABC):
    config_path: ClassVar[str] = "model.exchange"
    label: ClassVar[str]

    @abstractmethod
    def build(self, streams: Streams) -> Exchange:
        """Exchange of one block."""

    @abstractmethod
    def macs(self, streams: Streams) -> int:
        """Multiply-adds of one block, LayerNorm included."""

    def check(self, streams: Streams) -> None:
        """Refuse settings that do not suit the streams."""


def set_to_zero(layer: nn.Linear | None) -> None:
    """Set weight and bias of a layer to zero, so that its branch adds nothing at first."""
    if layer is not None:
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)


class LateralExchange(Exchange):
    """Linear projection of each patch to the patch of the same place in the other stream. CLS is not updated."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ExchangeConfig):
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
