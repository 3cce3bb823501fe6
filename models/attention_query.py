"""Attention of one point of a clip: the query, the maps, and the base class of what computes them for a model.

F frames, T token frames, H heads.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, NamedTuple

from torch import Tensor

from interface.sizes import VideoSize
from models.tokens import Grid


class PointQuery(NamedTuple):
    """Point of a clip, and which attention of the model is wanted. Indices start at 0."""

    frame: int
    """Index of the point's token frame."""
    x: float
    """Coordinate of the point, as a fraction of the width."""
    y: float
    """Coordinate of the point, as a fraction of the height."""
    block: int | None = None
    """Index of the block; None for the model's default."""
    head: int | None = None
    """Index of the head; None for the mean over all heads."""
    attention: str | None = None
    """Name of the attention, in a model with several; None for the model's default."""


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


class MappedAttention(NamedTuple):
    """An attention of a model that has maps."""

    heads: Mapping[int, int]
    """Number of heads in each block that has maps, by the index of the block. The last one is the default."""
    name: str | None = None
    """None in a model whose only attention has no name."""
    reason: str = ""
    """Why a block has none, for messages."""


class CheckedQuery(NamedTuple):
    """A query whose attention, block, head and patch exist."""

    query: PointQuery
    patch: Patch
    """The patch that contains the point."""
    attention: str | None
    """Name of the attention; None in a model whose attention has no name."""
    block: int
    num_heads: int


class AttentionOfPoint(NamedTuple):
    """Attention of one point of a clip to all of its patches."""

    maps: Tensor
    """(T, rows, columns), one map for each of T token frames."""
    places: Tensor | None
    """What is read at places that are not the patches: (n, 4), each with its token frame, x, y and weight. x and y are
    fractions of the width and the height, and frames may be fractions, too. None if the patches are read."""
    found: CheckedQuery


class AttentionMaps(ABC):
    one_scale: ClassVar[bool] = True
    """Whether the weights of different frames are parts of one sum. If not, each frame has a map of its own."""

    @property
    @abstractmethod
    def num_blocks(self) -> int:
        """Number of blocks of the model."""

    @property
    @abstractmethod
    def attentions(self) -> Sequence[MappedAttention]:
        """Attentions with maps, the default first."""

    @abstractmethod
    def grid(self, frames: int, height: int, width: int) -> Grid:
        """Token grid of a clip."""

    @abstractmethod
    def maps(self, inputs: tuple[Tensor, ...], found: CheckedQuery, grid: Grid) -> tuple[Tensor, Tensor | None]:
        """Maps (T, rows, columns) of an attention and, if it reads others than the patches, the places that it reads.

        Refuses points that these inputs have no attention of.
        """

    def check(self, size: VideoSize, query: PointQuery) -> None:
        """Refuse a query that `of_point` would refuse for any clip of this size."""
        self._checked(query, self.grid(size.frames, size.height, size.width))

    def of_point(self, inputs: tuple[Tensor, ...], query: PointQuery) -> AttentionOfPoint:
        """Attention of a point to all patches of a clip. Inputs are those of one item, without the axis of items."""
        frames, _, height, width = inputs[0].shape
        grid = self.grid(frames, height, width)
        found = self._checked(query, grid)
        return AttentionOfPoint(*self.maps(inputs, found, grid), found)

    def _checked(self, query: PointQuery, grid: Grid) -> CheckedQuery:
        patch = patch_at(grid, query.frame, query.x, query.y)
        by_name = {attention.name: attention for attention in self.attentions}
        name = next(iter(by_name)) if query.attention is None else query.attention
        if name not in by_name:
            names = " and ".join(known for known in by_name if known is not None)
            raise ValueError(f"attention '{name}': the model has {names or 'one attention, which has no name'}")
        heads, _, reason = by_name[name]
        if not heads:
            raise ValueError(f"attention '{name}': no block has maps of it{reason}")
        block = max(heads) if query.block is None else query.block
        if block not in heads:
            raise ValueError(f"block {block}: maps are in blocks {', '.join(map(str, sorted(heads)))}{reason}")
        if query.head is not None and not 0 <= query.head < heads[block]:
            raise ValueError(f"head {query.head}: choose one from 0 to {heads[block] - 1}")
        return CheckedQuery(query, patch, name, block, heads[block])


def patch_at(grid: Grid, frame: int, x: float, y: float) -> Patch:
    """Patch of a token frame that contains a point, whose coordinates are fractions of width and height."""
    if not 0 <= frame < grid.frames:
        raise ValueError(f"frame {frame}: the clip has the token frames 0 to {grid.frames - 1}")
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError(f"point {x:g},{y:g}: x and y are shares of the picture's width and height, from 0 to 1")
    return Patch(frame, min(int(y * grid.height), grid.height - 1), min(int(x * grid.width), grid.width - 1))


def of_head(maps: Tensor, head: int | None) -> Tensor:
    """Map (...) of one head, or the mean over all heads (H, ...)."""
    return maps.mean(dim=0) if head is None else maps[head]
