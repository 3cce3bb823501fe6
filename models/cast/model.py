"""CAST: two frozen experts with adapters that exchange information in every block (https://arxiv.org/abs/2311.18825).

B batch, F frames, N tokens, D width, C classes.
"""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from torch import Tensor, nn

from interface.ranges import ShareBelowOne
from interface.sizes import InputSize
from interface.targets import Targets
from models.cast.bottleneck import BottleneckExchange
from models.cast.clip_expert import ClipExpert
from models.cast.exchange import Exchange, ExchangeConfig, Streams
from models.cast.expert import NORM_MACS, Expert, ExpertConfig, ExpertsConfig, ModelOfExperts
from models.cast.frame_expert import ImageExpert
from models.cast.heads import ExpertHead, TwoExpertsHeadConfig
from models.cast.released import load_cast
from models.cast.stream import AdaptersConfig, DropUnit, Stream, reset_trained
from models.framewise.model import thinned
from models.tensors import LoadReport
from models.trunk import reset_linear

if TYPE_CHECKING:
    from models.cast.attention_maps import ExchangeMaps


class CAST(ModelOfExperts):
    """Spatial and temporal expert, whose tokens are updated from each other between the halves of each block.

    The spatial expert gives the noun and the temporal one the verb, or both give one label. If the spatial features are
    those of CLS, the last block computes CLS alone. Trained parameters that influence only its other tokens get
    gradients of zero, as in the released code.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ExpertsConfig):
        """Settings; the defaults are those of the released models."""

        config_tag = "CAST.Config"

        spatial: ExpertConfig = field(default_factory=ImageExpert.Config)
        temporal: ExpertConfig = field(default_factory=ClipExpert.Config)
        """Experts. The first attends to the second by T2S, the second to the first by S2T."""
        adapters: AdaptersConfig | None = field(default_factory=AdaptersConfig)
        """None for experts that are tuned as a whole."""
        exchange: ExchangeConfig | None = field(default_factory=BottleneckExchange.Config)
        """Exchange between the experts; None for none."""
        blocks: tuple[int, ...] | None = None
        """Indices of the blocks with an exchange; None for all."""
        head: TwoExpertsHeadConfig = field(default_factory=ExpertHead.Config)
        drop_path: ShareBelowOne = 0.2
        """Rate of stochastic depth in the last block; rates increase linearly from 0 in the first block."""
        drop_unit: DropUnit = "token"
        """What stochastic depth removes at once from a frame-wise stream. As released, the tokens of one place in all
        frames of a batch."""

        @property
        def experts(self) -> dict[str, ExpertConfig]:
            return {"spatial": self.spatial, "temporal": self.temporal}

        def check(self, size: InputSize) -> None:
            for expert in self.experts.values():
                expert.check(size)
            for name in ("width", "depth", "heads"):
                if (first := getattr(self.spatial, name)) != (second := getattr(self.temporal, name)):
                    raise ValueError(f"model: the {name} of the experts is {first} and {second}; both must be equal")
            streams = self.streams(size)
            if streams.spatial.grid != streams.temporal.grid:
                grids = f"{tuple(streams.spatial.grid)} and {tuple(streams.temporal.grid)}"
                raise ValueError(f"model: the experts have grids of {grids} patches; both must be equal")
            if self.adapters is not None:
                self.adapters.refuse_time("only an expert alone attends over time")
            if unknown := [block for block in self.connected if not 0 <= block < self.spatial.depth]:
                raise ValueError(f"model.blocks: {unknown[0]}; the model has blocks 0 to {self.spatial.depth - 1}")
            if len(set(self.connected)) != len(self.connected):
                raise ValueError(f"model.blocks is {self.blocks}; it names each block once")
            if self.exchange is not None:
                self.exchange.check(streams)
            elif self.blocks is not None:
                raise ValueError(
                    f"model.blocks is {self.blocks}, and model.exchange None; without exchange, leave it None"
                )

        @property
        def connected(self) -> tuple[int, ...]:
            """Indices of the blocks with an exchange."""
            if self.exchange is None:
                return ()
            return tuple(range(self.spatial.depth)) if self.blocks is None else self.blocks

        def streams(self, size: InputSize) -> Streams:
            """Layouts and width of both streams."""
            return Streams(
                self.spatial.layout(size), self.temporal.layout(size), self.spatial.width, self.spatial.heads
            )

        def build(self, size: InputSize, targets: Targets) -> "CAST":
            self.check(size)
            return CAST(self, size, targets)

        def macs(self, size: InputSize, targets: Targets) -> int:
            """Multiply-adds as published: all tokens of the last block are counted."""
            streams, D = self.streams(size), self.spatial.width
            experts = sum(expert.macs(size) for expert in self.experts.values())
            tokens = streams.spatial.num_tokens + streams.temporal.num_tokens
            adapters = 0 if self.adapters is None else 2 * self.spatial.depth * tokens * self.adapters.macs(D)
            exchange = 0 if self.exchange is None else len(self.connected) * self.exchange.macs(streams)
            return experts + adapters + exchange + 2 * NORM_MACS * D + self.head.macs(D, targets.classes)

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
            """Load a released checkpoint, which contains both experts."""
            return load_cast(model, path)

        def tiny(self) -> Self:
            spatial, temporal = self.spatial.tiny(), self.temporal.tiny()
            blocks = None if self.blocks is None else thinned(self.blocks, self.spatial.depth, spatial.depth)
            return replace(self, spatial=spatial, temporal=temporal, blocks=blocks, drop_path=0.0)

    def __init__(self, config: Config, size: InputSize, targets: Targets) -> None:
        super().__init__()
        self.config = config
        stream = partial(
            Stream, size=size, adapters=config.adapters, drop_path=config.drop_path, drop_unit=config.drop_unit
        )
        self.spatial = stream(config.spatial, pooling="cls" if config.spatial.framewise else "mean")
        self.temporal = stream(config.temporal, pooling="mean")
        streams, exchange = config.streams(size), config.exchange
        self.exchanges = nn.ModuleDict(
            {} if exchange is None else {str(block): exchange.build(streams) for block in config.connected}
        )
        self.head = config.head.build(config.spatial.width, targets.classes)
        for part in (self.spatial, self.temporal):
            reset_trained(part)
        for module in (*self.exchanges.values(), self.head):
            module.apply(lambda layer: reset_linear(layer, std=config.spatial.linear_std))
            module.reset()  # pyright: ignore[reportCallIssue]

    @property
    def experts(self) -> dict[str, Expert]:
        return {"spatial": self.spatial.expert, "temporal": self.temporal.expert}

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        s, t = self.spatial.embedded(clip), self.temporal.embedded(clip)
        last = len(self.spatial.drops) - 1
        for block in range(last):
            s, t = self.block(block, s, t)
        s, t = self.block(last, s, t, cls_only=self.spatial.pooling == "cls")
        return self.head(self.spatial.features(s), self.temporal.features(t))

    def block(self, block: int, s: Tensor, t: Tensor, *, cls_only: bool = False) -> tuple[Tensor, Tensor]:
        """Outputs of a block for both streams. With `cls_only`, that of the spatial one is CLS alone: (B*T, 1, D)."""
        exchange = self.exchange_of(block)
        s = self.spatial.attend(block, s, cls_only=cls_only and exchange is None)
        t = self.temporal.attend(block, t)
        if exchange is not None:
            update_s, update_t = exchange(s, t, cls_only=cls_only)
            s = self.spatial.update(block, s[:, :1] if cls_only else s, update_s)
            t = self.temporal.update(block, t, update_t)
        return self.spatial.feed(block, s), self.temporal.feed(block, t)

    def exchange_of(self, block: int) -> Exchange | None:
        """Exchange of a block; None if it has none."""
        exchange = dict(self.exchanges.items()).get(str(block))
        return exchange if isinstance(exchange, Exchange) else None

    def exchange_input(self, block: int, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Tokens of both streams at the exchange of a block, for clips (B, F, 3, height, width)."""
        s, t = self.spatial.embedded(clip), self.temporal.embedded(clip)
        for previous in range(block):
            s, t = self.block(previous, s, t)
        return self.spatial.attend(block, s), self.temporal.attend(block, t)

    def attention_maps(self) -> "ExchangeMaps":
        from models.cast.attention_maps import ExchangeMaps  # here: a training needs none

        exchanges = {block: exchange for block in self.config.connected if (exchange := self.exchange_of(block))}
        return ExchangeMaps(self.spatial, exchanges, self.exchange_input)

    def layer_of(self, parameter: str) -> int:
        """Layer of a parameter: 0 for embeddings, then a layer a block with its adapters and its exchange, then the
        norms and the head."""
        part, _, rest = parameter.partition(".")
        match part:
            case "spatial":
                return self.spatial.layer_of(rest)
            case "temporal":
                return self.temporal.layer_of(rest)
            case "exchanges":
                return int(rest.partition(".")[0]) + 1
        return len(self.spatial.drops) + 1
