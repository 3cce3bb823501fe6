"""Formats of the numbers of a table."""

import pytest

from experiments.spec.number_formats import Decimals, NumberFormat, Scientific, Shortest, value_text


@pytest.mark.parametrize(
    ("form", "number", "text"),
    [
        (Decimals(1), 79.66, "79.7"),
        (Decimals(0), 384.4, "384"),
        (Decimals(1), -0.02, "-0.020"),  # would round to 0
        (Decimals(None), 7.46, "7.5"),
        (Decimals(None), 0.00185, "0.0019"),
        (Shortest(), 6, "6"),
        (Shortest(), 0.05, "0.05"),
        (Shortest(), 0.30000000000000004, "0.3"),
        (Scientific(), 1e-3, "1e-3"),
        (Scientific(), 0.00075, "7.5e-4"),
        (Scientific(), 1500, "1.5e3"),
        (Scientific(), -1e-6, "-1e-6"),
        (Scientific(), 1e10, "1e10"),
        (Scientific(2), 0.001234, "1.2e-3"),
        (Scientific(), 0, "0"),
    ],
)
def test_text_of_a_number(form: NumberFormat, number: float, text: str) -> None:
    assert form.text(number) == text


def test_numbers_are_rounded_to_the_decimals() -> None:
    assert (Decimals(1).rounded(79.66), Decimals(None).rounded(0.00185)) == (79.7, 0.0019)


def test_texts_are_kept_and_facts_are_yes_or_no() -> None:
    values = ("AdamW", True, False, None, 0.5)
    assert [value_text(value, Decimals(2)) for value in values] == ["AdamW", "yes", "no", "", "0.50"]
