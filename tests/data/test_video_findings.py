"""Findings on decoded videos."""

import pytest

from data.video_findings import is_improbable


@pytest.mark.parametrize(
    ("bad", "sample", "expected"),
    [
        (1, 16, False),
        (2, 16, False),
        (3, 16, True),
        (16, 16, True),
        (0, 16, False),
        (10, 1000, False),
        (25, 1000, True),
    ],
)
def test_a_sample_tells_whether_more_than_one_percent_are_bad(bad: int, sample: int, expected: bool) -> None:
    assert is_improbable(bad, sample, 0.01) == expected


def test_any_bad_item_is_too_many_if_none_is_accepted() -> None:
    assert is_improbable(1, 16, 0.0)
