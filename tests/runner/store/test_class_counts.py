"""Counts by class in result files: names of classes, and contents that cannot be those of a test."""

import pytest

from lightning_modules.predictions import ClassCounts
from runner.store.class_counts import named_categories, named_counts, problem_of_counts

VIDEOS = {"evaluated": 3, "failed": 1, "missing": 0}
VERBS = {"take": [1, 2, 1], "cut": [1, 1, 3]}
NOUNS = {"cup": [3, 3, 4]}


def test_classes_of_the_second_kind_are_named_after_those_of_the_first() -> None:
    counts = {"verb": {0: ClassCounts(1, 2, 3)}, "noun": {1: ClassCounts(0, 1, 0), 0: ClassCounts(1, 1, 1)}}
    named = named_counts(counts, {"verb": 2, "noun": 2}, ("take", "cut", "cup", "knife"))
    assert named == {"verb": {"take": [1, 2, 3]}, "noun": {"knife": [0, 1, 0], "cup": [1, 1, 1]}}


def test_classes_without_a_name_of_their_own_are_named_by_their_number() -> None:
    counts = {"class": {number: ClassCounts(1, 1, 1) for number in range(4)}}
    assert list(named_counts(counts, {"class": 4}, ("up", "down", "up"))["class"]) == ["0", "down", "2", "3"]


def test_categories_are_named_like_the_counts() -> None:
    categories = named_categories(
        {"noun": ("dishes", "tools")}, {"verb": 2, "noun": 2}, ("take", "cut", "cup", "knife")
    )
    assert categories == {"noun": {"cup": "dishes", "knife": "tools"}}


def test_tests_without_counts_have_none() -> None:
    assert named_counts({}, {"class": 4}, ("up",)) == {}
    assert named_counts({}, {}, ()) == {}


def problem(counts: object, **fields: object) -> str | None:
    result = {"verb": 50.0, "noun": 75.0, "top1": 25.0, "videos": VIDEOS, "class_counts": counts, **fields}
    return problem_of_counts(result, ("verb", "noun", "top1"))


def test_counts_of_a_test_are_accepted_and_so_are_results_without_them() -> None:
    assert problem({"verb": VERBS, "noun": NOUNS}) is None
    assert problem({}) is None
    assert problem_of_counts({"top1": 25.0, "videos": VIDEOS}, ("top1",)) is None
    assert problem({}, categories={"noun": {"cup": "crockery"}}) is None


def test_the_accuracy_of_the_only_kind_is_top1() -> None:
    counts = {"class": {"up": [1, 3, 4]}}
    assert problem(counts) is None
    assert problem(counts, top1=50.0) == "its class_counts.class are not those of its top1"


@pytest.mark.parametrize(
    ("counts", "text"),
    [
        ({"verb": VERBS, "noun": {"cup": [2, 3, 4]}}, "its class_counts.noun are not those of its noun"),
        ({"verb": VERBS, "noun": {"cup": [3, 3, 3]}}, "its class_counts.noun are of 3 items, 3 of them evaluated"),
        ({"verb": VERBS, "noun": {"cup": [3, 4, 4]}}, "its class_counts.noun are of 4 items, 4 of them evaluated"),
        ({"verb": {"take": [1.0, 2, 1]}}, "its class_counts.verb are not numbers of correct, predicted and labelled"),
        ({"verb": {"take": [0, 0, 0]}}, "its class_counts.verb are not numbers of"),
        ({"verb": {"take": [-1, 3, 4]}}, "its class_counts.verb are not numbers of"),
        ({"verb": [1, 2, 1]}, "its class_counts.verb are not numbers of"),
    ],
)
def test_counts_that_cannot_be_those_of_the_test_are_refused(counts: object, text: str) -> None:
    found = problem(counts)
    assert found is not None and found.startswith(text)


def test_categories_are_texts_by_class() -> None:
    assert problem({}, categories={"noun": {"cup": 3}}) == "its categories.noun are not texts by class"
    assert problem({}, categories={"noun": ["cup"]}) == "its categories.noun are not texts by class"
