"""Label propagation with the patches of a frozen video transformer, by its attention or by similarity of its features.

The mask of the first frame of a sequence is propagated to all other frames. Nothing is trained. As a control, it is
kept for all frames.
B batch, F frames, T token frames of a clip, S patches per frame, N tokens, D width, H heads, K = D / H.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from interface.sizes import InputSize, MaskedSequenceSize
from interface.targets import Targets
from models.heads import HeadConfig
from models.imagenet import InitialWeights
from models.mixers.trajectory import TrajectoryAttention
from models.model import Model, ModelConfig
from models.propagation.patch_votes import ClipMode, Clips, FrameVectors, propagated, sources
from models.propagation.rules import Number, PropagationRules
from models.tensors import LoadReport
from models.tokens import Grid
from models.trunk import VideoViT

# "trajectory": attention of a patch to each frame, the first stage of trajectory attention. "query-key": products of
# its queries and keys. "keys", "tokens": cosines of the keys, or of the normalised outputs of the block.
Affinity = Literal["trajectory", "query-key", "keys", "tokens"]
POSITIONS_IN_TIME = ("positions.time", "positions.space_time")


class LabelPropagation(Model):
    """Video transformer whose patches vote on the labels of other patches."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        backbone: VideoViT.Config
        """The video transformer. Its head is not used."""
        clip_frames: Number = 16
        """Number of frames of its clips."""
        affinity: Affinity = "trajectory"
        """Similarity of two patches."""
        block: int = -1
        """Index of the block whose attention or features are compared; negative indices count from the end."""
        head: int | None = None
        """Index of the head; None for the mean over all heads."""
        clips: ClipMode = "duplicate"
        """Frames of the clips, see `ClipMode`."""
        rules: PropagationRules = field(default_factory=PropagationRules)
        random_weights: bool = field(default=False, metadata={"omit_if": False})
        """Whether random weights are tested, as a control."""

        def check(self, size: InputSize) -> None:
            sequence = MaskedSequenceSize.of(size)
            self.backbone.check(sequence.clip(self.clip_frames))
            self.rules.check()
            depth, heads = self.backbone.depth, self.backbone.heads
            if not -depth <= self.block < depth:
                raise ValueError(
                    f"model.block is {self.block}; the backbone has the blocks 0 to {depth - 1}, or -1 to -{depth}"
                )
            if self.head is not None and not 0 <= self.head < heads:
                raise ValueError(f"model.head is {self.head}; the backbone has the heads 0 to {heads - 1}")
            if self.head is not None and self.affinity in ("keys", "tokens"):
                raise ValueError(f"model.head is {self.head}; {self.affinity} have all heads, so it must be None")
            if self.clips != "still" and self.grid(size).frames < 2:
                raise ValueError(
                    f"model.clip_frames is {self.clip_frames}; a clip must have two token frames or more, or set "
                    f"model.clips=still"
                )
            attention = self.backbone.attention_of(self.block % depth)
            if self.affinity != "tokens" and not isinstance(attention, TrajectoryAttention.Config):
                raise ValueError(f"model.affinity is {self.affinity}; {attention.label} attention only has tokens")
            if self.affinity == "trajectory" and getattr(attention, "approximation", None) is not None:
                raise ValueError(
                    "model.affinity is trajectory; approximate attention has no map: choose query-key or tokens"
                )

        def check_parent(self, part: str, parent: ModelConfig) -> None:
            if part or not isinstance(parent, VideoViT.Config):
                raise ValueError(
                    f"parents: a {type(parent).__qualname__} cannot fill the backbone of a LabelPropagation"
                )

        def build(self, size: InputSize, targets: Targets) -> "LabelPropagation":
            self.check(size)
            clip = MaskedSequenceSize.of(size).clip(self.clip_frames)
            return LabelPropagation(self, replace(self.backbone, head=HeadConfig()).build(clip, targets))

        def grid(self, size: InputSize) -> Grid:
            return self.backbone.grid(MaskedSequenceSize.of(size).clip(self.clip_frames))

        def tiny(self) -> Self:
            return replace(
                self, backbone=self.backbone.tiny(), clip_frames=max(1, self.clip_frames // 2), rules=self.rules.tiny()
            )

        @property
        def is_control(self) -> bool:
            return self.random_weights

        @property
        def initial_weights(self) -> tuple[InitialWeights, ...]:
            return () if self.random_weights else self.backbone.initial_weights

        def initialise(self, model: nn.Module, folder: Path | None = None) -> tuple[LoadReport, ...]:
            assert isinstance(model, LabelPropagation)
            return self.backbone.initialise(model.backbone, folder) if self.pretrained else ()

        def copy_from(self, model: nn.Module, tensors: Mapping[str, Tensor], part: str = "") -> LoadReport:
            assert isinstance(model, LabelPropagation)
            kept = {name: tensor for name, tensor in tensors.items() if not name.startswith("head.")}
            own = model.backbone.state_dict()
            for name in POSITIONS_IN_TIME:
                if name in kept and name in own and kept[name].shape != own[name].shape:
                    raise ValueError(
                        f"model.clip_frames is {self.clip_frames}; the weights have {name} {tuple(kept[name].shape)}, "
                        f"the backbone {tuple(own[name].shape)}: take clips of the length of the training"
                    )
            return self.backbone.copy_from(model.backbone, kept, part)

        def macs(self, size: InputSize, targets: Targets) -> int:
            sequence = MaskedSequenceSize.of(size)
            clip = replace(self.backbone, head=HeadConfig()).macs(sequence.clip(self.clip_frames), targets)
            return clip * self.num_clips(sequence.frames, self.grid(size))

        def num_clips(self, num_frames: int, grid: Grid) -> int:
            clips = self.clips_of(grid)
            steps = range(len(clips.steps(num_frames)))
            if self.clips == "still":
                return len(steps)
            return sum(-(-len(sources(step, self.rules, clips)) // clips.num_sources) for step in steps[1:])

        def clips_of(self, grid: Grid) -> Clips:
            return Clips(self.clips, self.clip_frames // grid.frames, grid)

    def __init__(self, config: Config, backbone: VideoViT) -> None:
        super().__init__()
        self.config = config
        self.backbone = backbone
        self.block = config.block % len(backbone.blocks)

    @torch.no_grad()
    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """Masks (B, F, H, W) of frames (B, F, 3, h, w), from the masks of the first frames (B, 1, H, W)."""
        return torch.stack([self.propagated(*pair) for pair in zip(frames, masks[:, 0], strict=True)])

    def propagated(self, frames: Tensor, first: Tensor) -> Tensor:
        """Masks (F, H, W) of the frames (F, 3, h, w) of one sequence, from that of its first frame (H, W)."""
        grid = self.backbone.config.tokens.grid(self.config.clip_frames, *frames.shape[2:])
        return propagated(frames, first, self.vectors, self.config.clips_of(grid), self.config.rules)

    def vectors(self, clip: Tensor) -> FrameVectors:
        """Vectors of the patches of a clip (F, 3, h, w) that are compared."""
        x, grid = self.backbone.tokens_before(self.block, clip.unsqueeze(0))  # (1, N, D)
        block = self.backbone.block(self.block)
        if self.config.affinity == "tokens":
            tokens = self.backbone.norm(block(x, grid))[0, -grid.tokens :]  # (T*S, D)
            return compared_by_cosine(tokens, grid)
        mixer = block.mixers[0]
        assert isinstance(mixer, TrajectoryAttention)
        patches = block.norms[0](x)[:, 1:]  # (1, T*S, D)
        keys = mixer.keys(patches)[0]  # (H, T*S, K)
        if self.config.affinity == "keys":
            return compared_by_cosine(keys.transpose(0, 1).flatten(1), grid)
        queries = mixer.queries(patches[:, -grid.patches :])[0]  # (H, S, K), of the last frame alone
        if self.config.head is not None:
            queries, keys = queries[self.config.head, None], keys[self.config.head, None]
        by_frame = keys.unflatten(1, (grid.frames, grid.patches)).transpose(0, 1)  # (T, H, S, K)
        return FrameVectors(queries, by_frame, self.config.affinity == "trajectory")


def compared_by_cosine(features: Tensor, grid: Grid) -> FrameVectors:
    """Features (T*S, D) as vectors whose products are cosines."""
    unit = F.normalize(features, dim=-1).unflatten(0, (grid.frames, 1, grid.patches)).contiguous()  # (T, 1, S, D)
    return FrameVectors(unit[-1], unit, is_attention=False)


class KeptMask(Model):
    """Control without parameters: the mask of the first frame is kept for all frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        def check(self, size: InputSize) -> None:
            MaskedSequenceSize.of(size)

        def build(self, size: InputSize, targets: Targets) -> "KeptMask":
            self.check(size)
            return KeptMask()

        @property
        def is_control(self) -> bool:
            """Always: it has no weights."""
            return True

    def forward(self, frames: Tensor, masks: Tensor) -> Tensor:
        """Masks (B, F, H, W) of frames (B, F, 3, h, w), equal to those of the first frames (B, 1, H, W)."""
        return masks.expand(-1, frames.shape[1], -1, -1)
