"""Counts of multiply-adds and parameters, computed from tensor shapes.

The papers' convention (fvcore's): a multiply-add counts 1, LayerNorm 5 per element. Softmax, GELU, additions and
interpolation count 0. Counts are for one item and one view.
"""

import math

import torch
from torch import nn


def executed_macs(model: nn.Module, inputs: tuple[object, ...]) -> int:
    """Multiply-adds of convolutions, projections, attention and LayerNorm in one forward pass.

    The model, which may be on the meta device, cannot be used afterwards.
    """
    from torch.utils.flop_counter import FlopCounterMode  # it imports Triton

    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.forward = nn.Identity().forward  # it counts 0, and takes longer than all else on the meta device
    layer_norm = {torch.ops.aten.native_layer_norm: layer_norm_flops}
    with FlopCounterMode(display=False, custom_mapping=layer_norm) as counter, torch.no_grad():
        model.eval()(*inputs)
    return counter.get_total_flops() // 2


def layer_norm_flops(shape: torch.Size, *arguments: object, **settings: object) -> int:
    """Operations of a LayerNorm over an input of this shape, two for a multiply-add."""
    return 2 * 5 * math.prod(shape)


def num_parameters(model: nn.Module, *, trainable: bool = False) -> int:
    """Number of parameters, or of trainable parameters."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad or not trainable)
