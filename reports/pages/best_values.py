"""Marks of the best values of columns."""

from collections.abc import Sequence
from dataclasses import replace

from experiments.spec.table import Column, Table
from reports.pages.report import ReportCell, ReportRow, quoted_values


def with_best(rows: Sequence[ReportRow], table: Table, *, small: bool) -> tuple[ReportRow, ...]:
    """Rows with the best values of ours marked, including ties after rounding. A single value is not marked.

    A value is best if no quoted value of its column is better. Values measured on other data do not count, nor do rows
    with a metric of their own. No value tested at a small scale is marked, nor is any of a column in which more
    than two, and more than half, of the values are equally good.
    """
    best: dict[str, float] = {}
    for index, column in enumerate(table.columns):
        cells = [row.cells[index] for row in rows if _may_be_best(row, row.cells[index])]
        ours = [value for cell in cells if isinstance(value := cell.value, int | float)]
        quoted = quoted_values(rows, index)
        if column.best is None or not ours or (small and table.rests_on_test(column.metric)):
            continue
        if len(ours) + len(quoted) > 1:
            rounded = [column.form.rounded(value) for value in (*ours, *quoted)]
            found = max(rounded) if column.best == "max" else min(rounded)
            if rounded.count(found) <= max(2, len(rounded) // 2):
                best[column.key] = found

    def mark(row: ReportRow, cell: ReportCell, column: Column) -> ReportCell:
        is_best = (
            isinstance(cell.value, int | float)
            and _may_be_best(row, cell)
            and best.get(column.key) == column.form.rounded(cell.value)
        )
        return replace(cell, best=is_best)

    return tuple(
        replace(row, cells=tuple(mark(row, *pair) for pair in zip(row.cells, table.columns, strict=True)))
        for row in rows
    )


def _may_be_best(row: ReportRow, cell: ReportCell) -> bool:
    return not (row.row.quoted or row.row.metric or cell.other_data)
