"""Small models of CAST for tests."""

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor, nn

from interface.sizes import ClipSize
from interface.targets import ClassTarget, VerbNounTarget
from models.cast.clip_expert import ClipExpert
from models.cast.frame_expert import EvaExpert, ImageExpert
from models.cast.model import CAST

Model = TypeVar("Model", bound=nn.Module)

SIZE = ClipSize(8, 32, 32)  # 4 token frames of 2x2 patches
LABELS = ClassTarget(7)
VERBS_AND_NOUNS = VerbNounTarget(5, 6)
IMAGE = ImageExpert.Config(width=48, depth=3, heads=4)
VIDEO = ClipExpert.Config(width=48, depth=3, heads=4)
EVA = EvaExpert.Config(width=48, depth=3, heads=4)


def small(**settings: object) -> CAST.Config:
    """CAST with experts of width 48, depth 3 and 4 heads."""
    return replace(CAST.Config(spatial=IMAGE, temporal=VIDEO), **settings)  # type: ignore[arg-type]


def randomized(model: Model, seed: int = 0) -> Model:
    """Model in evaluation mode, all of whose parameters are random, so that no branch is zero."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = parameter.data + noise * (0.3 if parameter.ndim < 2 else parameter.shape[-1] ** -0.5)
    return model.eval()


def clips(num: int = 2, size: ClipSize = SIZE, seed: int = 0) -> Tensor:
    """Random clips (num, F, 3, height, width)."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num, size.frames, 3, size.height, size.width, generator=generator)
