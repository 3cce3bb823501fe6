"""Token data: padded sequences of token ids, or pairs of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Self

from data.config import DataConfig
from data.datasets.token_lists import TokenDataset, TokenList
from interface.evaluation import EvalConfig
from interface.ranges import Range
from interface.sizes import TokenSequenceSize

if TYPE_CHECKING:  # the item modules import torch's loaders
    from data.items.items import ItemList
    from data.items.tokens import TestTokens, TrainTokens

Length = Annotated[int, Range(least=1, most=2**20)]  # longer sequences have no tensors


@dataclass(frozen=True, kw_only=True)
class TokenData(DataConfig):
    """Sequences of one length.

    Args:
        length: number of positions, padding included.
        max_tokens: largest number of tokens of a sequence, from its start; `length` if None.
    """

    dataset: TokenDataset
    length: Length = 2048
    max_tokens: Length | None = None

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

    def train_items(self, items: "ItemList", seed: int) -> "TrainTokens":
        from data.items.tokens import TrainTokens

        assert isinstance(items, TokenList)
        return TrainTokens(items, seed, self.size, self.most)

    def validation_items(self, items: "ItemList") -> "TestTokens":
        from data.items.tokens import TestTokens

        assert isinstance(items, TokenList)
        return TestTokens(items, self.size, self.most)

    def test_items(self, items: "ItemList", evaluation: EvalConfig) -> "TestTokens":
        return self.validation_items(items)

    def files(self, items: "ItemList") -> Sequence[tuple[str, ...]] | None:
        """File of each item; None for items in memory."""
        assert isinstance(items, TokenList)
        return items.files()

    def examine(self, items: "ItemList", index: int) -> None:
        super().examine(items, index)
        assert isinstance(items, TokenList)
        items.examine(index)

    def tiny(self) -> Self:
        dataset = self.dataset.tiny()
        return replace(self, dataset=dataset, length=min(self.length, dataset.tiny_length), max_tokens=None)
