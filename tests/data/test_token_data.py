"""Sequences of token ids: padding, limits, and validations that go on where the last one stopped."""

from dataclasses import replace

import pytest
import torch

from data.datamodule import DataModule
from data.datasets.aan import Aan
from data.datasets.listops import TINY, ListOps
from data.errors import DecodeError
from data.items import Draw
from data.token_data import TokenData, padded_ids
from interface.evaluation import EvalConfig
from interface.sizes import TokenSequenceSize
from tests.data.small_clips import data_module
from tests.data.small_stand_ins import root_of

ONE_VIEW = EvalConfig(views=1, crops=1)
SIZE = TokenSequenceSize(6, 10)
LISTOPS = TokenData(dataset=ListOps.Config(stand_in=TINY, test_batch=8), length=128, max_tokens=100)


def ids(*numbers: int) -> torch.Tensor:
    return padded_ids(torch.tensor(numbers, dtype=torch.long).numpy(), "item", SIZE, 4)


def test_sequences_are_cut_and_padded() -> None:
    assert ids(3, 4).tolist() == [3, 4, 0, 0, 0, 0]
    assert ids(1, 2, 3, 4, 5, 6, 7).tolist() == [1, 2, 3, 4, 0, 0]


def test_tokens_out_of_the_vocabulary_and_empty_items_are_named() -> None:
    with pytest.raises(DecodeError, match="item: the token 10 is out of the vocabulary of 10 ids"):
        ids(1, 10)
    with pytest.raises(DecodeError, match="item: the token -1 is out"):
        ids(-1, 2)
    with pytest.raises(DecodeError, match="item: it has no tokens"):
        ids()


def test_training_and_test_items_have_the_same_tokens() -> None:
    items = LISTOPS.dataset.build(root_of("listops"), "train")
    train, test = LISTOPS.train_items(items, 0), LISTOPS.test_items(items, ONE_VIEW)
    (row,) = train[Draw(0, 3)].inputs
    (rows,) = test[3].inputs
    assert row.shape == (128,) and rows.shape == (1, 128) and torch.equal(row, rows[0])
    assert train[Draw(0, 3)].label == items.label(3)
    assert test.blank_inputs()[0].shape == (1, 128)


def test_pairs_have_two_inputs() -> None:
    data = TokenData(dataset=Aan.Config(), length=64)
    items = data.dataset.build(root_of("aan"), "train")
    assert [part.shape for part in data.train_items(items, 0)[Draw(0, 1)].inputs] == [(64,), (64,)]
    assert len(data.validation_items(items).blank_inputs()) == 2


@pytest.mark.parametrize(
    ("changes", "evaluation", "message"),
    [
        ({"max_tokens": 200}, ONE_VIEW, "data.max_tokens is 200; it must be at most data.length, 128"),
        ({}, EvalConfig(views=2, crops=1), "evaluation.views is 2"),
        ({"dataset": ListOps.Config(vocabulary=10)}, ONE_VIEW, "data.dataset.vocabulary is 10; listops has 16 ids"),
    ],
)
def test_settings_that_exclude_each_other_are_refused(changes: dict, evaluation: EvalConfig, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(LISTOPS, **changes).check(evaluation)


def module() -> DataModule:
    return data_module(root_of("listops"), LISTOPS, batch_size=8, test_batch_size=8, validation_items=8)


def test_a_resumed_training_continues_the_validations() -> None:
    loader = module().val_dataloader()
    drawn = [batch.items.tolist() for _ in range(3) for batch in loader]
    first = module()
    first.train_dataloader()
    list(first.val_dataloader())
    for loads_first in (True, False):  # Lightning may set up the loaders before
        resumed = module()
        loader = None if loads_first else resumed.val_dataloader()
        resumed.load_state_dict(first.state_dict())  # pyright: ignore[reportArgumentType]
        assert [batch.items.tolist() for batch in loader or resumed.val_dataloader()] == drawn[1:2]
