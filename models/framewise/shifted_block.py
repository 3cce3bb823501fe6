"""Transformer block that shifts parts of its tokens between frames, on the residual stream.

B batch, T frames, N tokens of a frame with CLS first, D width.
"""

from dataclasses import dataclass

from torch import Tensor

from models.block import Block
from models.framewise.frame_shift import Boundary, Part, shift_
from models.tokens import Grid


@dataclass(frozen=True)
class BlockShift:
    """Shift of the tokens of a block.

    Args:
        tokens: of N, CLS included.
        fold: number of channels that come from each neighbour: the first from the next frame, the second from the
            previous one.
        before_mlp: whether the second half of the block shifts its input, too.
    """

    tokens: slice
    fold: int
    before_mlp: bool
    boundary: Boundary

    def parts(self, num_tokens: int) -> tuple[Part, Part]:
        """Parts of tokens (B*T, num_tokens, D)."""
        tokens = slice(*self.tokens.indices(num_tokens))
        return Part((tokens, slice(0, self.fold)), 1), Part((tokens, slice(self.fold, 2 * self.fold)), -1)

    def __call__(self, x: Tensor, grid: Grid) -> Tensor:
        """Shift tokens x (B*T, N, D) in place."""
        return shift_(x, grid.frames, self.parts(x.shape[1]), self.boundary)


class ShiftedBlock(Block):
    """Block whose tokens are shifted before attention, and optionally before the MLP.

    The residual connections carry the shifted tokens.
    """

    shift: BlockShift

    def forward(self, x: Tensor, grid: Grid) -> Tensor:
        """Output tokens (B*T, N, D) of input tokens (B*T, N, D)."""
        return self._feed_shifted(self.attend(self.shift(x.clone(), grid), grid), grid)

    def cls(self, x: Tensor, grid: Grid) -> Tensor:
        """Output of `forward` for CLS alone: (B*T, 1, D)."""
        return self._feed_shifted(self.attend_cls(self.shift(x.clone(), grid), grid), grid)

    def _feed_shifted(self, x: Tensor, grid: Grid) -> Tensor:
        return self.feed(self.shift(x, grid) if self.shift.before_mlp else x)
