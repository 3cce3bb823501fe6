"""Mixed-convolution network of 18 layers without its last stage (MC3 of https://arxiv.org/abs/1711.11248).

The supplementary of https://arxiv.org/abs/2212.05638 states the shape of its features alone: 4C x T x H/8 x W/8. Of the
18-layer networks of torchvision, only MC3 has it, with C = 64. Strides are 2 in space and 1 in time.
B batch, T frames, C channels of the stem.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Self

import torch
from torch import Tensor, nn

from interface.ranges import CheckedConfig, Range

STRIDE = 8  # pixels per cell of the features, in rows and in columns
EXPANSION = 4  # channels of the features per channel of the stem


class MixedConvNet(nn.Module):
    """Stem and three residual stages: convolutions over space and time in the first stage, over space in the others.

    Names of tensors are those of torchvision's `mc3_18`.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(CheckedConfig):
        config_path: ClassVar[str] = "model.backbone"

        width: Annotated[int, Range(least=1, most=1024)] = 64
        """Channels of the stem and of the first stage."""

        @property
        def channels(self) -> int:
            return EXPANSION * self.width

        def build(self) -> "MixedConvNet":
            return MixedConvNet(self.width)

        def macs(self, frames: int, height: int, width: int) -> int:
            """Multiply-adds of a clip."""
            C, half = self.width, frames * (height // 2) * (width // 2)  # places of the first stage
            stem = half * 3 * C * 3 * 7 * 7
            first = half * 4 * C**2 * 3 * 3 * 3
            later, places = 0, half
            for before in (C, 2 * C):
                places, after = places // 4, 2 * before
                later += places * (9 * (before * after + 3 * after**2) + before * after)
            return stem + first + later

        def tiny(self) -> Self:
            return replace(self, width=max(1, self.width // 8))

    def __init__(self, width: int) -> None:
        # Imported here because torchvision takes a second to import, which the resolution of a table does not need.
        from torchvision.models.video.resnet import Conv3DNoTemporal, Conv3DSimple

        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, width, kernel_size=(3, 7, 7), stride=(1, 2, 2), padding=(1, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        self.layer1 = residual_stage(width, width, Conv3DSimple)
        self.layer2 = residual_stage(width, 2 * width, Conv3DNoTemporal)
        self.layer3 = residual_stage(2 * width, 4 * width, Conv3DNoTemporal)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, clips: Tensor) -> Tensor:
        """Features (B, T, height / 8, width / 8, 4C) of clips (B, T, 3, height, width), a view."""
        # With channels last, convolutions are up to 1.7 times as fast on a CPU.
        x = clips.transpose(1, 2).contiguous(memory_format=torch.channels_last_3d)
        x = self.stem(x)  # (B, C, T, height / 2, width / 2)
        x = self.layer3(self.layer2(self.layer1(x)))  # (B, 4C, T, height / 8, width / 8)
        return x.movedim(1, -1)


def residual_stage(before: int, after: int, convolution: type[nn.Conv3d]) -> nn.Sequential:
    """Two residual blocks, the first of which halves rows and columns if it changes the number of channels."""
    from torchvision.models.video.resnet import BasicBlock

    stride = 1 if before == after else 2
    downsample = None
    if stride > 1:
        downsample = nn.Sequential(
            nn.Conv3d(before, after, kernel_size=1, stride=(1, stride, stride), bias=False), nn.BatchNorm3d(after)
        )
    first = BasicBlock(before, after, convolution, stride, downsample)  # pyright: ignore[reportArgumentType]
    return nn.Sequential(first, BasicBlock(after, after, convolution))  # pyright: ignore[reportArgumentType]
