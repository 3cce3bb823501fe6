from dataclasses import replace

import pytest

from experiments.runner.store import RunStore
from experiments.spec.metrics import DEVICE_HOURS, TOP1
from experiments.spec.scales import PAPER, Scale
from experiments.spec.table import Column, Table
from reports.collect import collect
from reports.layout import ours_text, printed_text, warning
from reports.report import ReportCell


def test_std_has_two_significant_digits_if_its_column_would_round_it_to_zero() -> None:
    column = Column(key="a", header="A", metric=DEVICE_HOURS, digits=0)
    cell = ReportCell(column="a", state="done", printed=None, value=0.16, std=0.057, num_seeds=2, num_requested=2)
    assert ours_text(cell, column) == "0.16 ± 0.057 (n=2)"


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(384.4, 0, "384"), (0.0125, 0, "0.013"), (0.0, 0, "0"), (-0.02, 1, "-0.02"), (0.06, 1, "0.1"), (79.66, 1, "79.7")],
)
def test_numbers_have_the_digits_of_their_column_unless_they_round_to_zero(
    value: float, digits: int, text: str
) -> None:
    column = Column(key="a", header="A", metric=TOP1, digits=digits)
    assert ours_text(ReportCell(column="a", state="done", printed=None, value=value), column) == text


def test_printed_values_appear_only_beside_measured_values_or_in_quoted_rows() -> None:
    column = Column(key="a", header="A", metric=TOP1)

    def texts(**parts: object) -> tuple[str, str]:
        cell = ReportCell(column="a", printed=79.7, **parts)  # type: ignore[arg-type]
        return ours_text(cell, column), printed_text(cell, column)

    assert texts(state="done", value=79.44) == ("79.4", "79.7")
    assert texts(state="not run") == ("–", "")
    assert texts(state="failed") == ("failed", "")
    assert texts(state="quoted") == ("79.7", "")


def test_the_warning_contains_the_unit_of_the_stand_in_items(table: Table, small: Scale, store: RunStore) -> None:
    report = collect(table, small, store)
    assert "on generated stand-in videos. " in (warning(report) or "")
    sounds = replace(report, facts=replace(report.facts, unit="sounds"))
    assert "on generated stand-in sounds. " in (warning(sounds) or "")
    assert warning(collect(table, PAPER, store)) is None
