"""Agreement of tests: of released weights with printed values, and of results with those that others made again."""

import math
from collections.abc import Iterable

import numpy as np

from experiments.spec.metrics import ACCURACIES, Measured, Metric
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


def confirmations(table: Table, rows: Iterable[ReportRow]) -> list[str]:
    """A sentence on each test that others made again: who confirms its value, and who does not."""
    return [
        f"{cell_name(table, cell.row, cell.column)}: {_verdicts(found)}"
        for row in rows
        for cell in row.cells
        for result in cell.seeds
        if (found := compared(cell.metric, result))
    ]


def measured_again(table: Table, rows: Iterable[ReportRow]) -> list[str]:
    """A sentence on each measurement that others made again: their values, with the conditions."""
    return [
        f"{cell_name(table, cell.row, cell.column)}: measured again by {'; '.join(texts)}"
        for row in rows
        for cell in row.cells
        if (texts := _other_values(cell))
    ]


def _other_values(cell: ReportCell) -> list[str]:
    metric, run = cell.metric, cell.cell.paper_run
    if not isinstance(metric, Measured) or run is None:
        return []
    records = {name: one.record for name, one in cell.other_measurements.items()}
    return [
        f"{name} {value_text(metric.value(record, run), cell.form) or 'too large'} ({metric.conditions_of(record)})"
        for name, record in records.items()
    ]


def _verdicts(differences: dict[str, tuple[str, bool]]) -> str:
    by_verdict: dict[str, list[str]] = {}
    for name, (text, agrees) in differences.items():
        verdict = "confirmed by" if agrees else "more than its error from"
        by_verdict.setdefault(verdict, []).append(f"{name} {text}")
    return "; ".join(f"{verdict} {len(texts)}: {'; '.join(texts)}" for verdict, texts in by_verdict.items())


def compared(metric: Metric, result: SeedResult) -> dict[str, tuple[str, bool]]:
    """Difference of each test by others as text, and whether it confirms the result; by the names of the others."""
    shown = result.test
    if shown is None or metric.name not in shown.record.metrics:
        return {}
    return {name: _compared(metric, shown.record, other.record) for name, other in result.others.items()}


def _compared(metric: Metric, shown: TestRecord, other: TestRecord) -> tuple[str, bool]:
    """Difference of another test as text, and whether it lies within its error.

    Of the same items, those answered otherwise give the error (McNemar 1947, https://doi.org/10.1007/BF02295996); of
    others, both sampling errors.
    """
    difference = other.metrics[metric.name] - shown.metrics[metric.name]
    first, second = (record.hits and record.hits.mask(metric.name) for record in (shown, other))
    if shown.hits and other.hits and shown.hits.ids == other.hits.ids and first is not None and second is not None:
        changed = np.count_nonzero(first != second)
        error = 100 * SIGMAS * math.sqrt(changed) / len(first)
        return f"{difference:+.2f}, {changed:,} of {len(first):,} answered otherwise", abs(difference) <= error
    tested = f"{difference:+.2f}, {other.videos.evaluated:,} tested"
    if metric in ACCURACIES:
        errors = (sampling_error(record.metrics[metric.name], record.videos.evaluated) for record in (shown, other))
        is_within = abs(difference) <= math.hypot(*errors)
    else:
        is_within = difference == 0
    return tested + (", taken on trust" if second is None else ""), is_within
