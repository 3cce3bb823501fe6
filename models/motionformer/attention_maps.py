"""Spatial attention maps of trajectory attention: attention of one patch of a trained model to each frame.

A of equation 4 of Motionformer (https://arxiv.org/abs/2106.05392), as in its Figure 4. It is computed for one query at
a time, so that the map of all queries is never in memory.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, H heads.
"""

import torch
from torch import Tensor, nn

from models.attention_query import AttentionOfPoint, Patch, PointQuery, check_head, of_head, patch_at
from models.block import Block
from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid
from models.trunk import VideoViT


def attention_of_point(model: VideoViT, clip: Tensor, query: PointQuery) -> AttentionOfPoint:
    """Attention of a point to the patches of each token frame of a clip (F, 3, height, width).

    Raises:
        ValueError: as `checked_query`.
    """
    grid = model.config.tokens.grid(clip.shape[0], clip.shape[2], clip.shape[3])
    patch, block = checked_query(model, grid, query)
    heads = spatial_map(model, clip, patch, block)  # (H, T, S)
    return AttentionOfPoint(
        maps=of_head(heads, query.head).unflatten(1, (grid.height, grid.width)),
        patch=patch,
        block=block,
        num_blocks=len(model.blocks),
        head=query.head,
        num_heads=len(heads),
    )


def checked_query(model: VideoViT, grid: Grid, query: PointQuery) -> tuple[Patch, int]:
    """Patch and block of a query.

    Raises:
        ValueError: for a point, block or head that does not exist, a block without attention maps, and any name of an
            attention.
    """
    if query.attention is not None:
        raise ValueError(f"attention '{query.attention}': the model has one attention, which has no name; give none")
    patch = patch_at(grid, query.frame, query.x, query.y)
    block = block_with_maps(model, query.block)
    mixer = _first_mixer(model, block)
    assert isinstance(mixer, TrajectoryAttention)
    check_head(query.head, mixer.heads)
    return patch, block


def block_with_maps(model: VideoViT, block: int | None = None) -> int:
    """Index of a block that has attention maps of patches; by default the last but one.

    The last block computes CLS alone, so it has no attention of patches.

    Raises:
        ValueError: for a block that does not exist or computes CLS alone, and for a block without attention maps.
    """
    last = len(model.blocks) - 2
    if last < 0:
        raise ValueError("the model has one block, which computes CLS alone: it has no attention of patches to show")
    block = last if block is None else block
    if not 0 <= block <= last:
        raise ValueError(
            f"block {block}: choose one from 0 to {last}; the model has {len(model.blocks)} blocks, and the last "
            f"one computes CLS alone"
        )
    mixer = _first_mixer(model, block)
    if not isinstance(mixer, TrajectoryAttention):
        raise ValueError(
            f"block {block} uses {type(mixer).__name__}, which has no attention maps along trajectories; "
            f"choose a row with trajectory attention"
        )
    if mixer.config.approximation is not None:
        raise ValueError(
            f"block {block}: {mixer.config.approximation.label} approximates the attention within frames and has no "
            f"attention maps; choose a row with exact trajectory attention"
        )
    return block


@torch.no_grad()
def spatial_map(model: VideoViT, clip: Tensor, query: Patch, block: int | None = None) -> Tensor:
    """Attention of a patch to each frame of one clip (F, 3, height, width): (H, T, S), in the precision of the clip.

    Args:
        model: trained model in evaluation mode.
        query: the patch.
        block: index of the block; None for the last one that computes all tokens.

    Raises:
        ValueError: for a block without attention maps.
    """
    block = block_with_maps(model, block)
    x, grid = model.tokens_before(block, clip.unsqueeze(0))  # (1, N, D)
    module, mixer = model.blocks[block], _first_mixer(model, block)
    assert isinstance(module, Block) and isinstance(mixer, TrajectoryAttention)
    return mixer.spatial_map(module.norms[0](x), grid, query.number(grid))[0]  # (H, T, S)


def _first_mixer(model: VideoViT, block: int) -> nn.Module:
    module = model.blocks[block]
    assert isinstance(module, Block)
    return module.mixers[0]
