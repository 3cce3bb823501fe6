"""Where a patch of a trained model looks in every frame: the spatial maps of trajectory attention.

A of equation 4 of Motionformer (https://arxiv.org/abs/2106.05392), as its Figure 4 shows it, for one query at a time:
no map of all queries is ever made.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, H heads.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

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


def readable_block(model: VideoViT, block: int | None = None) -> int:
    """A block, counted from 0, whose patches' attention is read and has maps; None chooses the last such block.

    The head reads CLS alone, so in the model's last block the attention of patches decides nothing: the last that
    counts is the one before.

    Raises:
        ValueError: for a block that there is not or that computes CLS alone, and for one without such maps.
    """
    last = len(model.blocks) - 2
    if last < 0:
        raise ValueError("the model has one block, in which CLS alone is read: no attention of patches to show")
    block = last if block is None else block
    if not 0 <= block <= last:
        raise ValueError(
            f"block {block}: choose one from 0 to {last}; the model has {len(model.blocks)} blocks, and in the last "
            f"one CLS alone is read"
        )
    mixer = _first_mixer(model, block)
    if not isinstance(mixer, TrajectoryAttention):
        raise ValueError(
            f"block {block} mixes by {type(mixer).__name__}, which has no maps along trajectories; "
            f"choose a row with trajectory attention"
        )
    if mixer.config.approximation is not None:
        raise ValueError(
            f"block {block}: {mixer.config.approximation.label} approximates the attention within frames and has no "
            f"maps to show; choose a row with exact trajectory attention"
        )
    return block


@torch.no_grad()
def spatial_map(model: VideoViT, clip: Tensor, query: Patch, block: int | None = None) -> Tensor:
    """Where a patch looks in each frame of one clip (F, 3, height, width): (H, T, S), in the precision of the clip.

    Args:
        model: in evaluation, with trained weights.
        query: the patch that looks.
        block: counted from 0; None for the last one in which patches are read.

    Raises:
        ValueError: for a block without such maps.
    """
    block = readable_block(model, block)
    x, grid = model.tokens_before(block, clip.unsqueeze(0))  # (1, N, D)
    chosen, mixer = model.blocks[block], _first_mixer(model, block)
    assert isinstance(chosen, Block) and isinstance(mixer, TrajectoryAttention)
    return mixer.spatial_map(chosen.norms[0](x), grid, query.number(grid))[0]  # (H, T, S)


def _first_mixer(model: VideoViT, block: int) -> nn.Module:
    chosen = model.blocks[block]
    assert isinstance(chosen, Block)
    return chosen.mixers[0]
