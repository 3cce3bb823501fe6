"""Baseline of the first token: what it reads, and what it learns."""

import pytest
import torch
import torch.nn.functional as F

from data.sizes import ClipSize, TokenSequenceSize
from data.targets import ClassTarget
from models.sequence.first_token import FirstToken

SIZE = TokenSequenceSize(12, 20)
FOUR = ClassTarget(4)


def test_logits_depend_on_the_first_token_alone() -> None:
    model = FirstToken.Config().build(SIZE, FOUR)
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    (ids,) = SIZE.example(5)
    others = torch.cat([ids[:, :1], SIZE.example(5)[0][:, 1:]], dim=1)
    assert torch.equal(model(ids), model(others)) and model(ids).shape == (5, 4)
    assert not torch.equal(model(ids), model(ids.roll(1, dims=1)))


def test_both_sequences_of_a_pair_count() -> None:
    size = TokenSequenceSize(12, 20, pair=True)
    model = FirstToken.Config().build(size, FOUR)
    for weight in model.parameters():
        torch.nn.init.normal_(weight)
    a, b = size.example(5)
    assert not torch.equal(model(a, b), model(b, a)) and model(a, b).shape == (5, 4)


def test_it_learns_the_most_frequent_class_of_each_token() -> None:
    torch.manual_seed(0)
    model = FirstToken.Config().build(SIZE, FOUR)
    first = torch.randint(1, 4, (512, 1))
    likely = torch.tensor([0, 2, 0, 3])[first[:, 0]]
    labels = torch.where(torch.rand(512) < 0.7, likely, torch.randint(4, (512,)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    for _ in range(20):
        optimizer.zero_grad()
        F.cross_entropy(model(first.expand(-1, 12)), labels).backward()
        optimizer.step()
    assert torch.equal(model(first.expand(-1, 12)).argmax(1), likely)


def test_it_costs_nothing_and_takes_sequences_only() -> None:
    config = FirstToken.Config()
    assert config.macs(SIZE, FOUR) == 0 and config.cost(SIZE, FOUR).parameters == 20 * 4
    with pytest.raises(ValueError, match="it takes sequences of tokens, and the data give a clip"):
        config.check(ClipSize(4, 8, 8))
