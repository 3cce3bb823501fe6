"""Small 3D deformable transformers for tests."""

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from interface.sizes import PoseClipSize
from interface.targets import ClassTarget
from models.deform3d.backbone import MixedConvNet
from models.deform3d.model import DeformableTransformer

Model = TypeVar("Model", bound=nn.Module)

SIZE = PoseClipSize(6, 24, 32, 5)
LABELS = ClassTarget(7)


def small(**settings: object) -> DeformableTransformer.Config:
    """Model of width 32, depth 2 and 4 heads."""
    config = DeformableTransformer.Config(backbone=MixedConvNet.Config(width=8), heads=4)
    return replace(config, **settings)  # type: ignore[arg-type]


def built(size: PoseClipSize = SIZE, seed: int = 0, /, **settings: object) -> DeformableTransformer:
    """Small model in evaluation mode, with random weights that make no branch small."""
    torch.manual_seed(seed)
    return randomized(small(**settings).build(size, LABELS))


def randomized(model: Model, seed: int = 0) -> Model:
    """Model in evaluation mode, whose vectors are not zero and not one, and whose offsets are not small."""
    generator = torch.Generator().manual_seed(seed)
    for name, parameter in model.named_parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        if parameter.ndim < 2 or name.endswith("offsets.weight"):
            parameter.data = parameter.data + 0.2 * noise
    return model.eval()


def inputs(num: int = 2, size: PoseClipSize = SIZE, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Random clips (num, T, 3, height, width) and joints (num, T, R, 3)."""
    torch.manual_seed(seed)
    clips, joints = size.example(num)
    return clips, joints
