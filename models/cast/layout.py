"""Layouts of the tokens of a ViT for clips.

B batch, T token frames, S patches per frame, D width.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from models.tokens import Grid


@dataclass(frozen=True)
class Layout:
    """Layout of the tokens of a clip.

    Args:
        framewise: whether frames are separate: tokens (B*T, 1 + S, D) with a CLS per frame. Otherwise, tokens are
            (B, T*S, D) without CLS.
    """

    grid: Grid
    framewise: bool

    @property
    def num_tokens(self) -> int:
        """Number of tokens of a clip, all CLS included."""
        return self.grid.frames * (self.framewise + self.grid.patches)

    @property
    def num_connected(self) -> int:
        return 1 + self.grid.patches if self.framewise else self.grid.tokens

    def patches(self, x: Tensor) -> Tensor:
        """Patch tokens (B, T, S, D) of all tokens, a view."""
        if self.framewise:
            return x[:, 1:].unflatten(0, (-1, self.grid.frames))
        return x.unflatten(1, (self.grid.frames, self.grid.patches))

    def with_patches(self, x: Tensor, patches: Tensor) -> Tensor:
        """All tokens, with the patches (B, T, S, D) in place of those of x. Each CLS stays."""
        if self.framewise:
            return torch.cat([x[:, :1], patches.flatten(0, 1)], dim=1)
        return patches.flatten(1, 2)

    def all_tokens(self, x: Tensor) -> Tensor:
        """Tokens of all frames of each clip, each CLS included: (B, tokens of a clip, D)."""
        return x.unflatten(0, (-1, self.grid.frames)).flatten(1, 2) if self.framewise else x
