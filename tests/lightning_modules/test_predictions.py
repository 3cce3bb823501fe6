"""Predictions of a test beside the labels: shares, best classes, and confusions."""

from typing import get_args

import numpy as np
import pytest
import torch

from interface.evaluation import EvalConfig, Merge
from lightning_modules.predictions import Predictions
from lightning_modules.scores import ViewScores

SHARES = torch.tensor([[0.7, 0.3, 0.1, 0.2, 0.7], [0.4, 0.6, 0.8, 0.1, 0.1], [0.9, 0.1, 0.2, 0.5, 0.3]])
PREDICTIONS = Predictions(
    SHARES, torch.tensor([[0, 2], [0, 0], [1, 1]]), torch.tensor([True, True, False]), {"verb": 2, "noun": 3}
)


def test_the_predictions_to_an_item_are_its_best_classes_of_each_kind() -> None:
    verb, noun = PREDICTIONS.of_item(1, k=2)
    assert (verb.kind, verb.label, verb.is_correct) == ("verb", 0, False)
    assert [number for number, _ in verb.best] == [1, 0]
    assert [share for _, share in verb.best] == pytest.approx([0.6, 0.4])
    assert (noun.kind, noun.label, noun.is_correct) == ("noun", 0, True)


def test_a_confusion_counts_readable_items_by_label_and_prediction() -> None:
    assert np.array_equal(PREDICTIONS.confusion("verb"), [[1, 1], [0, 0]])
    assert np.array_equal(PREDICTIONS.confusion("noun"), [[1, 0, 0], [0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("merge", get_args(Merge))
@pytest.mark.parametrize("classes", [{"class": 5}, {"verb": 2, "noun": 3}])
def test_shares_sum_to_one_for_each_kind_and_follow_the_merged_scores(merge: Merge, classes: dict[str, int]) -> None:
    sizes = tuple(classes.values())
    scores = ViewScores(
        EvalConfig(views=2, crops=2, merge=merge),
        lambda outputs: torch.cat([part.softmax(-1) for part in outputs.split(sizes, dim=-1)], dim=-1),
        lambda scores, labels: {},
        classes,
    )
    generator = torch.Generator().manual_seed(0)
    labels = torch.zeros((4, len(classes)), dtype=torch.long) if len(classes) > 1 else torch.zeros(4, dtype=torch.long)
    no = torch.zeros(4, dtype=torch.bool)
    for view in range(2):
        outputs = torch.randn(4, 2, 5, generator=generator)
        scores.add(outputs, labels, torch.arange(4), torch.full((4,), view), no, no)
    predictions = scores.predictions()
    assert predictions is not None and predictions.labels.shape == (4, len(classes))
    parts = predictions.shares.split(sizes, dim=1)
    merged = scores.merged_items().scores.split(sizes, dim=1)
    for part, of_scores in zip(parts, merged, strict=True):
        assert torch.allclose(part.sum(1), torch.ones(4))
        assert torch.equal(part.argmax(1), of_scores.argmax(1))


def test_scores_without_items_have_no_predictions() -> None:
    scores = ViewScores(EvalConfig(views=1, crops=1), torch.Tensor.softmax, lambda scores, labels: {}, {"class": 5})  # type: ignore[arg-type]
    assert scores.predictions() is None


def test_scores_without_classes_have_no_predictions() -> None:
    scores = ViewScores(EvalConfig(views=1, crops=1), lambda outputs: outputs, lambda scores, labels: {}, {})
    no, first = torch.zeros(1, dtype=torch.bool), torch.zeros(1, dtype=torch.long)
    scores.add(torch.rand(1, 1, 3), first, first, first, no, no)  # shares of attention
    assert scores.predictions() is None
