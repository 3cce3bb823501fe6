"""Predictions of a test beside the labels, and counts of the items of each class.

I: items. C: classes of all kinds of label.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


class Prediction(NamedTuple):
    """Prediction of an item for one kind of label."""

    kind: str
    label: int
    best: tuple[tuple[int, float], ...]
    """Classes with the best scores, best first, each with its share of the scores."""

    @property
    def is_correct(self) -> bool:
        return self.best[0][0] == self.label


class Predictions(NamedTuple):
    """Predictions of all items, in the order of the test."""

    shares: Tensor
    """Shares of the classes of each kind (I, C), which sum to 1 over the classes of a kind."""
    labels: Tensor
    """(I, kinds)."""
    readable: Tensor
    """Whether the items are readable, (I,). The others have no prediction."""
    classes: Mapping[str, int]
    """Number of classes per kind of label, in the order of the shares."""

    def of_item(self, index: int, k: int = 2) -> tuple[Prediction, ...]:
        """Predictions of an item, one for each kind of label, with the k best classes."""
        parts = self.shares[index].split(tuple(self.classes.values()))
        found = []
        for kind, part, label in zip(self.classes, parts, self.labels[index].tolist(), strict=True):
            best = part.topk(min(k, len(part)))
            pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
            found.append(Prediction(kind, label, tuple(pairs)))
        return tuple(found)

    def confusion(self, kind: str) -> NDArray[np.int64]:
        """Numbers of readable items by label (rows) and predicted class (columns): (classes, classes)."""
        place, num_classes = list(self.classes).index(kind), self.classes[kind]
        part = self.shares.split(tuple(self.classes.values()), dim=1)[place]
        pairs = (self.labels[:, place] * num_classes + part.argmax(1))[self.readable]
        return pairs.bincount(minlength=num_classes**2).reshape(num_classes, num_classes).numpy()


class ClassCounts(NamedTuple):
    """Numbers of items of a class: correctly predicted, predicted, and labelled."""

    correct: int
    predicted: int
    support: int


def counts_of(predicted: Tensor, labels: Tensor, readable: Tensor, num_classes: int) -> dict[int, ClassCounts]:
    """Counts of the classes that are a label or a prediction (I,). Items that are not readable have no prediction."""
    correct = labels[readable & (predicted == labels)]
    counts = (classes.bincount(minlength=num_classes).tolist() for classes in (correct, predicted[readable], labels))
    by_class = {number: ClassCounts(*of_class) for number, of_class in enumerate(zip(*counts, strict=True))}
    return {number: found for number, found in by_class.items() if any(found)}
