"""MSCA: a frame-wise ViT with self/cross-attention in some or all of its blocks (https://arxiv.org/abs/2204.00452).

Its released files and TokenShift, whose channels of CLS come from the neighbouring frames before each half of a block,
follow https://github.com/VideoNetworks/TokShift-Transformer. Its ViT, its TokenShift and our MSCA share all tensors.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import torch
from torch import nn

from interface.ranges import Range
from interface.sizes import InputSize
from models.checkpoints import load_released, renamed
from models.framewise.frame_shift import Boundary
from models.framewise.model import BlockShift, FramewiseViT
from models.mixers.attention import MixerConfig
from models.msca.attention import HeadShift
from models.tensors import Converted, LoadReport, Tensors

PREFIX = "base_model.transformer."
RULES = (
    (r"^tokens\.projection\.", f"{PREFIX}embeddings.patch_embeddings."),
    (r"^cls$", f"{PREFIX}embeddings.cls_token"),
    (r"^positions\.space$", f"{PREFIX}embeddings.position_embeddings"),
    (r"^norm\.", f"{PREFIX}encoder.encoder_norm."),
    (r"^head\.classifier\.", "base_model.head."),
    (r"^blocks\.", f"{PREFIX}encoder.layer."),
    (r"\.norms\.0\.", ".attention_norm."),
    (r"\.mlp_norm\.", ".ffn_norm."),
    (r"\.mixers\.0\.proj\.", ".attn.out."),
    (r"\.mixers\.0\.", ".attn."),
    (r"\.mlp\.", ".ffn."),
)


def converted_tensors(source: Tensors, wanted: Iterable[str]) -> dict[str, Converted]:
    """Joint projections of queries, keys and values, which released files contain one by one, of the same shape."""
    converted = {}
    for name in wanted:
        block, joint, kind = name.partition(".attn.qkv.")
        origins = tuple(f"{block}.attn.{projection}.{kind}" for projection in ("query", "key", "value"))
        parts = [source[origin] for origin in origins if joint and origin in source]
        if len(parts) == len(origins) and parts[0].dim() and len({(part.shape, part.dtype) for part in parts}) == 1:
            converted[name] = Converted(torch.cat(parts), origins)
    return converted


@dataclass(frozen=True, kw_only=True)
class FramewiseConfig(FramewiseViT.Config):
    """Frame-wise ViT that loads released files of TokenShift's code, whose models all have the same tensors."""

    config_tag = "msca.FramewiseConfig"

    def load_released(self, model: nn.Module, path: Path, size: InputSize) -> LoadReport:
        names = renamed(model.state_dict(), RULES)
        return load_released(model, path, names, convert=converted_tensors)


class MSCA:
    """Frame-wise ViT whose blocks attend to neighbouring frames."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FramewiseConfig):
        config_tag = "MSCA.Config"

        attention: MixerConfig = field(default_factory=HeadShift.Config)
        """Of the blocks with MSCA, which are `blocks`."""


class TokenShift:
    """Frame-wise ViT whose CLS is shifted on the residual stream."""

    @dataclass(frozen=True, kw_only=True)
    class Config(FramewiseConfig):
        division: Annotated[int, Range(least=2)] = 4
        """1 / fraction of the channels that come from each neighbour. Differs from Equation 8 of MSCA: the first of
        them come from the next frame, the second from the previous one."""
        boundary: Boundary = "zero"

        @property
        def block_shift(self) -> BlockShift:
            return BlockShift(slice(0, 1), self.width // self.division, before_mlp=True, boundary=self.boundary)
