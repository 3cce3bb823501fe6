"""I3D and SlowFast with non-local blocks, of pytorchvideo's parts.

They follow "Non-local Neural Networks" (https://arxiv.org/abs/1711.07971) and SlowFast
(https://arxiv.org/abs/1812.03982), whose Table 2 prints the multiply-adds from which follows where I3D convolves over
time.
B batch, F frames, those of the fast pathway in SlowFast.
"""

# pyright: reportArgumentType=false
# (pytorchvideo annotates tuples of any length as tuples of one element)

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal, Self

from torch import Tensor, nn

from interface.ranges import Count, Range, ShareBelowOne, check_range
from interface.sizes import ClipSize, InputSize
from interface.targets import Targets
from models.model import Model, ModelConfig

# Blocks with a non-local block after them, by depth and stage: every second block of ResNet-50, every seventh in the
# third stage of ResNet-101.
AFTER: dict[int, tuple[tuple[int, ...], ...]] = {50: ((), (1, 3), (1, 3, 5), ()), 101: ((), (1, 3), (6, 13, 20), ())}
SPACE, TIME = (1, 1, 1), (3, 1, 1)  # kernels of the first convolution of a block
LEAST_FRAMES, LEAST_SIDE = 8, 32  # smaller clips vanish in the pooling
STAGES = (1, 3, 4, 5)  # indices of pytorchvideo's parts of I3D; 0 is the stem, 2 the pooling after the first stage


@contextmanager
def without_warnings_of_fvcore() -> Iterator[None]:
    """Context for imports of pytorchvideo. It imports fvcore, which compiles losses that nothing here uses."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.script.* is deprecated", category=FutureWarning)
        yield


def add_nonlocal(stage: nn.Module, after: tuple[int, ...]) -> None:
    """Insert non-local blocks into a `ResStage`.

    They have half of the channels of the stage, and keys and values at half of its height and width.

    Args:
        after: indices of the blocks that a non-local block follows.
    """
    with without_warnings_of_fvcore():
        from pytorchvideo.layers.nonlocal_net import create_nonlocal  # here: it takes a second to import

    layers: list[nn.Module] = []
    for index, block in enumerate(stage.get_submodule("res_blocks").children()):
        layers.append(block)
        if index in after:
            last = block.get_submodule("branch2.conv_c")
            assert isinstance(last, nn.Conv3d)
            layers.append(
                create_nonlocal(dim_in=last.out_channels, dim_inner=last.out_channels // 2, pool_size=(1, 2, 2))
            )
    stage.res_blocks = nn.ModuleList(layers)


class NonLocalI3D(Model):
    """ResNet inflated to three dimensions, with non-local blocks in its second and third stage."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """I3D of a ResNet-101, whose stem and pooling divide the number of frames by eight."""

        depth: Literal[50, 101] = 101
        width: Count = 64
        """Number of channels of the stem."""
        dropout: ShareBelowOne = 0.5
        """Rate before the classifier."""

        def check(self, size: InputSize) -> None:
            clip = ClipSize.of(size)
            check_range("data.frames", clip.frames, Range(least=LEAST_FRAMES))
            check_range("data.crop", min(clip.height, clip.width), Range(least=LEAST_SIDE))

        def build(self, size: InputSize, targets: Targets) -> "NonLocalI3D":
            self.check(size)
            return NonLocalI3D(self, targets.num_outputs)

        def tiny(self) -> Self:
            return replace(self, depth=50, width=self.width // 8)

    def __init__(self, config: Config, num_classes: int) -> None:
        with without_warnings_of_fvcore():
            from pytorchvideo.models.resnet import create_resnet  # here: it takes a second to import

        super().__init__()
        # ResNet-101 has its convolutions over time where ResNet-50 has them: 359 G multiply-adds, as SlowFast prints.
        # One in every second of the 23 blocks would make 378 G.
        third_stage = (*(TIME, SPACE) * 3, *(SPACE,) * 17)
        self.network = create_resnet(
            model_depth=config.depth,
            model_num_class=num_classes,
            dropout_rate=config.dropout,
            stem_dim_out=config.width,
            stem_conv_kernel_size=(5, 7, 7),
            stem_conv_stride=(2, 2, 2),
            stem_pool_stride=(2, 2, 2),
            stage1_pool=nn.MaxPool3d,
            stage_conv_a_kernel_size=((TIME,), (TIME, SPACE), third_stage, (SPACE, TIME)),
            head_pool=nn.AdaptiveAvgPool3d,
        )
        for stage, after in zip(STAGES, AFTER[config.depth], strict=True):
            add_nonlocal(self.network.get_submodule(f"blocks.{stage}"), after)

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        return self.network(clip.transpose(1, 2))


class SlowFast(Model):
    """Two ResNets, a wide one on few frames and a narrow one on all, with non-local blocks in the third slow stage."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """SlowFast R101 + NL. For 32 frames it is 8 x 8."""

        depth: Literal[50, 101] = 101
        width: Count = 64
        """Number of channels of the slow stem."""
        alpha: Count = 4
        """Frames of the fast pathway / frames of the slow one."""
        beta: Count = 8
        """Channels of the slow pathway / channels of the fast one."""
        dropout: ShareBelowOne = 0.5
        """Rate before the classifier."""

        def check(self, size: InputSize) -> None:
            clip = ClipSize.of(size)
            if self.width % self.beta:
                raise ValueError(f"model.beta is {self.beta}; it must divide the width {self.width}")
            if clip.frames % self.alpha:
                raise ValueError(f"model.alpha is {self.alpha}; it must divide the {clip.frames} frames of a clip")
            check_range("data.crop", min(clip.height, clip.width), Range(least=LEAST_SIDE))

        def build(self, size: InputSize, targets: Targets) -> "SlowFast":
            self.check(size)
            return SlowFast(self, targets.num_outputs)

        def tiny(self) -> Self:
            return replace(self, depth=50, width=self.width // 4)

    def __init__(self, config: Config, num_classes: int) -> None:
        with without_warnings_of_fvcore():
            from pytorchvideo.models.slowfast import create_slowfast  # here: it takes a second to import

        super().__init__()
        self.alpha = config.alpha
        # ResNet-101 has its convolutions over time where ResNet-50 has them: 106 G multiply-adds without non-local
        # blocks, as printed. pytorchvideo's ResNet-101, with one in each of its 23 blocks, has 126 G.
        third_stage = (*(TIME,) * 6, *(SPACE,) * 17)
        slow, fast = (SPACE, SPACE, third_stage, TIME), (TIME, TIME, third_stage, TIME)
        self.network = create_slowfast(
            model_depth=config.depth,
            model_num_class=num_classes,
            dropout_rate=config.dropout,
            slowfast_channel_reduction_ratio=(config.beta,),
            slowfast_fusion_conv_kernel_size=(5, 1, 1),
            slowfast_fusion_conv_stride=(config.alpha, 1, 1),
            stem_dim_outs=(config.width, config.width // config.beta),
            stage_conv_a_kernel_sizes=(slow, fast),
            head_pool=nn.AdaptiveAvgPool3d,
        )
        slow_stage = self.network.get_submodule("blocks.3.multipathway_blocks.0")  # part 0 is the stem
        add_nonlocal(slow_stage, AFTER[config.depth][2])

    def forward(self, clip: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, F, 3, height, width)."""
        fast = clip.transpose(1, 2)  # (B, 3, F, height, width)
        return self.network([fast[:, :, :: self.alpha], fast])
