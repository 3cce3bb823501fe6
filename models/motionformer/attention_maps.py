"""Spatial attention maps of trajectory attention: attention of one patch of a trained model to each frame.

A of equation 4 of Motionformer (https://arxiv.org/abs/2106.05392), as in its Figure 4. It is computed for one query at
a time, so that the map of all queries is never in memory.
B batch, F frames, T token frames, S patches per frame, N = 1 + T*S tokens with CLS first, D width, H heads.
"""

import torch
from torch import Tensor

from models.attention_query import AttentionMaps, CheckedQuery, MappedAttention, of_head
from models.mixers.trajectory import TrajectoryAttention
from models.tokens import Grid
from models.trunk import VideoViT


class TrajectoryMaps(AttentionMaps):
    """Maps of a video ViT, by default of the last block with maps. The last block of all computes CLS alone."""

    one_scale = False

    def __init__(self, model: VideoViT) -> None:
        self.model = model

    @property
    def num_blocks(self) -> int:
        return len(self.model.blocks)

    @property
    def attentions(self) -> tuple[MappedAttention]:
        heads = {}
        for number in range(self.num_blocks - 1):
            mixer = self.model.block(number).mixers[0]
            if isinstance(mixer, TrajectoryAttention) and mixer.config.approximation is None:
                heads[number] = mixer.heads
        if not heads:
            raise ValueError(
                "the model has no block with maps before the last; choose a row with exact trajectory attention"
            )
        return (MappedAttention(heads, reason="; the last block computes CLS alone"),)

    def grid(self, frames: int, height: int, width: int) -> Grid:
        return self.model.config.tokens.grid(frames, height, width)

    @torch.no_grad()
    def maps(self, inputs: tuple[Tensor, ...], found: CheckedQuery, grid: Grid) -> tuple[Tensor, None]:
        (clip,) = inputs
        x, _ = self.model.tokens_before(found.block, clip.unsqueeze(0))  # (1, N, D)
        block = self.model.block(found.block)
        mixer = block.mixers[0]
        assert isinstance(mixer, TrajectoryAttention)
        heads = mixer.spatial_map(block.norms[0](x), grid, found.patch.number(grid))[0]  # (H, T, S)
        return of_head(heads, found.query.head).unflatten(1, (grid.height, grid.width)), None
