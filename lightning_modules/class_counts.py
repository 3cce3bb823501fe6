"""Counts of the items of each class in a test, from which precision, recall and F1 follow. I: items."""

from typing import NamedTuple

from torch import Tensor


class ClassCounts(NamedTuple):
    """Numbers of items of a class: correctly predicted, predicted, and labelled."""

    correct: int
    predicted: int
    support: int


def counts_of(predicted: Tensor, labels: Tensor, readable: Tensor, num_classes: int) -> dict[int, ClassCounts]:
    """Counts of the classes that are a label or a prediction.

    Args:
        predicted, labels: class of each item, (I,).
        readable: whether the items are readable, (I,). The others have no prediction.
    """
    correct = labels[readable & (predicted == labels)]
    counts = (classes.bincount(minlength=num_classes).tolist() for classes in (correct, predicted[readable], labels))
    by_class = {number: ClassCounts(*of_class) for number, of_class in enumerate(zip(*counts, strict=True))}
    return {number: found for number, found in by_class.items() if any(found)}
