"""3D deformable transformer for action recognition from RGB frames and joints (https://arxiv.org/abs/2212.05638).

The supplementary gives the three attentions of a block. What it leaves open is a setting here, with our default.
B batch, T frames, S cells per frame, R joints, D width, C classes.
"""

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Literal, Self, get_args

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from interface.ranges import Count, Range, ShareBelowOne, check_range
from interface.sizes import InputSize, PoseClipSize
from interface.targets import Targets
from models.deform3d.backbone import STRIDE, MixedConvNet
from models.deform3d.deformable import AttentionConfig, DeformableAttention, DeformableStage
from models.deform3d.embedding import Embedding
from models.deform3d.heads import ClsHead, ModalHeadConfig
from models.deform3d.stage import Block, ClsRoute, Merge, Stage, StageName, StageSettings, Tokens
from models.deform3d.stride import MODAL, JointStrideStage, TemporalStrideStage, stride_macs
from models.deform3d.windows import Windows
from models.model import Model, ModelConfig
from models.tokens import Grid

if TYPE_CHECKING:
    from models.deform3d.attention_maps import DeformableMaps

Modality = Literal["rgb", "pose"]
# Modality that a stage cannot do without. The third stage takes all tokens that there are.
NEEDS: dict[StageName, Modality] = {"deformable": "rgb", "joint": "pose"}


