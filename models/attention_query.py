"""Attention of one point of a clip: the query, the maps, and the protocol of models that return them.

F frames, T token frames.
"""

from typing import NamedTuple, Protocol, runtime_checkable

from torch import Tensor

from models.model import InputSize
from models.tokens import Grid


class PointQuery(NamedTuple):
    """Point of a clip, and which attention of the model is wanted. Indices start at 0.

    `frame`: index of the point's token frame.
    `x`, `y`: coordinates of the point, as fractions of the width and the height.
    `block`: index of the block; None for the model's default.
    `head`: index of the head; None for the mean over all heads.
    `attention`: name of the attention, in a model with several; None for the model's default.
    """

    frame: int
    x: float
    y: float
    block: int | None = None
    head: int | None = None
    attention: str | None = None


class Patch(NamedTuple):
    """Position of a patch token: token frame, row and column, each from 0."""

    frame: int
    row: int
    column: int

    def place(self, grid: Grid) -> int:
        """Index of the patch within its frame, row after row."""
        return self.row * grid.width + self.column

    def number(self, grid: Grid) -> int:
        """Index of the patch among the patch tokens, frame after frame and row after row."""
        return self.frame * grid.patches + self.place(grid)


class AttentionOfPoint(NamedTuple):
    """Attention maps of one point of a clip.

    `maps`: (T, rows, columns), one map for each of T token frames.
    `patch`: the patch that contains the point.
    `block`, `num_blocks`: index of the block, from 0, and number of blocks of the model.
    `head`, `num_heads`: index of the head, from 0, or None for the mean over all heads, and number of heads.
    `attention`: name of the attention; None in a model whose attention has no name.
    `one_scale`: whether the weights of different frames are comparable, because they are parts of one sum. If not, each
        frame has a map of its own.
    `places`: what is read at places that are not the patches: (n, 4), each with its token frame, x, y and weight. x and
        y are fractions of the width and the height, and frames may be fractions, too. None if the patches are read.
    """

    maps: Tensor
    patch: Patch
    block: int
    num_blocks: int
    head: int | None
    num_heads: int
    attention: str | None = None
    one_scale: bool = False
    places: Tensor | None = None


@runtime_checkable
class MapsAttention(Protocol):
    """Model of clips, perhaps with further inputs, that returns attention maps."""

    def check_query(self, size: InputSize, query: PointQuery) -> None:
        """Refuse a query that `attention_of` would refuse for a clip of this size.

        Raises:
            ValueError: for a point, attention, block or head that does not exist.
        """
        ...

    def attention_of(self, inputs: tuple[Tensor, ...], query: PointQuery) -> AttentionOfPoint:
        """Attention of a point to all patches of a clip.

        Args:
            inputs: those of the forward pass for one item, without the axis of items. The first is the clip
                (F, 3, height, width).

        Raises:
            ValueError: for a point, attention, block or head that does not exist.
        """
        ...


def patch_at(grid: Grid, frame: int, x: float, y: float) -> Patch:
    """Patch of a token frame that contains a point, whose coordinates are fractions of width and height.

    Raises:
        ValueError: for a frame that does not exist, or a point outside the frame.
    """
    if not 0 <= frame < grid.frames:
        raise ValueError(f"frame {frame}: the clip has the token frames 0 to {grid.frames - 1}")
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"point {x:g},{y:g}: x and y are shares of the picture's width and height, from 0 to 1")
    return Patch(frame, min(int(y * grid.height), grid.height - 1), min(int(x * grid.width), grid.width - 1))


def check_head(head: int | None, num_heads: int) -> None:
    """Refuse a head that does not exist. None is allowed.

    Raises:
        ValueError: with the heads that exist.
    """
    if head is not None and not 0 <= head < num_heads:
        raise ValueError(f"head {head}: choose one from 0 to {num_heads - 1}")


def of_head(maps: Tensor, head: int | None) -> Tensor:
    """Map (...) of one head, or the mean over all heads (H, ...)."""
    return maps.mean(dim=0) if head is None else maps[head]
