"""X-ViT: a frame-wise ViT with space-time mixing attention (https://arxiv.org/abs/2106.05968)."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from torch import nn

from models.checkpoints import LoadReport, fill, read_released
from models.framewise.model import FramewiseViT
from models.framewise.positions import FramePositions
from models.heads import HeadConfig
from models.mixers.attention import MixerConfig
from models.model import InputSize
from models.positions import PositionsConfig
from models.xvit.heads import TemporalAttentionHead
from models.xvit.key_map import UNUSED, converted_tensors, released_names
from models.xvit.mixing import SpaceTimeMixing


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
