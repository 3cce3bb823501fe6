"""I3D with non-local blocks, of pytorchvideo's parts.

Follows "Non-local Neural Networks" (https://arxiv.org/abs/1711.07971) and, for the places of the convolutions over
time, the multiply-adds that SlowFast (https://arxiv.org/abs/1812.03982) prints for it in Table 2.
B batch, F frames.
"""

# pyright: reportArgumentType=false
# (pytorchvideo annotates tuples of any length as tuples of one element)

from dataclasses import dataclass, replace
from typing import Literal, Self

from torch import Tensor, nn

from interface.sizes import InputSize
from interface.targets import Targets
from models.baselines.nonlocal_blocks import AFTER, SPACE, TIME, add_nonlocal, check_depth, without_warnings_of_fvcore
from models.model import Model, ModelConfig
from models.ranges import check_range

LEAST_FRAMES, LEAST_SIDE = 8, 32  # smaller clips vanish in the pooling
STAGES = (1, 3, 4, 5)  # indices of pytorchvideo's parts; 0 is the stem, 2 the pooling after the first stage


class NonLocalI3D(Model):
    """ResNet inflated to three dimensions, with non-local blocks in its second and third stage."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """I3D of a ResNet-101, whose stem and pooling divide the number of frames by eight.

        `width`: number of channels of the stem.
        `dropout`: rate before the classifier.
        """

        depth: Literal[50, 101] = 101
        width: int = 64
        dropout: float = 0.5

        def check(self, size: InputSize) -> None:
            clip = size.as_clip()
            check_depth(self.depth)
            check_range("model.width", self.width, least=1)
            check_range("model.dropout", self.dropout, least=0, below=1)
            check_range("data.frames", clip.frames, least=LEAST_FRAMES)
            check_range("data.crop", min(clip.height, clip.width), least=LEAST_SIDE)

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
