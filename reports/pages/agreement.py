"""Tests of released weights beside printed values: whether they agree within the sampling error."""

import math
from collections.abc import Iterable

from experiments.spec.metrics import ACCURACIES
from experiments.spec.number_formats import value_text
from experiments.spec.table import Table
from reports.pages.report import ReportCell, ReportRow, SeedResult
from reports.pages.table_texts import cell_name
from runner.store.records import TestRecord

SIGMAS = 1.96  # 95 % of a normal distribution


def agreements(table: Table, rows: Iterable[ReportRow]) -> list[str]:
    """A sentence on each test of released weights whose value is printed."""
    return [
        f"{cell_name(table, cell.row, cell.column)}: {_agreement(cell, ours, printed, test.record.videos.evaluated)}; "
        f"{_tested(result, test.record)}"
        for row in rows
        for cell in row.cells
        for result in cell.seeds
        if result.released and (test := result.test) is not None
        if isinstance(ours := cell.value, float) and isinstance(printed := cell.printed, int | float)
    ]


def _agreement(cell: ReportCell, ours: float, printed: float, num_items: int) -> str:
    """Difference from the printed value, compared with the sampling error if it is a share of the items."""
    difference = f"released weights {ours - printed:+.2f} from the printed {value_text(printed, cell.form)}"
    if cell.metric not in ACCURACIES:
        return difference
    error = sampling_error(printed, num_items)
    verdict = "within" if abs(ours - printed) <= error else "more than"
    return f"{difference}, {verdict} the sampling error of {error:.2f} (95 %)"


def _tested(result: SeedResult, record: TestRecord) -> str:
    """Videos that were tested, those that were missing or unreadable, and what their copy is."""
    videos, dataset = record.videos, result.run.data.dataset
    official = dataset.official_size("test")
    count = f"{videos.evaluated:,}" + (f" of {official:,}" if official is not None else "")
    copy = f"; copy: {record.data.copy}" if record.data.copy else ""
    return f"{count} {dataset.unit} tested, {videos.missing:,} missing, {videos.failed:,} unreadable{copy}"


def sampling_error(percent: float, num_items: int) -> float:
    """Half-width in points of the 95 % interval of an accuracy on other draws of the test items."""
    share = percent / 100
    return 100 * SIGMAS * math.sqrt(share * (1 - share) / num_items) if num_items else math.inf
