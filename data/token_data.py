"""Token data: padded sequences of token ids, or pairs of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Annotated, Self

import numpy as np
import torch
from torch import Tensor

from data.config import DataConfig
from data.datasets.token_lists import PADDING, Ids, TokenDataset, TokenList
from data.errors import DecodeError
from data.items import Inputs, TestItems, TrainItems
from data.labels import ItemList
from interface.evaluation import EvalConfig
from interface.ranges import Range
from interface.sizes import TokenSequenceSize

Length = Annotated[int, Range(least=1, most=2**20)]  # longer sequences have no tensors


@dataclass(frozen=True, kw_only=True)
class TokenData(DataConfig):
    """Sequences of one length."""

    dataset: TokenDataset
    length: Length = 2048
    """Number of positions, padding included."""
    max_tokens: Length | None = None
    """Largest number of tokens of a sequence, from its start; `length` if None."""

    @property
    def size(self) -> TokenSequenceSize:
        return TokenSequenceSize(self.length, self.dataset.vocabulary, self.dataset.is_pair)

    @property
    def most(self) -> int:
        return self.max_tokens or self.length

    def check(self, evaluation: EvalConfig) -> None:
        self.dataset.check()
        if self.most > self.length:
            raise ValueError(f"data.max_tokens is {self.max_tokens}; it must be at most data.length, {self.length}")
        if (evaluation.views, evaluation.crops) != (1, 1):
            views = f"evaluation.views is {evaluation.views} and evaluation.crops {evaluation.crops}"
            raise ValueError(f"{views}; sequences have one view and one crop")

    def train_items(self, items: ItemList, seed: int) -> TrainItems:
        return TrainItems(items, seed, partial(self.padded, items))

    def test_items(self, items: ItemList, evaluation: EvalConfig) -> TestItems:
        shapes = (1 + self.size.pair) * [((1, self.length), torch.int64)]  # of padding, which is 0
        return TestItems(items, 1, partial(self.only_view, items), *shapes)

    def padded(self, items: ItemList, index: int) -> Inputs:
        """Token ids (N,) of each sequence of an item, N tokens with padding."""
        assert isinstance(items, TokenList)
        return tuple(padded_ids(ids, items.ids[index], self.size, self.most) for ids in items.tokens(index))

    def only_view(self, items: ItemList, index: int, views: Sequence[int]) -> list[Inputs]:
        """Token ids (1, N) of each sequence of an item."""
        return [tuple(ids.unsqueeze(0) for ids in self.padded(items, index))]

    def files(self, items: ItemList) -> Sequence[tuple[str, ...]] | None:
        assert isinstance(items, TokenList)
        return items.files()

    def tiny(self) -> Self:
        dataset = self.dataset.tiny()
        return replace(self, dataset=dataset, length=min(self.length, dataset.tiny_length), max_tokens=None)


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
