"""Where a patch of a trained model looks in every frame: the spatial maps of trajectory attention.

A of equation 4 of Motionformer (https://arxiv.org/abs/2106.05392), as its Figure 4 shows it, for one query at a time:
no map of all queries is ever made.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, H heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid
from models.trunk import Block, VideoViT


class Patch(NamedTuple):
    """A patch token by its place: token frame, row and column, each counted from 0."""

    frame: int
    row: int
    column: int

    def number(self, grid: Grid) -> int:
        """Its number among the patch tokens, frame after frame and row after row."""
        return (self.frame * grid.height + self.row) * grid.width + self.column


def patch_at(grid: Grid, frame: int, x: float, y: float) -> Patch:
    """The patch of a token frame under a point, given as shares of width and height.

    Raises:
        ValueError: for a frame that there is not, or a point outside the picture.
    """
    if not 0 <= frame < grid.frames:
        raise ValueError(f"frame {frame}: the clip has the token frames 0 to {grid.frames - 1}")
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"point {x:g},{y:g}: x and y are shares of the picture's width and height, from 0 to 1")
    return Patch(frame, min(int(y * grid.height), grid.height - 1), min(int(x * grid.width), grid.width - 1))


def last_block_of_patches(model: VideoViT) -> int:
    """The last block, counted from 0, in which what patches find is read: the one before the last.

    The head reads CLS alone, so the last block's attention of patches decides nothing.

    Raises:
        ValueError: for a model of one block, in which no patch's attention is read.
    """
    if len(model.blocks) < 2:
        raise ValueError("the model has one block, in which CLS alone is read: no attention of patches to show")
    return len(model.blocks) - 2


@torch.no_grad()
def spatial_map(model: VideoViT, clip: Tensor, query: Patch, block: int | None = None) -> Tensor:
    """Where a patch looks in each frame of one clip (F, 3, height, width): (H, T, S), in the precision of the clip.

    Args:
        model: in evaluation, with trained weights.
        query: the patch that looks.
        block: counted from 0; None for the last one in which patches are read.

    Raises:
        ValueError: for a block that there is not or that computes CLS alone, and for one without such maps.
    """
    last = last_block_of_patches(model)
    block = last if block is None else block
    if not 0 <= block <= last:
        raise ValueError(
            f"block {block}: choose one from 0 to {last}; the model has {len(model.blocks)} blocks, and in the last "
            f"one CLS alone is read"
        )
    chosen = model.blocks[block]
    assert isinstance(chosen, Block)
    mixer = chosen.mixers[0]
    if not isinstance(mixer, TrajectoryAttention):
        raise ValueError(
            f"block {block} mixes by {type(mixer).__name__}, which has no maps along trajectories; "
            f"choose a row with trajectory attention"
        )
    x, grid = model.tokens_before(block, clip.unsqueeze(0))  # (1, N, D)
    return mixer.spatial_map(chosen.norms[0](x), grid, query.number(grid))[0]  # (H, T, S)
