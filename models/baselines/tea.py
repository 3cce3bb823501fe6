"""TEA: Res2Net with motion excitation and multiple temporal aggregation.

Follows TEA (https://arxiv.org/abs/2004.01398) and its released code. B batch, T frames, W channels.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.ranges import Count, ShareBelowOne
from interface.sizes import ClipSize, InputSize
from interface.targets import Targets
from models.baselines.depthwise_time import DepthwiseTimeConvolution, identity, shift
from models.model import Model, ModelConfig

if TYPE_CHECKING:
    from timm.models.res2net import Bottle2neck

BASE_WIDTH, SCALES = 26, 4  # of Res2Net: channels of a scale for 64 channels of the stage, and number of scales


class TEA(Model):
    """Res2Net on each frame, whose blocks see motion and neighbouring frames. Logits are the mean over the frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """TEA-R50, on Res2Net-50 of 26w x 4s."""

        width: Count = 64
        """Number of channels of the first stage."""
        blocks: tuple[Count, Count, Count, Count] = (3, 4, 6, 3)
        """Number of blocks of each stage."""
        reduction: Count = 16
        """Channels of a block / channels that motion is computed from."""
        dropout: ShareBelowOne = 0.5
        """Rate before the classifier."""

        def check(self, size: InputSize) -> None:
            ClipSize.of(size)
            if SCALES * self.scale_width < self.reduction:
                raise ValueError(f"model.reduction is {self.reduction}; a width of {self.width} leaves no channels")

        @property
        def scale_width(self) -> int:
            return self.width * BASE_WIDTH // 64

        def build(self, size: InputSize, targets: Targets) -> "TEA":
            self.check(size)
            return TEA(self, ClipSize.of(size).frames, targets.num_outputs)

        def tiny(self) -> Self:
            return replace(self, width=self.width // 4, blocks=(1, 1, 1, 1))

    def __init__(self, config: Config, frames: int, num_classes: int) -> None:
        from timm.models.res2net import Bottle2neck  # here: timm takes a second to import
        from timm.models.resnet import ResNet

        super().__init__()
        self.frames = frames
        self.frame_model = ResNet(
            Bottle2neck,  # pyright: ignore[reportArgumentType]: as timm itself builds its Res2Nets
            config.blocks,
            num_classes,
            base_width=BASE_WIDTH,
            channels=tuple(config.width * 2**stage for stage in range(4)),
            drop_rate=config.dropout,
            block_args={"scale": SCALES},
        )
        for stage in (f"layer{number}" for number in range(1, 5)):
            blocks = (TemporalBlock(block, frames, config.reduction) for block in getattr(self.frame_model, stage))
            setattr(self.frame_model, stage, nn.Sequential(*blocks))

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, T, 3, height, width)."""
        if clip.shape[1] != self.frames:
            raise ValueError(f"clip: {clip.shape[1]} frames; the model was built for {self.frames}")
        return self.frame_model(clip.flatten(0, 1)).unflatten(0, clip.shape[:2]).mean(dim=1)


class TemporalBlock(nn.Module):
    """Block of Res2Net with motion excitation, and a convolution over time before the one over space of each scale.

    Args:
        block: block of Res2Net, whose layers become those of this block.
        frames: number of frames of a clip.
    """

    def __init__(self, block: "Bottle2neck", frames: int, reduction: int) -> None:
        super().__init__()
        self.block, self.frames = block, frames
        self.excite = MotionExcitation(block.scale * block.width, reduction)
        initial = [*(identity(block.width) for _ in block.convs), shift(block.width)]
        self.over_time = nn.ModuleList(map(DepthwiseTimeConvolution, initial))

    def forward(self, x: Tensor) -> Tensor:
        """Output (B*T, W, height, width) for frames (B*T, W, height, width)."""
        block = self.block
        inner = block.relu(block.bn1(block.conv1(x))).unflatten(0, (-1, self.frames))  # (B, T, W, height, width)
        aggregated = self.aggregated(self.excite(inner).split(block.width, dim=2))  # (B*T, W, height, width)
        shortcut = x if block.downsample is None else block.downsample(x)
        return block.relu(block.bn3(block.conv3(aggregated)) + shortcut)

    def aggregated(self, scales: tuple[Tensor, ...]) -> Tensor:
        """Multiple temporal aggregation: each scale sees the previous one, so that the last sees the most frames.

        The first block of a stage, whose stride changes the size, has no such connections.
        """
        block, outputs = self.block, []
        for index, (conv, norm) in enumerate(zip(block.convs, block.bns, strict=True)):
            scale = scales[index].flatten(0, 1)  # (B*T, W / 4, height, width)
            if outputs and not block.is_first:
                scale = outputs[-1] + scale
            outputs.append(block.relu(norm(conv(self.mixed(index, scale)))))
        last = self.mixed(len(outputs), scales[-1].flatten(0, 1))
        return torch.cat([*outputs, last if block.pool is None else block.pool(last)], dim=1)  # (B*T, W, ...)

    def mixed(self, index: int, scale: Tensor) -> Tensor:
        """Scale (B*T, W / 4, height, width) of this index after its convolution over time."""
        return self.over_time[index](scale.unflatten(0, (-1, self.frames))).flatten(0, 1)


class MotionExcitation(nn.Module):
    """Weights of the channels of each frame, from the difference of the next frame and this one.

    As released, unlike the paper: the weights are 1 + (sigmoid - 1/2) instead of 1 + (2 sigmoid - 1).
    """

    def __init__(self, width: int, reduction: int) -> None:
        super().__init__()
        inner = width // reduction
        self.squeeze = nn.Sequential(nn.Conv2d(width, inner, 1, bias=False), nn.BatchNorm2d(inner))
        self.move = nn.Conv2d(inner, inner, 3, padding=1, groups=inner, bias=False)
        self.expand = nn.Sequential(nn.Conv2d(inner, width, 1, bias=False), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        """Excited frames (B, T, W, height, width). The last frame has no motion."""
        squeezed = self.squeeze(x.flatten(0, 1))  # (B*T, W / r, height, width)
        moved = self.move(squeezed).unflatten(0, x.shape[:2])  # (B, T, W / r, height, width)
        motion = moved[:, 1:] - squeezed.unflatten(0, x.shape[:2])[:, :-1]  # (B, T - 1, W / r, height, width)
        motion = F.pad(motion.mean(dim=(3, 4)), (0, 0, 0, 1))  # (B, T, W / r)
        weights = self.expand(motion.flatten(0, 1)[..., None, None]).sigmoid() - 0.5  # (B*T, W, 1, 1)
        return x + x * weights.unflatten(0, x.shape[:2])