class DeformableTransformer(Model):
    """Transformer on the features of a convolutional network and on the joints.

    Frames, rows, columns and joints may differ between training and test.
    """

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        backbone: MixedConvNet.Config = field(default_factory=MixedConvNet.Config)
        """Network of the RGB tokens. The width of all tokens is its number of channels."""
        # The supplementary states none of these three.
        depth: Annotated[int, Range(least=1, below=1000)] = 2
        heads: Count = 8
        mlp_ratio: Annotated[float, Range(above=0, below=1000)] = 4.0
        attention: AttentionConfig = field(default_factory=DeformableAttention.Config)
        """Where the keys of the first stage come from."""
        joint_windows: Windows.Config = field(default_factory=Windows.Config)
        time_windows: Windows.Config = field(default_factory=Windows.Config)
        """Windows of the second and of the third stage."""
        modalities: tuple[Modality, ...] = ("rgb", "pose")
        """What the model reads. Without pose, it has no second stage; without RGB, no backbone and no first stage."""
        stages: tuple[StageName, ...] = ("deformable", "joint", "temporal")
        """Stages of a block, in order."""
        cls_route: ClsRoute = "chain"
        """Whether the third stage takes CLS from the second stage or from the first."""
        merge: Merge = "before FFN"
        """Whether the windows of a token are averaged before the feed-forward network, or after it, as written."""
        pre_norm: bool = True
        """Whether a LayerNorm stands before attention. None is written."""
        sigma: Annotated[float, Range(least=1e-3, below=1e6)] = 1.0
        """Standard deviation of the Gaussian maps of joints, in cells of 8 pixels."""
        normalised: bool = True
        """Whether the weights of a map sum to one."""
        head: ModalHeadConfig = field(default_factory=ClsHead.Config)
        drop_path: ShareBelowOne = 0.0
        """Rate of stochastic depth in the last block; rates increase linearly from 0 in the first block."""

        @property
        def width(self) -> int:
            return self.backbone.channels

        @property
        def active_stages(self) -> tuple[StageName, ...]:
            """Stages of a block, without those of a modality that the model does not read."""
            absent = {stage for stage, needed in NEEDS.items() if needed not in self.modalities}
            return tuple(stage for stage in self.stages if stage not in absent)

        def has_tokens(self, modality: Modality) -> bool:
            """Whether tokens of a modality take part in a stage."""
            return modality in self.modalities and any(
                NEEDS.get(stage, modality) == modality for stage in self.active_stages
            )

        @property
        def num_modal(self) -> int:
            """Number of modal tokens of a frame: M_RGB, M_pose and M_CLS."""
            return 1 + sum(self.has_tokens(modality) for modality in get_args(Modality))

        def check(self, size: InputSize) -> None:
            clip = PoseClipSize.of(size)
            if self.width % self.heads:
                raise ValueError(f"model.heads is {self.heads}; the width {self.width} is not divisible by it")
            check_range("model.mlp_ratio", self.mlp_ratio, Range(least=1 / self.width))
            self._check_parts()
            self._check_clip(clip)

        def _check_parts(self) -> None:
            """Refuse modalities and stages that exclude each other."""
            for name, choices in (("modalities", get_args(Modality)), ("stages", get_args(StageName))):
                given = getattr(self, name)
                if not given or given != tuple(choice for choice in choices if choice in given):
                    raise ValueError(f"model.{name} is {given}; it names some of {choices}, in this order")
            if not self.active_stages:
                raise ValueError(f"model.stages is {self.stages}; none of them applies to {self.modalities} alone")
            if "pose" in self.modalities and not self.has_tokens("pose"):
                raise ValueError(
                    f"model.stages is {self.stages}; none of them reads the pose: add 'joint' or 'temporal', or set "
                    f"model.modalities to ('rgb',)"
                )
            if self.cls_route == "copy" and {"joint", "temporal"} & {*self.active_stages} == {"joint"}:
                raise ValueError(
                    "model.cls_route is 'copy'; without the stage 'temporal' no stage reads the poses then"
                )

        def _check_clip(self, clip: PoseClipSize) -> None:
            """Refuse clips that do not divide into cells, and windows that do not fit."""
            if "rgb" in self.modalities:
                for side in (clip.height, clip.width):
                    if side % STRIDE:
                        raise ValueError(f"data.crop: {side} pixels do not divide into cells of {STRIDE}")
            if "joint" in self.active_stages:
                self.joint_windows.check("model.joint_windows", clip.joints)
            if "temporal" in self.active_stages:
                self.time_windows.check("model.time_windows", clip.frames)

        def check_test_size(self, size: InputSize, test_size: InputSize) -> None:
            """Refuse test clips that the settings do not fit. Any number of frames, rows, columns and joints is
            possible."""
            self.check(test_size)

        def build(self, size: InputSize, targets: Targets) -> "DeformableTransformer":
            self.check(size)
            return DeformableTransformer(self, PoseClipSize.of(size), targets.num_outputs)

        @property
        def identical_blocks(self) -> int:
            return self.depth

        def tiny(self) -> Self:
            return replace(
                self,
                backbone=self.backbone.tiny(),
                depth=max(1, self.depth // 2),
                heads=max(1, self.heads // 4),
                drop_path=0.0,
            )

        def grid(self, clip: PoseClipSize) -> Grid:
            return Grid(clip.frames, clip.height // STRIDE, clip.width // STRIDE)

        def tokens_per_frame(self, clip: PoseClipSize) -> int:
            """Number of tokens of a frame in the third stage, D_n."""
            rgb = self.grid(clip).patches if self.has_tokens("rgb") else 0
            return rgb + (clip.joints if self.has_tokens("pose") else 0) + self.num_modal

        def embedding(self, clip: PoseClipSize) -> Embedding:
            return Embedding(
                self.backbone if "rgb" in self.modalities else None,
                learnt=self.grid(clip),
                width=self.width,
                joints=clip.joints if self.has_tokens("pose") else None,
                has_rgb=self.has_tokens("rgb"),
                sigma=self.sigma,
                normalised=self.normalised,
            )

        def settings(self, drop_path: float = 0.0) -> StageSettings:
            return StageSettings(
                width=self.width,
                heads=self.heads,
                hidden=int(self.width * self.mlp_ratio),
                pre_norm=self.pre_norm,
                merge=self.merge,
                drop_path=drop_path,
            )

        def macs(self, size: InputSize, targets: Targets) -> int:
            """Multiply-adds of this implementation. Each token is projected once, and not in each of its windows."""
            clip = PoseClipSize.of(size)
            grid, D = self.grid(clip), self.width
            total = self.head.macs(D, self.num_modal, targets.num_outputs)
            if "rgb" in self.modalities:
                total += self.backbone.macs(clip.frames, clip.height, clip.width)
                total += 5 * grid.tokens * D  # LayerNorm
                if self.has_tokens("pose"):
                    total += clip.frames * clip.joints * grid.patches * D
            return total + sum(self.block_macs(block, clip) for block in range(self.depth))

        def block_macs(self, block: int, clip: PoseClipSize) -> int:
            """Multiply-adds of the block of this index."""
            settings, total = self.settings(), 0
            for stage in self.active_stages:
                match stage:
                    case "deformable":
                        grid = self.grid(clip)
                        tokens = grid.frames * (grid.patches + 2)  # Z, M_RGB and M_CLS
                        total += settings.macs(tokens, tokens**2) + self.attention.macs(grid, self.width)
                    case "joint":
                        total += stride_macs(settings, self.joint_windows.build(clip.joints), MODAL, clip.frames)
                    case "temporal":
                        windows, num_queries = self.time_windows.build(clip.frames), self.num_queries(block)
                        total += stride_macs(settings, windows, 0, self.tokens_per_frame(clip), num_queries)
            return total

        def num_queries(self, block: int) -> int | None:
            """Number of tokens of a frame that get new values in the third stage of a block; None for all.

            After the last stage of the last block, only the head reads tokens.
            """
            is_last = block == self.depth - 1 and self.active_stages[-1] == "temporal"
            return self.head.num_read(self.num_modal) if is_last else None

        def build_block(self, block: int) -> Block:
            """Block of this index, with random weights."""
            settings = self.settings(self.drop_path * block / max(1, self.depth - 1))
            stages: dict[StageName, Stage] = {}
            for stage in self.active_stages:
                match stage:
                    case "deformable":
                        stages[stage] = DeformableStage(settings, self.attention)
                    case "joint":
                        stages[stage] = JointStrideStage(settings, self.joint_windows)
                    case "temporal":
                        stages[stage] = TemporalStrideStage(settings, self.time_windows, self.num_queries(block))
            return Block(stages, self.cls_route)

    def __init__(self, config: Config, clip: PoseClipSize, num_classes: int) -> None:
        super().__init__()
        self.config = config
        self.embedding = config.embedding(clip)
        self.blocks = nn.ModuleList(config.build_block(block) for block in range(config.depth))
        self.head = config.head.build(config.width, config.num_modal, num_classes)
        self.recomputes = False

    def forward(self, clips: Tensor, joints: Tensor) -> Tensor:
        """Logits (B, C) of clips (B, T, 3, height, width) and joints (B, T, R, 3), in pixels of the clips."""
        tokens = self.embedding(clips, joints)
        for block in self.blocks:
            if self.recomputes and torch.is_grad_enabled():
                tokens = checkpoint(block, tokens, use_reentrant=False)
                assert isinstance(tokens, Tokens)
            else:
                tokens = block(tokens)
        return self.head(tokens.modal)

    def tokens_before(self, block: int, clips: Tensor, joints: Tensor) -> Tokens:
        """Input of a block."""
        tokens = self.embedding(clips, joints)
        for previous in islice(self.blocks, block):
            tokens = previous(tokens)
        return tokens

    def block(self, number: int) -> Block:
        block = self.blocks[number]
        assert isinstance(block, Block)
        return block

    def recompute(self, on: bool) -> None:
        self.recomputes = on

    def attention_maps(self) -> "DeformableMaps":
        from models.deform3d.attention_maps import DeformableMaps  # here: a training needs none

        return DeformableMaps([self.block(number) for number in range(len(self.blocks))], self.tokens_before)
