"""Small video and image ViTs for tests."""

from dataclasses import replace

import torch
from timm.models.vision_transformer import VisionTransformer

from models.motionformer.model import Motionformer
from models.tokens import CubicTokens


def small(**settings: object) -> Motionformer.Config:
    """Motionformer of width 32, depth 3 and 4 heads, on cubes of 8x8 pixels, with random weights."""
    config = Motionformer.Config(width=32, depth=3, heads=4, tokens=CubicTokens.Config(patch=8), init=None)
    return replace(config, **settings)  # type: ignore[arg-type]


def image_vit(*, side: int = 4, width: int = 32, depth: int = 2) -> VisionTransformer:
    """Image ViT of timm with 4 heads on patches of 8x8 pixels, in evaluation mode, with random weights."""
    torch.manual_seed(1)
    vit = VisionTransformer(8 * side, patch_size=8, embed_dim=width, depth=depth, num_heads=4, num_classes=10).eval()
    for parameter in vit.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return vit
