"""F1 scores of classes, from the counts by class and the categories of classes in the result of a test.

A result holds `class_counts[kind][class] = [correct, predicted, support]` for each kind of label, and may hold
`categories[kind][class]`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from experiments.spec.metrics import Tested

COUNTS, CATEGORIES = "class_counts", "categories"  # fields of a result


class ClassF1(NamedTuple):
    """F1 score of a class in percent, and its number of test items."""

    percent: float
    support: int


def f1_by_class(result: Mapping[str, object], kind: str) -> dict[str, ClassF1]:
    """F1 score of each class with test items; empty if the result has no counts for the kind of label."""
    counts = _of_kind(result, COUNTS, kind)
    return {
        name: ClassF1(200 * correct / (predicted + support), support)
        for name, (correct, predicted, support) in counts.items()
        if support
    }


def categories_of(result: Mapping[str, object], kind: str) -> dict[str, str]:
    """Category of each class of a kind of label; empty if the result does not name them."""
    return _of_kind(result, CATEGORIES, kind)


def _of_kind(result: Mapping[str, object], field: str, kind: str) -> dict:
    kinds = result.get(field)
    return kinds.get(kind, {}) if isinstance(kinds, dict) else {}


def weighted_mean(scores: Iterable[ClassF1]) -> float | None:
    """Mean in percent, weighted by the numbers of test items; None without classes."""
    scores = tuple(scores)
    support = sum(score.support for score in scores)
    return sum(score.percent * score.support for score in scores) / support if support else None


@dataclass(frozen=True)
class WeightedF1(Tested):
    """Mean F1 score of the classes of a kind of label, weighted by their numbers of test items.

    `category`: category of the classes; None for all classes.
    """

    is_optional = True

    kind: str
    category: str | None = None

    def value(self, result: Mapping[str, object]) -> float | None:
        """Mean in percent; None if the result has no such classes."""
        category_of = categories_of(result, self.kind)
        scores = f1_by_class(result, self.kind)
        return weighted_mean(score for name, score in scores.items() if self.category in (None, category_of.get(name)))
