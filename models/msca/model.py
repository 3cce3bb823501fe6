"""MSCA: a frame-wise ViT with self/cross-attention in some or all of its blocks (https://arxiv.org/abs/2204.00452)."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from torch import nn

from models.checkpoints import LoadReport, fill, read_released
from models.framewise.model import FramewiseViT
from models.mixers.attention import MixerConfig
from models.model import InputSize
from models.msca.attention import HeadShift
from models.msca.key_map import converted_tensors, released_names


@dataclass(frozen=True, kw_only=True)
class FramewiseConfig(FramewiseViT.Config):
    """Frame-wise ViT that loads released files of TokenShift's code, whose models all have the same tensors."""

    config_tag = "msca.FramewiseConfig"

    def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
        """Load a released .pth file."""
        tensors, settings, remarks = read_released(path)
        names = released_names(model.state_dict())
        converted = converted_tensors(tensors, names.values())
        report = fill(model, tensors, names, source=path.name, converted=converted)
        return replace(report, settings=settings, remarks=remarks)


class MSCA:
    """Frame-wise ViT whose blocks attend to neighbouring frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FramewiseConfig):
        """`attention`: of the blocks with MSCA, which are `blocks`."""

        config_tag = "MSCA.Config"

        attention: MixerConfig = field(default_factory=HeadShift.Config)
