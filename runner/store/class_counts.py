"""Counts of the items of each class in a result file, by kind of label and name of the class.

Differences of F1 scores can then be drawn from published results. The format is that of `experiments.spec.class_f1`.
"""

import itertools
import math
from collections.abc import Mapping

from experiments.spec.class_f1 import CATEGORIES, COUNTS
from lightning_modules.predictions import ClassCounts

NamedCounts = dict[str, dict[str, list[int]]]


def named_counts(
    counts: Mapping[str, Mapping[int, ClassCounts]], classes: Mapping[str, int], names: tuple[str, ...]
) -> NamedCounts:
    """Counts by the names of the classes. A class without a name of its own is named by its number.

    Args:
        classes: number of classes per kind of label.
        names: names of the classes of all kinds, one kind after the other.
    """
    named = {
        kind: {class_name(of_kind, number): list(found) for number, found in counts.get(kind, {}).items()}
        for kind, of_kind in names_by_kind(names, classes).items()
    }
    return {kind: found for kind, found in named.items() if found}


def named_categories(
    categories: Mapping[str, tuple[str, ...]], classes: Mapping[str, int], names: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """Categories of the classes of each kind of label, by the names of the classes, as in `named_counts`."""
    by_kind = names_by_kind(names, classes)
    return {
        kind: {class_name(by_kind[kind], number): category for number, category in enumerate(of_kind)}
        for kind, of_kind in categories.items()
    }


def names_by_kind(names: tuple[str, ...], classes: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Names of the classes of each kind of label."""
    starts = itertools.accumulate(classes.values(), initial=0)
    return {kind: names[start : start + classes[kind]] for kind, start in zip(classes, starts, strict=False)}


def class_name(names: tuple[str, ...], number: int) -> str:
    """Name of a class, or its number if it has no name of its own."""
    return names[number] if number < len(names) and names.count(names[number]) == 1 else str(number)


def problem_of_counts(result: Mapping[str, object], metrics: tuple[str, ...]) -> str | None:
    """Reason why the counts or categories of a result cannot be those of its test; None if they can, or are absent.

    Args:
        metrics: names of the metrics of the test. That of a kind of label, or "top1" if there is one kind only, is its
            accuracy.
    """
    kinds, videos = result.get(COUNTS, {}), result["videos"]
    assert isinstance(kinds, dict) and isinstance(videos, dict)
    for kind, of_kind in kinds.items():
        if not (isinstance(of_kind, dict) and of_kind and all(map(_is_counts, of_kind.values()))):
            return f"its {COUNTS}.{kind} are not numbers of correct, predicted and labelled items"
        correct, predicted, support = (sum(column) for column in zip(*of_kind.values(), strict=True))
        if (predicted, support) != (videos["evaluated"], sum(videos.values())):
            return f"its {COUNTS}.{kind} are of {support} items, {predicted} of them evaluated; its videos differ"
        name = kind if kind in metrics else "top1" if len(kinds) == 1 and "top1" in metrics else None
        accuracy = result.get(name) if name is not None else None
        if isinstance(accuracy, int | float) and not math.isclose(100 * correct / support, accuracy, abs_tol=1e-6):
            return f"its {COUNTS}.{kind} are not those of its {name}"
    categories = result.get(CATEGORIES, {})
    assert isinstance(categories, dict)
    for kind, of_kind in categories.items():
        if not (isinstance(of_kind, dict) and all(isinstance(category, str) for category in of_kind.values())):
            return f"its {CATEGORIES}.{kind} are not texts by class"
    return None


def _is_counts(counts: object) -> bool:
    if not (isinstance(counts, list) and len(counts) == 3 and all(type(count) is int for count in counts)):
        return False
    correct, predicted, support = counts
    return 0 <= correct <= min(predicted, support) and max(predicted, support) > 0
