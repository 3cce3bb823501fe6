"""SlowFast with non-local blocks, of pytorchvideo's parts (https://arxiv.org/abs/1812.03982).

B batch, F frames of the fast pathway.
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

LEAST_SIDE = 32  # smaller frames vanish in the pooling of the non-local blocks


class SlowFast(Model):
    """Two ResNets, a wide one on few frames and a narrow one on all, with non-local blocks in the third slow stage."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """SlowFast R101 + NL. For 32 frames it is 8 x 8.

        `width`: number of channels of the slow stem.
        `alpha`: frames of the fast pathway / frames of the slow one.
        `beta`: channels of the slow pathway / channels of the fast one.
        `dropout`: rate before the classifier.
        """

        depth: Literal[50, 101] = 101
        width: int = 64
        alpha: int = 4
        beta: int = 8
        dropout: float = 0.5

        def check(self, size: InputSize) -> None:
            clip = size.as_clip()
            check_depth(self.depth)
            for name in ("width", "alpha", "beta"):
                check_range(f"model.{name}", getattr(self, name), least=1)
            check_range("model.dropout", self.dropout, least=0, below=1)
            if self.width % self.beta:
                raise ValueError(f"model.beta is {self.beta}; it must divide the width {self.width}")
            if clip.frames % self.alpha:
                raise ValueError(f"model.alpha is {self.alpha}; it must divide the {clip.frames} frames of a clip")
            check_range("data.crop", min(clip.height, clip.width), least=LEAST_SIDE)

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
