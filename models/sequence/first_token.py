"""Baseline for sequences of tokens: classes from the first token alone.

In ListOps, the first token is the operator of the whole expression. B batch, N tokens, C classes.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from models.model import InputSize, ModelConfig, Targets, TokenSequenceSize, as_token_sequence, num_outputs


class FirstToken(nn.Module):
    """A table from the first token to logits; of pairs, the sum of two tables."""

    @dataclass(frozen=True, kw_only=True)
    class Config(ModelConfig):
        """No options."""

        def check(self, size: InputSize) -> None:
            as_token_sequence(size)

        def build(self, size: InputSize, targets: Targets) -> "FirstToken":
            return FirstToken(as_token_sequence(size), num_outputs(targets))

        def macs(self, size: InputSize, targets: Targets) -> int:
            """None: logits are looked up."""
            return 0

        def tiny(self) -> Self:
            return self

    def __init__(self, size: TokenSequenceSize, num_outputs: int) -> None:
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(size.vocabulary, num_outputs) for _ in range(1 + size.pair))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    def forward(self, *ids: Tensor) -> Tensor:
        """Logits (B, C) of token ids (B, N), or of two such tensors for pairs."""
        logits = [table(tokens[:, 0]) for table, tokens in zip(self.tables, ids, strict=True)]  # (B, C) each
        return torch.stack(logits).sum(dim=0)
