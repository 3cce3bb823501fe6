"""Maps of the cross-attention between the experts of CAST: attention of one patch to the other stream.

Equation 7 of CAST (https://arxiv.org/abs/2311.18825). T2S: a patch of the spatial stream attends to the temporal one,
in B-CAST to its own place in all frames. S2T: a patch of the temporal stream attends to the spatial one, in B-CAST to
its own frame. A map is computed for one query at a time, so that the map of all queries is never in memory.
T token frames, S patches per frame, H heads.
"""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from models.attention_query import AttentionMaps, CheckedQuery, MappedAttention, of_head
from models.cast.exchange import Exchange
from models.cast.stream import Stream
from models.tokens import Grid

ATTENTIONS = ("s2t", "t2s")  # the default first


class ExchangeMaps(AttentionMaps):
    """Maps of CAST, by default S2T in the last block that has it. Patches outside of the window have the weight 0.

    Args:
        exchanges: exchange of each block that has one.
        exchange_input: tokens of both streams at the exchange of a block, for a batch of clips.
    """

    def __init__(
        self,
        spatial: Stream,
        exchanges: Mapping[int, Exchange],
        exchange_input: Callable[[int, Tensor], tuple[Tensor, Tensor]],
    ) -> None:
        self.spatial, self.exchanges, self.exchange_input = spatial, exchanges, exchange_input

    @property
    def num_blocks(self) -> int:
        return len(self.spatial.drops)

    @property
    def attentions(self) -> list[MappedAttention]:
        found, last = [], self.num_blocks - 1
        for name in ATTENTIONS:
            heads = {block: each.heads for block, each in self.exchanges.items() if name in each.attentions}
            if not heads:
                continue
            only_cls = name == "t2s" and self.spatial.pooling == "cls" and heads.pop(last, None)
            reason = f"; the spatial stream of block {last} computes CLS alone" if only_cls else ""
            found.append(MappedAttention(heads, name, reason))
        if not found:
            raise ValueError(
                "no expert of the model attends to the other; choose a row with attention between the experts"
            )
        return found

    def grid(self, frames: int, height: int, width: int) -> Grid:
        """Token grid of all clips: the model takes them in one size."""
        return self.spatial.layout.grid

    @torch.no_grad()
    def maps(self, inputs: tuple[Tensor, ...], found: CheckedQuery, grid: Grid) -> tuple[Tensor, None]:
        (clip,) = inputs
        assert found.attention is not None
        s, t = self.exchange_input(found.block, clip.unsqueeze(0))
        exchange, patch = self.exchanges[found.block], found.patch
        heads = exchange.attention_map(found.attention, s, t, patch.frame, patch.place(grid))  # (H, T, S)
        return of_head(heads, found.query.head).unflatten(1, (grid.height, grid.width)), None
