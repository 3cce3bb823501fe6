"""Motionformer: a video ViT with trajectory attention (https://arxiv.org/abs/2106.05392)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import Tensor, nn

from models.checkpoints import LoadReport
from models.imagenet import ImageNet, weights_folder
from models.mixers.attention import MixerConfig
from models.mixers.trajectory import TrajectoryAttention
from models.model import AttentionOfPoint, InputSize, Targets, as_clip, num_outputs
from models.motionformer.attention_maps import attention_of_point, checked_query
from models.motionformer.weights import copy_shared, load_image_weights, load_released
from models.trunk import VideoViT


class Motionformer(VideoViT):
    """VideoViT with the paper's defaults, loading of released checkpoints and attention maps."""

    @dataclass(frozen=True, kw_only=True)
    class Config(VideoViT.Config):
        """ViT-B of section 6.2.

        `init`: differs from the paper, which says ImageNet-21k. The released code, which gave the printed numbers,
        loads jx_vit_base_p16_224: pretrained on ImageNet-21k, fine-tuned on ImageNet-1k. The weights that the paper
        names are vit_base_patch16_224.orig_in21k.
        """

        config_tag = "VideoViT.Config"  # its name in run ids, from before it had its own class

        attention: MixerConfig = field(default_factory=TrajectoryAttention.Config)
        drop_path: float = 0.2
        init: ImageNet.Config | None = field(
            default_factory=lambda: ImageNet.Config(name="vit_base_patch16_224.orig_in21k_ft_in1k")
        )

        def build(self, size: InputSize, targets: Targets) -> "Motionformer":
            """Model for clips of this size, with the authors' random initialisation."""
            self.check(size)
            return Motionformer(self, self.grid(size), num_outputs(targets))

        @property
        def has_initial_weights(self) -> bool:
            """Whether `initialise` loads weights."""
            return self.init is not None

        def initialise(self, model: nn.Module, folder: Path | None = None) -> LoadReport | None:
            """Load the image ViT that `init` names. Its patch projection becomes the central frame of each cube."""
            if self.init is None:
                return None
            assert isinstance(model, VideoViT)
            return load_image_weights(model, self.init.find(folder or weights_folder()))

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
            """Load a released .pyth file."""
            assert isinstance(model, VideoViT)
            return load_released(model, path, self.linear_std)

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            """Copy the weights of a run with another attention, input, clip length or number of classes."""
            assert isinstance(model, VideoViT)
            if part:
                raise ValueError(f"a Motionformer has no part '{part}' that another run can fill")
            return copy_shared(model, tensors)

    def check_query(
        self, size: InputSize, *, frame: int, x: float, y: float, block: int | None, head: int | None
    ) -> None:
        """Refuse a point, block or head that does not exist, and a block without attention maps."""
        clip = as_clip(size)
        grid = self.tokens.config.grid(clip.frames, clip.height, clip.width)
        checked_query(self, grid, frame=frame, x=x, y=y, block=block, head=head)

    def attention_of(
        self, clip: Tensor, *, frame: int, x: float, y: float, block: int | None, head: int | None
    ) -> AttentionOfPoint:
        """Spatial attention of a point to every frame. The default block is the last one that computes all tokens."""
        return attention_of_point(self, clip, frame=frame, x=x, y=y, block=block, head=head)
