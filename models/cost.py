"""What a model costs: multiply-adds and parameters, as the papers count them and as they are.

The convention of the papers' tables (fvcore's): a multiply-add is one, LayerNorm is 5 per element, softmax, GELU,
additions and interpolation are nothing; one clip, one view. Only shapes are computed: no weights, no GPU.
N = 1 + T*S tokens with CLS first, D width.
"""

import torch
from torch.utils.flop_counter import FlopCounterMode

from models.trunk import VideoViT


def published_macs(config: VideoViT.Config, *, frames: int, crop: int, num_classes: int) -> int:
    """Multiply-adds of one clip by the authors' formulation, in closed form: the GFLOPs columns of the tables."""
    grid = config.tokens.grid(frames, crop, crop)
    N, D = 1 + grid.tokens, config.width
    mlp = 2 * N * D * int(D * config.mlp_ratio)
    blocks = config.depth * (config.attention.macs(grid, D, config.heads) + mlp)
    num_norms = config.depth * (config.attention.num_mixers + 1) + 1
    return config.tokens.macs(grid, D) + blocks + 5 * N * D * num_norms + config.head.macs(D, num_classes)


def published_parameters(config: VideoViT.Config, *, frames: int, crop: int, num_classes: int) -> int:
    """Parameters as the tables count them: with those that the authors' model holds and never reads."""
    grid = config.tokens.grid(frames, crop, crop)
    unread = config.tokens.unread_parameters(config.width) + config.positions.unread_parameters(config.width, grid)
    return unread + used_parameters(config, frames=frames, crop=crop, num_classes=num_classes)


def used_parameters(config: VideoViT.Config, *, frames: int, crop: int, num_classes: int) -> int:
    """Parameters that our model holds."""
    model = on_meta(config, frames=frames, crop=crop, num_classes=num_classes)
    return sum(parameter.numel() for parameter in model.parameters())


def executed_macs(config: VideoViT.Config, *, frames: int, crop: int, num_classes: int) -> int:
    """Multiply-adds of convolutions, projections and attention that our model executes in one forward of one clip."""
    model = on_meta(config, frames=frames, crop=crop, num_classes=num_classes).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(torch.empty(1, frames, 3, crop, crop, device="meta"))
    return counter.get_total_flops() // 2


def on_meta(config: VideoViT.Config, *, frames: int, crop: int, num_classes: int) -> VideoViT:
    """The model without memory for its weights."""
    with torch.device("meta"):
        return config.build(frames=frames, crop=crop, num_classes=num_classes)
