"""bLVNet-TAM: a big and a little branch on alternate frames, and depthwise temporal aggregation.

Follows "More Is Less" (https://arxiv.org/abs/1912.00869) and its released code.
B batch, F frames, P = F / 2 pairs of frames, W channels.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import Count, Range, ShareBelowOne
from interface.sizes import ClipSize, InputSize
from interface.targets import Targets
from models.baselines.depthwise_time import DepthwiseTimeConvolution
from models.model import Model, ModelConfig

if TYPE_CHECKING:
    from timm.models.resnet import Bottleneck

EXPANSION = 4  # output channels of a bottleneck / its inner channels


class BLVNet(Model):
    """ResNet whose stages see the second frame of each pair at half resolution and the first one with fewer channels.

    Both frames of a pair continue with the sum of both branches. The last stage sees each pair once.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """bLVNet-TAM-50-a2-b4."""

        width: Count = 64
        """Number of channels of the stem."""
        blocks: Annotated[tuple[int, int, int, int], Range(least=2)] = (3, 4, 6, 3)
        """Number of bottlenecks of each stage, with that of the fusion."""
        alpha: Count = 2
        beta: Count = 4
        """Channels and bottlenecks of the big branch / those of the little branch."""
        dropout: ShareBelowOne = 0.5
        """Rate before the classifier."""

        def check(self, size: InputSize) -> None:
            clip = ClipSize.of(size)
            if self.width % self.alpha:
                raise ValueError(f"model.alpha is {self.alpha}; it must divide the width {self.width}")
            if clip.frames % 2:
                raise ValueError(f"clip: {clip.frames} frames; bLVNet takes pairs of frames")

        def build(self, size: InputSize, targets: Targets) -> "BLVNet":
            self.check(size)
            return BLVNet(self, targets.num_outputs)

        def tiny(self) -> Self:
            return replace(self, width=self.width // 8, blocks=(2, 2, 2, 2))

    def __init__(self, config: Config, num_classes: int) -> None:
        super().__init__()
        width, alpha = config.width, config.alpha
        little = width // alpha
        self.stem = convolution(3, width, 7, stride=2)
        self.pairs = BigLittle(
            width,
            big=convolution(width, width, 3, stride=2, activation=False),
            little=nn.Sequential(
                convolution(width, little, 3),
                convolution(little, little, 3, stride=2),
                convolution(little, width, 1, activation=False),
            ),
            fusion=convolution(width, width, 1),
        )
        widths = [width, *(EXPANSION * width * 2**stage for stage in range(4))]
        self.stages = nn.ModuleList(
            big_little_stage(widths[stage], widths[stage + 1], config.blocks[stage], config, stride=stride)
            for stage, stride in enumerate((2, 2, 1))
        )
        self.last_stage = nn.Sequential(
            AggregatedBottleneck(widths[3], widths[4], stride=2),
            *(AggregatedBottleneck(widths[4], widths[4]) for _ in range(config.blocks[3] - 1)),
        )
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(widths[4], num_classes)
        self.apply(reset_convolution)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width), the mean over the pairs of frames."""
        frames = self.stem(clip.flatten(0, 1)).unflatten(0, clip.shape[:2])  # (B, F, W, height, width)
        pairs = self.pairs(frames)  # (B, P, W, height, width)
        for stage in self.stages:
            pairs = stage(pairs.repeat_interleave(2, dim=1))
        features = self.last_stage(pairs).mean(dim=(3, 4))  # (B, P, W)
        return self.classifier(self.dropout(features)).mean(dim=1)


class TemporalAggregation(nn.Module):
    """ReLU of the weighted sum of three frames, with weights of each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = DepthwiseTimeConvolution(torch.randn(3, width) * (2 / width) ** 0.5)

    def forward(self, frames: Tensor) -> Tensor:
        """Aggregated frames (B, F, W, height, width)."""
        return F.relu(self.convolution(frames))


