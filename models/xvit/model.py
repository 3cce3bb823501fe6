"""X-ViT: a frame-wise ViT with space-time mixing attention (https://arxiv.org/abs/2106.05968).

Names and formats of released tensors follow https://github.com/1adrianb/video-transformers. TSM-ViT (equations 1 to 3
of the supplementary) takes channels of all tokens from the neighbouring frames, at the input of each block.
T frames, D width.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar

from torch import nn

from interface.ranges import Range
from interface.sizes import InputSize
from models.checkpoints import load_released, renamed
from models.framewise.frame_attention import FrameAttention
from models.framewise.model import BlockShift, FramePositions, FramewiseViT
from models.heads import HeadConfig
from models.image_vit import TIMM_NAMES
from models.mixers.attention import MixerConfig
from models.positions import PositionsConfig
from models.tensors import Converted, LoadReport, Tensors
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing

TIME = "base_model.temp_embed"
# The classifier of single frames, which models with a temporal attention head contain and neither train nor use.
UNUSED = ("new_fc.*",)
RULES = (
    (r"^head\.cls$", "consensus.cls_token"),
    (r"^head\.blocks\.", "consensus.temporal_encoder."),
    (r"^head\.norm\.", "consensus.mlp_head.0."),
    (r"^head\.hidden\.", "consensus.mlp_head.1."),
    *TIMM_NAMES,
    (r"^positions\.time$", "temp_embed"),
    (r"^(?!consensus\.|new_fc\.)", "base_model."),
)


def converted_tensors(source: Tensors, wanted: Tensors) -> dict[str, Converted]:
    """Positions in time (1, T, D), which released files contain as (1, T, 1, D)."""
    time = source.get(TIME)
    return {} if time is None or time.dim() != 4 else {TIME: Converted(time.squeeze(2), (TIME,))}


class XViT:
    """Frame-wise ViT whose frames are connected by mixing attention and by the head."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FramewiseViT.Config):
        """Model of the released code for clips of 8 frames."""

        config_tag = "XViT.Config"
        not_in_parents: ClassVar[tuple[str, ...]] = ("head.*", "positions.time")

        positions: PositionsConfig = field(default_factory=lambda: FramePositions.Config(in_time=True))
        attention: MixerConfig = field(default_factory=SpaceTimeMixing.Config)
        head: HeadConfig = field(default_factory=TemporalAttentionHead.Config)

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
            """Load a released .pth file. A model with the mean of frames refuses those with temporal attention."""
            state = model.state_dict()
            attends = "head.hidden.weight" in state  # to the frames; if not, the head classifies single frames
            classifier = (r"^head\.classifier\.", "consensus.mlp_head.4." if attends else "new_fc.")
            names = renamed(state, (classifier, *RULES))
            return load_released(model, path, names, convert=converted_tensors, unused=UNUSED)


class TSMViT:
    """Frame-wise ViT with plain attention, whose residual stream carries the shifted tokens."""

    @dataclass(frozen=True, kw_only=True)
    class Config(XViT.Config):
        config_tag = "TSMViT.Config"

        attention: MixerConfig = field(default_factory=FrameAttention.Config)
        division: Annotated[int, Range(least=2)] = 8
        """1 / fraction of the channels that come from each neighbour; not printed, 8 in TSM."""

        @property
        def block_shift(self) -> BlockShift:
            return BlockShift(slice(None), self.width // self.division, before_mlp=False, boundary="zero")
