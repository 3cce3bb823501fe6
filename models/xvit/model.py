"""X-ViT: a frame-wise ViT with space-time mixing attention (https://arxiv.org/abs/2106.05968).

Names and formats of released tensors follow https://github.com/1adrianb/video-transformers. TSM-ViT (equations 1 to 3
of the supplementary) takes channels of all tokens from the neighbouring frames, at the input of each block.
T frames, D width.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from torch import Tensor, nn

from interface.sizes import InputSize
from models.checkpoints import Converted, LoadReport, fill, read_released
from models.framewise.frame_attention import FrameAttention
from models.framewise.model import FramewiseViT
from models.framewise.positions import FramePositions
from models.framewise.shifted_block import BlockShift
from models.heads import HeadConfig
from models.image_vit import TIMM_NAMES, renamed
from models.mixers.attention import MixerConfig
from models.positions import PositionsConfig
from models.ranges import check_range
from models.xvit.heads import TemporalAttentionHead
from models.xvit.mixing import SpaceTimeMixing

TIME = "base_model.temp_embed"
# The classifier of single frames, which models with a temporal attention head contain and neither train nor use.
UNUSED = ("new_fc.*",)
HEAD_RULES = (
    (r"^head\.cls$", "consensus.cls_token"),
    (r"^head\.blocks\.", "consensus.temporal_encoder."),
    (r"^head\.norm\.", "consensus.mlp_head.0."),
    (r"^head\.hidden\.", "consensus.mlp_head.1."),
)


def released_names(names: Iterable[str]) -> dict[str, str]:
    """Names in released files of the tensors of an X-ViT, by their names in the model."""
    names = tuple(names)
    attends = "head.hidden.weight" in names  # to the frames; otherwise the head is the classifier of single frames
    classifier = (r"^head\.classifier\.", "consensus.mlp_head.4." if attends else "new_fc.")
    rules = (
        classifier,
        *HEAD_RULES,
        *TIMM_NAMES,
        (r"^positions\.time$", "temp_embed"),
        (r"^(?!consensus\.|new_fc\.)", "base_model."),
    )
    return renamed(names, rules)


def converted_tensors(source: Mapping[str, Tensor]) -> dict[str, Converted]:
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
        head: HeadConfig | None = field(default_factory=TemporalAttentionHead.Config)

        def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
            """Load a released .pth file. A model with the mean of frames refuses those with temporal attention."""
            tensors, settings, remarks = read_released(path)
            names = released_names(model.state_dict())
            converted = converted_tensors(tensors)
            report = fill(model, tensors, names, source=path.name, converted=converted, known_unexpected=UNUSED)
            return replace(report, settings=settings, remarks=remarks)


class TSMViT:
    """Frame-wise ViT with plain attention, whose residual stream carries the shifted tokens."""

    @dataclass(frozen=True, kw_only=True)
    class Config(XViT.Config):
        """`division`: 1 / fraction of the channels that come from each neighbour; not printed, 8 in TSM."""

        config_tag = "TSMViT.Config"

        attention: MixerConfig = field(default_factory=FrameAttention.Config)
        division: int = 8

        def check(self, size: InputSize) -> None:
            check_range("model.division", self.division, least=2)
            super().check(size)

        @property
        def block_shift(self) -> BlockShift:
            return BlockShift(slice(None), self.width // self.division, before_mlp=False, boundary="zero")
