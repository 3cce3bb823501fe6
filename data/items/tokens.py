"""Training and test items that are sequences of token ids, or pairs of them. N tokens, padding included."""

import numpy as np
import torch
from torch import Tensor

from data.datasets.token_lists import PADDING, Ids, TokenList
from data.errors import DecodeError
from data.items.items import TestItems, TrainItems
from interface.sizes import TokenSequenceSize


class TrainTokens(TrainItems):
    """Padded sequences.

    Args:
        most: largest number of tokens of a sequence; the others are cut off.
    """

    def __init__(self, items: TokenList, seed: int, size: TokenSequenceSize, most: int) -> None:
        super().__init__(items, seed)
        self.size, self.most = size, most

    def inputs(self, index: int) -> tuple[Tensor, ...]:
        """Token ids (N,) of each sequence of an item."""
        assert isinstance(self.items, TokenList)
        return padded(self.items, index, self.size, self.most)


class TestTokens(TestItems):
    """The one view of each item: its padded sequences.

    Args:
        most: largest number of tokens of a sequence; the others are cut off.
    """

    __test__ = False

    def __init__(self, items: TokenList, size: TokenSequenceSize, most: int) -> None:
        super().__init__(items, num_views=1)
        self.size, self.most = size, most

    def inputs(self, index: int, view: int) -> tuple[Tensor, ...]:
        """Token ids (1, N) of each sequence of an item."""
        assert isinstance(self.items, TokenList)
        return tuple(ids.unsqueeze(0) for ids in padded(self.items, index, self.size, self.most))

    def blank_inputs(self) -> tuple[Tensor, ...]:
        return tuple(torch.full((1, self.size.length), PADDING) for _ in range(1 + self.size.pair))


def padded(items: TokenList, index: int, size: TokenSequenceSize, most: int) -> tuple[Tensor, ...]:
    """Token ids (N,) of each sequence of an item.

    Raises:
        DecodeError: if the item cannot be read, has no tokens, or has a token out of the vocabulary.
    """
    return tuple(padded_ids(ids, items.ids[index], size, most) for ids in items.tokens(index))


def padded_ids(ids: Ids, name: str, size: TokenSequenceSize, most: int) -> Tensor:
    """Token ids (N,) of a sequence, cut to `most` tokens."""
    kept = ids[:most]
    if not len(kept):
        raise DecodeError(name, "it has no tokens")
    if kept.min() < 0 or kept.max() >= size.vocabulary:
        wrong = int(kept.max() if kept.max() >= size.vocabulary else kept.min())
        raise DecodeError(name, f"the token {wrong} is out of the vocabulary of {size.vocabulary} ids")
    row = np.full(size.length, PADDING, np.int64)
    row[: len(kept)] = kept
    return torch.from_numpy(row)
