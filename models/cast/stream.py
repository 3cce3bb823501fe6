"""Stream: an expert with its adapters, as one of two or alone (sections 3.1 and 3.2 of CAST).

B batch, F frames, T token frames, N tokens, D width.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig, Positive, PositiveOrZero
from interface.sizes import InputSize
from models.block import DropPath
from models.cast.expert import ExpertConfig, Layout
from models.cast.frame_expert import FrameExpert
from models.trunk import reset_linear

# What is dropped at once in a frame-wise layout: the tokens of a clip, or those of one place in all frames of a batch.
DropUnit = Literal["token", "sample"]
Pooling = Literal["cls", "mean"]


class StreamDropPath(DropPath):
    """Stochastic depth in the layout of a stream."""

    def __init__(self, rate: float, layout: Layout, unit: DropUnit) -> None:
        super().__init__(rate)
        self.layout = layout
        self.unit = unit

    def scales(self, x: Tensor) -> Tensor:
        """Factors of a branch x in the layout. A part of its tokens from the first on is also accepted."""
        if not self.layout.framewise:
            return super().scales(x)
        if self.unit == "token":
            return self.drawn(x, 1, x.shape[1], 1)
        frames = self.layout.grid.frames
        return torch.repeat_interleave(self.drawn(x, len(x) // frames, 1, 1), frames, dim=0)


def adapter_width(width: int, ratio: float) -> int:
    return max(1, int(width * ratio))


def adapter_macs(width: int, ratio: float) -> int:
    return 2 * width * adapter_width(width, ratio)


class Adapter(nn.Module):
    """Two layers with GELU as in AIM (https://arxiv.org/abs/2302.03024): W_U gelu(W_D x), equation 2 of CAST.

    Its initial output is zero. `ratio`: hidden width, relative to the width.
    """

    def __init__(self, width: int, ratio: float) -> None:
        super().__init__()
        hidden = adapter_width(width, ratio)
        self.down = nn.Linear(width, hidden)
        self.up = nn.Linear(hidden, width)
        self.activation = nn.GELU()

    def reset(self) -> None:
        """Set the output to zero."""
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Output (..., D) of x (..., D)."""
        return self.up(self.activation(self.down(x)))


@dataclass(frozen=True, kw_only=True)
class AdaptersConfig(CheckedConfig):
    """Adapters of an expert: one after the attention and one beside the MLP of each block."""

    config_path: ClassVar[str] = "model.adapters"

    ratio: Positive = 0.25
    """Hidden width, relative to the width."""
    mlp_scale: PositiveOrZero = 0.5
    """Factor of the output of the adapter beside the MLP. The paper has none (1.0)."""
    in_time: bool = False
    """Whether a frame-wise expert also attends over time, as in AIM: with the weights of its attention within frames,
    and an adapter of its own."""
    time_positions: bool = False
    """Whether it then learns positions in time, as in AIM. In the released code they are frozen at zero."""

    def refuse_time(self, reason: str) -> None:
        for name in ("in_time", "time_positions"):
            if getattr(self, name):
                raise ValueError(f"{self.config_path}.{name} is True; {reason}")

    def macs(self, width: int) -> int:
        return adapter_macs(width, self.ratio)


class Stream(nn.Module):
    """Expert with adapters. Without adapters, all its parameters are trained.

    With adapters, the expert is frozen except for its last LayerNorm, and stochastic depth applies to the adapters
    beside the MLPs alone. Without adapters, it applies to both branches of a block.

    Args:
        pooling: what the features are the mean of: the CLS of all frames, or all patches.
        drop_path: rate of stochastic depth in the last block; rates increase linearly from 0 in the first block.
    """

    def __init__(
        self,
        config: ExpertConfig,
        size: InputSize,
        adapters: AdaptersConfig | None,
        *,
        pooling: Pooling,
        drop_path: float,
        drop_unit: DropUnit,
    ) -> None:
        super().__init__()
        self.expert = config.build(size)
        self.layout = self.expert.layout
        self.pooling: Pooling = pooling
        self.mlp_scale = 0.0 if adapters is None else adapters.mlp_scale
        width = config.width
        rates = torch.linspace(0, drop_path, config.depth, device="cpu").tolist()
        self.drops = nn.ModuleList(StreamDropPath(rate, self.layout, drop_unit) for rate in rates)
        self.attention_adapters = self._adapters(adapters, width)
        self.mlp_adapters = self._adapters(adapters, width)
        in_time = adapters is not None and adapters.in_time
        self.time_adapters = self._adapters(adapters, width) if in_time else None
        learns_time = adapters is not None and adapters.time_positions
        self.time_positions = nn.Parameter(torch.zeros(1, self.layout.grid.frames, width)) if learns_time else None
        if adapters is not None:
            self.expert.requires_grad_(False)
            self.expert.norm.requires_grad_(True)

    def _adapters(self, config: AdaptersConfig | None, width: int) -> nn.ModuleList | None:
        return None if config is None else nn.ModuleList(Adapter(width, config.ratio) for _ in self.drops)

    def embedded(self, clip: Tensor) -> Tensor:
        """Input tokens of the first block for clips (B, F, 3, height, width)."""
        return self.expert.embedded(clip, self.time_positions)

    def attend(self, block: int, x: Tensor, *, cls_only: bool = False) -> Tensor:
        """First half of a block: tokens plus attention. Of CLS alone: (B*T, 1, D)."""
        own = self.expert.block(block)
        if self.time_adapters is not None:
            assert isinstance(self.expert, FrameExpert)
            over_time = self.expert.attention_over_time(block, own.attention_norm(x))
            x = x + self.drops[block](self.time_adapters[block](over_time))
        normalised = own.attention_norm(x)
        branch = self.expert.cls_attention(block, normalised) if cls_only else own.attention(normalised)
        x = x[:, :1] if cls_only else x
        if self.attention_adapters is None:
            return x + self.drops[block](branch)
        return x + branch + self.attention_adapters[block](branch)

    def update(self, block: int, x: Tensor, update: Tensor | None) -> Tensor:
        return x if update is None else x + self.drops[block](update)

    def feed(self, block: int, x: Tensor) -> Tensor:
        """Second half of a block: tokens plus MLP, for all tokens or some of them."""
        own = self.expert.block(block)
        normalised = own.mlp_norm(x)
        branch = own.mlp(normalised)
        if self.mlp_adapters is None:
            return x + self.drops[block](branch)
        return x + branch + self.drops[block](self.mlp_scale * self.mlp_adapters[block](normalised))

    def features(self, x: Tensor) -> Tensor:
        """Features (B, D): the normalised mean of CLS over the frames, or of all patches."""
        if self.pooling == "cls":
            return self.expert.norm(x[:, 0].unflatten(0, (-1, self.layout.grid.frames)).mean(dim=1))
        return self.expert.norm(self.layout.patches(x).mean(dim=(1, 2)))

    def layer_of(self, parameter: str) -> int:
        """Layer of a parameter of the stream: 0 for embeddings, 1 to the depth for blocks."""
        part, _, rest = parameter.partition(".")
        if part == "expert":
            return self.expert.layer_of(rest)
        return 0 if part == "time_positions" else int(rest.partition(".")[0]) + 1


def reset_trained(stream: Stream) -> None:
    """Initialise the adapters of a stream. Their output is zero at first."""
    for module in stream.modules():
        if isinstance(module, Adapter):
            module.apply(lambda layer: reset_linear(layer, std=0.02))
            module.reset()
