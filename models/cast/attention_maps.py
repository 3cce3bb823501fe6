"""Maps of the cross-attention between the experts of CAST: attention of one patch to the other stream.

Equation 7 of CAST (https://arxiv.org/abs/2311.18825). T2S: a patch of the spatial stream attends to the temporal one,
in B-CAST to its own place in all frames. S2T: a patch of the temporal stream attends to the spatial one, in B-CAST to
its own frame. A map is computed for one query at a time, so that the map of all queries is never in memory.
F frames, T token frames, S patches per frame, N tokens, D width, H heads.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from models.attention_query import AttentionOfPoint, Patch, PointQuery, check_head, of_head, patch_at
from models.cast.exchange import Exchange
from models.cast.stream import Stream
from models.tokens import Grid

ATTENTIONS = ("s2t", "t2s")  # the default first


class TwoStreams(Protocol):
    """Model of two streams with an exchange in some blocks."""

    @property
    def spatial(self) -> Stream:
        """Stream that attends by T2S."""
        ...

    @property
    def temporal(self) -> Stream:
        """Stream that attends by S2T."""
        ...

    def exchange_of(self, block: int) -> Exchange | None:
        """Exchange of a block; None if it has none."""
        ...

    def block(self, block: int, s: Tensor, t: Tensor) -> tuple[Tensor, Tensor]: ...


class CheckedQuery(NamedTuple):
    """Attention, block and patch of a query, all of which exist."""

    attention: str
    block: int
    patch: Patch


@torch.no_grad()
def attention_of_point(model: TwoStreams, clip: Tensor, query: PointQuery) -> AttentionOfPoint:
    """Attention of a point to the patches of the other stream, for a clip (F, 3, height, width).

    Patches outside of the window have the weight 0.

    Raises:
        ValueError: as `checked_query`.
    """
    grid = model.spatial.layout.grid
    attention, block, patch = checked_query(model, grid, query)
    exchange = exchanges(model)[block]
    s, t = exchange_input(model, clip.unsqueeze(0), block)
    heads = exchange.attention_map(attention, s, t, patch.frame, patch.place(grid))  # (H, T, S)
    return AttentionOfPoint(
        maps=of_head(heads, query.head).unflatten(1, (grid.height, grid.width)),
        patch=patch,
        block=block,
        num_blocks=depth(model),
        head=query.head,
        num_heads=len(heads),
        attention=attention,
        one_scale=True,
    )


def checked_query(model: TwoStreams, grid: Grid, query: PointQuery) -> CheckedQuery:
    """Attention, block and patch of a query.

    Raises:
        ValueError: for a point, attention, block or head that does not exist, and a block without this attention.
    """
    patch = patch_at(grid, query.frame, query.x, query.y)
    attention = attention_with_maps(model, query.attention)
    block = block_with_maps(model, attention, query.block)
    check_head(query.head, exchanges(model)[block].heads)
    return CheckedQuery(attention, block, patch)


def attention_with_maps(model: TwoStreams, attention: str | None = None) -> str:
    """Name of an attention of the model; by default S2T, or the only one that there is.

    Raises:
        ValueError: for an attention that the model does not have.
    """
    names = [name for name in ATTENTIONS if any(name in one.attentions for one in exchanges(model).values())]
    if not names:
        raise ValueError("no expert of the model attends to the other; choose a row with attention between the experts")
    if attention is None:
        return names[0]
    if attention not in names:
        raise ValueError(f"attention '{attention}': the model has {' and '.join(names)}")
    return attention


def block_with_maps(model: TwoStreams, attention: str, block: int | None = None) -> int:
    """Index of a block that computes an attention of patches; by default the last one.

    Raises:
        ValueError: for another block.
    """
    blocks = [index for index, exchange in exchanges(model).items() if attention in exchange.attentions]
    last, reason = depth(model) - 1, ""
    if attention == "t2s" and model.spatial.pooling == "cls" and last in blocks:
        blocks.remove(last)
        reason = f"; the spatial stream of block {last} computes CLS alone"
    if not blocks:
        raise ValueError(f"attention '{attention}': no block has maps of it{reason}")
    if block is None:
        return blocks[-1]
    if block not in blocks:
        raise ValueError(f"block {block}: '{attention}' has maps in blocks {', '.join(map(str, blocks))}{reason}")
    return block


def exchange_input(model: TwoStreams, clip: Tensor, block: int) -> tuple[Tensor, Tensor]:
    """Tokens of both streams at the exchange of a block, for clips (B, F, 3, height, width)."""
    s, t = model.spatial.embedded(clip), model.temporal.embedded(clip)
    for previous in range(block):
        s, t = model.block(previous, s, t)
    return model.spatial.attend(block, s), model.temporal.attend(block, t)


def exchanges(model: TwoStreams) -> dict[int, Exchange]:
    """Exchange of each block that has one, in the order of the blocks."""
    found = {block: model.exchange_of(block) for block in range(depth(model))}
    return {block: exchange for block, exchange in found.items() if exchange is not None}


def depth(model: TwoStreams) -> int:
    return len(model.spatial.drops)
