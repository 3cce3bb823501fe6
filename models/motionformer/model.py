"""Motionformer: a video ViT with trajectory attention (https://arxiv.org/abs/2106.05392)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor, nn

from interface.ranges import ShareBelowOne
from interface.sizes import InputSize
from interface.targets import Targets
from models.imagenet import ImageNet, InitialWeights
from models.mixers.attention import MixerConfig
from models.mixers.trajectory import TrajectoryAttention
from models.model import Cost
from models.positions import JointPositions, SeparatePositions, square_side
from models.tokens import CubicTokens, SquareTokens
from models.trunk import VideoViT

if TYPE_CHECKING:
    from models.motionformer.attention_maps import TrajectoryMaps
    from models.tensors import LoadReport


class Motionformer(VideoViT):
    """VideoViT with the paper's defaults, loading of released checkpoints and attention maps."""

    @dataclass(frozen=True, kw_only=True)
    class Config(VideoViT.Config):
        """ViT-B of section 6.2."""

        config_tag = "VideoViT.Config"  # its name in run ids, from before it had its own class

        tokens: CubicTokens.Config | SquareTokens.Config = field(default_factory=CubicTokens.Config)
        positions: SeparatePositions.Config | JointPositions.Config = field(default_factory=SeparatePositions.Config)
        attention: MixerConfig = field(default_factory=TrajectoryAttention.Config)
        drop_path: ShareBelowOne = 0.2
        init: InitialWeights | None = field(
            default_factory=lambda: ImageNet.Config(name="vit_base_patch16_224.orig_in21k_ft_in1k")
        )
        """Differs from the paper, which says ImageNet-21k. The released code, which gave the printed numbers, loads
        jx_vit_base_p16_224: pretrained on ImageNet-21k, fine-tuned on ImageNet-1k. The weights that the paper names are
        vit_base_patch16_224.orig_in21k."""

        def build(self, size: InputSize, targets: Targets) -> "Motionformer":
            self.check(size)
            return Motionformer(self, self.grid(size), targets.num_outputs)

        @property
        def identical_blocks(self) -> int:
            return self.depth

        def cost(self, size: InputSize, targets: Targets) -> Cost:
            """Published cost. The parameters include those that the authors' model has but never uses.

            They are the projection of the other tokeniser and, with joint positions, the positions in space.
            """
            macs, parameters, _ = super().cost(size, targets)
            parameters += self.width * (3 * self.tokens.patch**2 + 1)
            if isinstance(self.positions, JointPositions.Config):
                parameters += self.width * (1 + square_side(self.positions.side, self.grid(size)) ** 2)
            return Cost(macs, parameters, parameters)

        def load_initial(self, model: nn.Module, path: Path) -> "LoadReport":
            from models.motionformer.weights import load_image_weights  # here: many trainings load nothing

            assert isinstance(model, VideoViT)
            return load_image_weights(model, path)

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> "LoadReport":
            from models.motionformer.weights import load_motionformer

            assert isinstance(model, VideoViT)
            return load_motionformer(model, path, self.linear_std)

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> "LoadReport":
            if part:
                return super().copy_from(model, tensors, part)
            from models.motionformer.weights import copy_shared

            assert isinstance(model, VideoViT)
            return copy_shared(model, tensors)

    def attention_maps(self) -> "TrajectoryMaps":
        from models.motionformer.attention_maps import TrajectoryMaps  # here: a training needs none

        return TrajectoryMaps(self)