class BigLittle(nn.Module):
    """Temporal aggregation, two branches on alternate frames, and the fusion of their sum.

    Args:
        big: applied to the second frame of each pair. Its output is enlarged to that of `little`.
        little: applied to the first frame of each pair.
        fusion: applied to the ReLU of the sum of both.
    """

    def __init__(self, width: int, *, big: nn.Module, little: nn.Module, fusion: nn.Module) -> None:
        super().__init__()
        self.aggregate = TemporalAggregation(width)
        self.big, self.little, self.fusion = big, little, fusion

    def forward(self, frames: Tensor) -> Tensor:
        """Pairs (B, P, W, height, width) of frames (B, F, W, height, width)."""
        frames = self.aggregate(frames)
        little = self.little(frames[:, 0::2].flatten(0, 1))  # (B*P, W, height, width)
        big = self.big(frames[:, 1::2].flatten(0, 1))  # (B*P, W, height / 2, width / 2)
        big = F.interpolate(big, size=little.shape[2:])  # (B*P, W, height, width)
        return self.fusion(F.relu(big + little)).unflatten(0, (len(frames), -1))  # (B, P, W, height, width)


def big_little_stage(width_in: int, width: int, num_blocks: int, config: BLVNet.Config, *, stride: int) -> BigLittle:
    """Stage of ResNet with a big and a little branch.

    Args:
        num_blocks: number of bottlenecks of the big branch and the fusion.
        stride: stride of the fusion.
    """
    big = bottlenecks(width_in, width, num_blocks - 1, stride=2)
    big[-1].act3 = nn.Identity()  # the sum of both branches has the activation
    little = width // config.alpha
    return BigLittle(
        width_in,
        big=big,
        little=nn.Sequential(
            bottlenecks(width_in, little, max(1, num_blocks // config.beta - 1)),
            convolution(little, width, 1, activation=False),
        ),
        fusion=bottleneck(width, width, stride),
    )


class AggregatedBottleneck(nn.Module):
    """Bottleneck of ResNet on aggregated frames. A shortcut without layers passes by the aggregation too."""

    def __init__(self, width_in: int, width: int, *, stride: int = 1) -> None:
        super().__init__()
        self.aggregate = TemporalAggregation(width_in)
        self.shortcut = shortcut(width_in, width, stride)
        inner = width // EXPANSION
        self.branch = nn.Sequential(
            convolution(width_in, inner, 1),
            convolution(inner, inner, 3, stride=stride),
            convolution(inner, width, 1, activation=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Output (B, T, W, height, width) for frames (B, T, W, height, width)."""
        aggregated = self.aggregate(x).flatten(0, 1)  # (B*T, W, height, width)
        kept = x.flatten(0, 1) if self.shortcut is None else self.shortcut(aggregated)  # (B*T, W, height, width)
        return F.relu(self.branch(aggregated) + kept).unflatten(0, x.shape[:2])


def bottlenecks(width_in: int, width: int, number: int, *, stride: int = 1) -> nn.Sequential:
    """Bottlenecks in sequence, the first with a stride."""
    first = bottleneck(width_in, width, stride)
    return nn.Sequential(first, *(bottleneck(width, width) for _ in range(number - 1)))


def bottleneck(width_in: int, width: int, stride: int = 1) -> "Bottleneck":
    """Bottleneck of ResNet, with average pooling in the shortcut if it has a stride."""
    from timm.models.resnet import Bottleneck  # here: timm takes a second to import, tables are resolved without it

    return Bottleneck(width_in, width // EXPANSION, stride, shortcut(width_in, width, stride))


def shortcut(width_in: int, width: int, stride: int) -> nn.Module | None:
    """Shortcut that changes the size or the channels; None if it changes neither."""
    pool = [nn.AvgPool2d(3, stride=stride, padding=1)] if stride > 1 else []
    project = [convolution(width_in, width, 1, activation=False)] if width_in != width else []
    return nn.Sequential(*pool, *project) if pool or project else None


def convolution(width_in: int, width: int, kernel: int, *, stride: int = 1, activation: bool = True) -> nn.Sequential:
    """Convolution with batch normalisation and, by default, ReLU."""
    layers = [nn.Conv2d(width_in, width, kernel, stride=stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(width)]
    return nn.Sequential(*layers, nn.ReLU(inplace=True)) if activation else nn.Sequential(*layers)


def reset_convolution(module: nn.Module) -> None:
    """Initialise a convolution as released."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
